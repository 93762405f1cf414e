// Values of the header extensions in use: the data of an RtpExtension element, both ways. Readers give
// nothing for a wrong size.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "daemon/base/bytes.h"
#include "daemon/base/time.h"

namespace latchkey::wire {

// URIs as in a=extmap.
inline constexpr std::string_view kUriAbsSendTime =
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
inline constexpr std::string_view kUriTransportSequence =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
inline constexpr std::string_view kUriMid = "urn:ietf:params:rtp-hdrext:sdes:mid";
inline constexpr std::string_view kUriPlayoutDelay =
    "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay";
inline constexpr std::string_view kUriAudioLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
inline constexpr std::string_view kUriVideoOrientation = "urn:3gpp:video-orientation";

// Transport-wide sequence number: 16 bits.
std::optional<std::uint16_t> ReadTransportSequence(ByteView data);
std::array<std::uint8_t, 2> TransportSequenceBytes(std::uint16_t sequence);

// Send time: seconds as 6.18 fixed point, wrapping every 64 s. `since` is any monotonic time of the sender.
std::optional<std::uint32_t> ReadAbsSendTime(ByteView data);
std::array<std::uint8_t, 3> AbsSendTimeBytes(Duration since);

// Bounds of the receiver's playout delay: 12 bits each in units of 10 ms, so 0..40.95 s; clamped.
struct PlayoutDelay {
  milliseconds min{0};
  milliseconds max{0};
  friend bool operator==(const PlayoutDelay&, const PlayoutDelay&) = default;
};
std::optional<PlayoutDelay> ReadPlayoutDelay(ByteView data);
std::array<std::uint8_t, 3> PlayoutDelayBytes(const PlayoutDelay& delay);

// Clockwise rotation for upright display: 0, 90, 180 or 270 degrees (3GPP TS 26.114 7.4.5).
std::optional<std::uint16_t> ReadVideoRotation(ByteView data);

}  // namespace latchkey::wire
