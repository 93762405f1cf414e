// RTP packets as views (RFC 3550 5.1), their header extensions (RFC 8285), and RTX (RFC 4588).
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |V=2|P|X|  CC   |M|     PT      |       sequence number         |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |                           timestamp                           |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |                             SSRC                              |
//   +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
//   |  CC times CSRC ...                                            |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |  if X: profile (16)           |  length in words (16)         | elements ...
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |  payload ...                  | if P: padding, its size last  |
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "daemon/base/bytes.h"

namespace latchkey::wire {

constexpr std::size_t kRtpHeaderSize = 12;
constexpr std::uint8_t kRtpMaxPayloadType = 127;
// Longest fixed header, CSRC list and extension that WriteRtpHeader() makes: 12 + 4 + 14 elements of 17.
constexpr std::size_t kRtpMaxWrittenHeader = 256;

struct RtpHeader {
  bool marker = false;
  std::uint8_t payload_type = 0;  // 0..127
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
  friend bool operator==(const RtpHeader&, const RtpHeader&) = default;
};

// One element of a header extension. `data` points into the packet.
struct RtpExtension {
  std::uint8_t id = 0;  // 1..14 one-byte form, 1..255 two-byte form
  ByteView data;
};

// Walks the elements of an extension block in either form of RFC 8285 4.2 and 4.3. Anything else (another
// profile) has no elements. A malformed element ends the walk: what came before stays usable, because the
// RFC lets a receiver ignore any extension.
class RtpExtensionReader {
 public:
  RtpExtensionReader(std::uint16_t profile, ByteView block) : profile_(profile), reader_(block) {}
  std::optional<RtpExtension> Next();

 private:
  std::uint16_t profile_;
  ByteReader reader_;
};

// A packet in clear. Views into the caller's buffer.
struct RtpPacket {
  RtpHeader header;
  ByteView csrcs;                       // 4 bytes each, at most 15
  bool has_extension = false;           // X
  std::uint16_t extension_profile = 0;  // 0xBEDE or 0x100x for RFC 8285
  ByteView extension;                   // elements, without profile and length
  ByteView payload;                     // without padding; may be empty
  std::uint8_t padding = 0;             // bytes of padding, its count included; 0: P is not set
  std::size_t header_size = 0;          // bytes in front of the payload

  [[nodiscard]] RtpExtensionReader extensions() const { return {extension_profile, extension}; }
  // Data of the first element with this id.
  [[nodiscard]] std::optional<ByteView> FindExtension(std::uint8_t id) const;
};

// Of a packet in clear (after SRTP). Nothing when short, of another version, or when CSRC list, extension
// or padding reach past the end (a padding count of 0 too).
std::optional<RtpPacket> ParseRtp(ByteView packet);

// Of a packet still protected: everything but padding, which is encrypted and not looked at (`padding` is
// 0 and `payload` is all that follows the header, tag included).
std::optional<RtpPacket> ParseProtectedRtp(ByteView packet);

// Writes header and, when there are any, `extensions` in the one-byte form (ids 1..14, 1..16 bytes each;
// ids and sizes are our own, so others are a bug and CHECKed). Returns its size, or 0 when `out` is too
// small. No CSRC, no padding.
std::size_t WriteRtpHeader(const RtpHeader& header, std::span<const RtpExtension> extensions,
                           MutableByteView out);

// Overwrites the five fields of `header` in a packet that parsed before; the rest stays. Precondition:
// at least kRtpHeaderSize bytes.
void PatchRtpHeader(const RtpHeader& header, MutableByteView packet);

// RTX payload (RFC 4588 4): the original sequence number, then the original payload.
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |  OSN (16)       | payload ...
constexpr std::size_t kRtxHeaderSize = 2;
struct RtxPayload {
  std::uint16_t original_sequence = 0;
  ByteView payload;
};
// Nothing when shorter than the OSN (a probe of padding alone: not an error of the sender).
std::optional<RtxPayload> ParseRtx(ByteView rtp_payload);

}  // namespace latchkey::wire
