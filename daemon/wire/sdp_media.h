// What the attributes of a media section mean: codecs, feedback, header extensions, sources. Each parser
// takes one attribute's value (the text behind "a=name:") and returns nothing for a value that its grammar
// does not allow.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/wire/sdp.h"

namespace latchkey::wire {

// Digits only, the whole text, at most `max`.
std::optional<std::uint32_t> ParseSdpNumber(std::string_view text, std::uint32_t max);
// 0..127 (RFC 3550 5.1).
std::optional<std::uint8_t> ParsePayloadType(std::string_view text);

//   a=rtpmap:<payload type> <encoding>/<clock rate>[/<channels>]      RFC 8866 6.6
struct SdpRtpMap {
  std::uint8_t payload_type = 0;
  std::string encoding;          // compared without case
  std::uint32_t clock_rate = 0;  // Hz, 1..
  std::uint32_t channels = 1;
};
std::optional<SdpRtpMap> ParseRtpMap(std::string_view value);

//   a=fmtp:<payload type> <name>=<value>;<name>=<value>...            RFC 8866 6.15
// A parameter without '=' has an empty value. Names compare without case.
struct SdpFmtp {
  std::uint8_t payload_type = 0;
  std::vector<std::pair<std::string, std::string>> parameters;  // at most kMaxFmtpParameters
  [[nodiscard]] std::optional<std::string_view> Find(std::string_view name) const;
};
// Further parameters are ignored: no codec of ours has half as many.
constexpr std::size_t kMaxFmtpParameters = 32;
std::optional<SdpFmtp> ParseFmtp(std::string_view value);

//   a=rtcp-fb:<payload type or *> <type>[ <parameter>]                RFC 4585 4.2
struct SdpRtcpFeedback {
  std::optional<std::uint8_t> payload_type;  // nothing: "*", all of the section
  std::string type;                          // "nack", "ccm", "goog-remb" ...
  std::string parameter;                     // "pli", "fir" ... or empty
};
std::optional<SdpRtcpFeedback> ParseRtcpFeedback(std::string_view value);

enum class SdpDirection : std::uint8_t { kSendRecv, kSendOnly, kRecvOnly, kInactive };
std::string_view DirectionName(SdpDirection direction);
// As the other side sees it: sendonly <-> recvonly.
SdpDirection Reversed(SdpDirection direction);
constexpr bool Sends(SdpDirection d) {
  return d == SdpDirection::kSendRecv || d == SdpDirection::kSendOnly;
}
constexpr bool Receives(SdpDirection d) {
  return d == SdpDirection::kSendRecv || d == SdpDirection::kRecvOnly;
}
// Of the section, else of the session, else sendrecv (RFC 8866 6.7).
SdpDirection DirectionOf(const Sdp& sdp, const SdpMedia& media);

//   a=extmap:<id>[/<direction>] <uri>[ <attributes>]                  RFC 8285 8
struct SdpExtMap {
  std::uint16_t id = 0;                   // 1..14 one-byte header, 1..255 two-byte, 4096.. placeholders
  std::optional<SdpDirection> direction;  // nothing: as the section's
  std::string uri;
};
std::optional<SdpExtMap> ParseExtMap(std::string_view value);

//   a=ssrc:<ssrc> <attribute>[:<value>]                               RFC 5576 4.1
struct SdpSsrc {
  std::uint32_t ssrc = 0;
  std::string attribute;  // "cname", "msid" ...
  std::string value;
};
std::optional<SdpSsrc> ParseSsrc(std::string_view value);

//   a=ssrc-group:<semantics> <ssrc> <ssrc>...                         RFC 5576 4.2, FID: RFC 4588 8.7
struct SdpSsrcGroup {
  std::string semantics;  // "FID", "SIM" ...
  std::vector<std::uint32_t> ssrcs;
};
// A group of more is refused: three layers and their repairs are six.
constexpr std::size_t kMaxSsrcsInGroup = 16;
std::optional<SdpSsrcGroup> ParseSsrcGroup(std::string_view value);

//   a=group:<semantics> <mid> <mid>...                                RFC 5888 5, BUNDLE: RFC 9143
struct SdpGroup {
  std::string semantics;
  std::vector<std::string> mids;  // a group may name mids that are not there (FFmpeg does)
};
constexpr std::size_t kMaxMidsInGroup = 64;
std::optional<SdpGroup> ParseGroup(std::string_view value);

//   a=rid:<id> send|recv [restrictions]                               RFC 8851
struct SdpRid {
  std::string id;
  bool send = false;
};
std::optional<SdpRid> ParseRid(std::string_view value);

// A mid is a token of at most 64 bytes; nothing when the section has none or another (RFC 5888 4).
constexpr std::size_t kMaxMidBytes = 64;
std::optional<std::string> MidOf(const SdpMedia& media);

}  // namespace latchkey::wire
