#include "daemon/wire/sdp_media.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "daemon/base/ascii.h"

namespace latchkey::wire {
namespace {

constexpr std::uint32_t kMaxU32 = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint32_t kMaxExtMapId = 4351;  // RFC 8285 8: 4096..4351 are placeholders of offers

constexpr std::array<std::string_view, 4> kDirectionNames{"sendrecv", "sendonly", "recvonly", "inactive"};

std::string_view Trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// What lies in front of the first `separator`, and what behind; all and nothing when there is none.
std::pair<std::string_view, std::string_view> Split(std::string_view text, char separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) return {text, {}};
  return {text.substr(0, at), text.substr(at + 1)};
}

// One word and the rest without the spaces between them.
std::pair<std::string_view, std::string_view> Word(std::string_view text) {
  const auto [word, rest] = Split(Trimmed(text), ' ');
  return {word, Trimmed(rest)};
}

std::optional<SdpDirection> DirectionFromName(std::string_view name) {
  for (std::size_t i = 0; i < kDirectionNames.size(); ++i) {
    if (kDirectionNames[i] == name) return static_cast<SdpDirection>(i);
  }
  return std::nullopt;
}

std::optional<SdpDirection> DirectionIn(const SdpAttributes& attributes) {
  for (const SdpAttribute& a : attributes.items()) {
    if (a.has_value) continue;
    if (const auto direction = DirectionFromName(a.name)) return direction;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint32_t> ParseSdpNumber(std::string_view text, std::uint32_t max) {
  std::uint32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || read != end || value > max) return std::nullopt;
  return value;
}

std::optional<std::uint8_t> ParsePayloadType(std::string_view text) {
  const auto value = ParseSdpNumber(text, 127);
  if (!value) return std::nullopt;
  return static_cast<std::uint8_t>(*value);
}

std::optional<SdpRtpMap> ParseRtpMap(std::string_view value) {
  const auto [type_text, mapping] = Word(value);
  const auto payload_type = ParsePayloadType(type_text);
  const auto [encoding, numbers] = Split(mapping, '/');
  const auto [rate_text, channel_text] = Split(numbers, '/');
  const auto rate = ParseSdpNumber(rate_text, kMaxU32);
  const auto channels =
      channel_text.empty() ? std::optional<std::uint32_t>(1) : ParseSdpNumber(channel_text, 255);
  if (!payload_type || encoding.empty() || !rate || *rate == 0 || !channels) return std::nullopt;
  return SdpRtpMap{*payload_type, std::string(encoding), *rate, *channels};
}

std::optional<std::string_view> SdpFmtp::Find(std::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (EqualWithoutCase(key, name)) return value;
  }
  return std::nullopt;
}

std::optional<SdpFmtp> ParseFmtp(std::string_view value) {
  const auto [type_text, parameters] = Word(value);
  const auto payload_type = ParsePayloadType(type_text);
  if (!payload_type) return std::nullopt;
  SdpFmtp fmtp{*payload_type, {}};
  std::string_view rest = parameters;
  while (!rest.empty() && fmtp.parameters.size() < kMaxFmtpParameters) {
    const auto [one, behind] = Split(rest, ';');
    rest = behind;
    const auto [name, text] = Split(Trimmed(one), '=');
    if (!name.empty()) fmtp.parameters.emplace_back(Trimmed(name), Trimmed(text));
  }
  return fmtp;
}

std::optional<SdpRtcpFeedback> ParseRtcpFeedback(std::string_view value) {
  const auto [type_text, behind] = Word(value);
  const auto [type, parameter] = Word(behind);
  SdpRtcpFeedback feedback{std::nullopt, std::string(type), std::string(parameter)};
  if (type_text != "*") {
    feedback.payload_type = ParsePayloadType(type_text);
    if (!feedback.payload_type) return std::nullopt;
  }
  if (type.empty()) return std::nullopt;
  return feedback;
}

std::string_view DirectionName(SdpDirection direction) {
  return kDirectionNames[static_cast<std::size_t>(direction)];
}

SdpDirection Reversed(SdpDirection direction) {
  if (direction == SdpDirection::kSendOnly) return SdpDirection::kRecvOnly;
  if (direction == SdpDirection::kRecvOnly) return SdpDirection::kSendOnly;
  return direction;
}

SdpDirection DirectionOf(const Sdp& sdp, const SdpMedia& media) {
  if (const auto own = DirectionIn(media.attributes)) return *own;
  return DirectionIn(sdp.attributes).value_or(SdpDirection::kSendRecv);
}

std::optional<SdpExtMap> ParseExtMap(std::string_view value) {
  const auto [number, behind] = Word(value);
  const auto [id_text, direction_text] = Split(number, '/');
  const auto id = ParseSdpNumber(id_text, kMaxExtMapId);
  const auto uri = Word(behind).first;
  if (!id || *id == 0 || uri.empty()) return std::nullopt;
  SdpExtMap map{static_cast<std::uint16_t>(*id), std::nullopt, std::string(uri)};
  if (number.size() > id_text.size()) {
    map.direction = DirectionFromName(direction_text);
    if (!map.direction) return std::nullopt;
  }
  return map;
}

std::optional<SdpSsrc> ParseSsrc(std::string_view value) {
  const auto [ssrc_text, behind] = Word(value);
  const auto ssrc = ParseSdpNumber(ssrc_text, kMaxU32);
  if (!ssrc) return std::nullopt;
  const auto [attribute, text] = Split(behind, ':');
  return SdpSsrc{*ssrc, std::string(attribute), std::string(text)};
}

std::optional<SdpSsrcGroup> ParseSsrcGroup(std::string_view value) {
  auto [semantics, rest] = Word(value);
  SdpSsrcGroup group{std::string(semantics), {}};
  while (!rest.empty()) {
    const auto [word, behind] = Word(rest);
    const auto ssrc = ParseSdpNumber(word, kMaxU32);
    if (!ssrc || group.ssrcs.size() >= kMaxSsrcsInGroup) return std::nullopt;
    group.ssrcs.push_back(*ssrc);
    rest = behind;
  }
  if (group.semantics.empty() || group.ssrcs.empty()) return std::nullopt;
  return group;
}

std::optional<SdpGroup> ParseGroup(std::string_view value) {
  auto [semantics, rest] = Word(value);
  if (semantics.empty()) return std::nullopt;
  SdpGroup group{std::string(semantics), {}};
  while (!rest.empty()) {
    const auto [mid, behind] = Word(rest);
    if (group.mids.size() >= kMaxMidsInGroup) return std::nullopt;
    group.mids.emplace_back(mid);
    rest = behind;
  }
  return group;
}

std::optional<SdpRid> ParseRid(std::string_view value) {
  const auto [id, behind] = Word(value);
  const auto direction = Word(behind).first;
  if (id.empty() || id.size() > kMaxMidBytes || (direction != "send" && direction != "recv"))
    return std::nullopt;
  return SdpRid{std::string(id), direction == "send"};
}

std::optional<std::string> MidOf(const SdpMedia& media) {
  const auto value = media.attributes.Value("mid");
  if (!value) return std::nullopt;
  const std::string_view mid = Trimmed(*value);
  const bool token = mid.find_first_of(" \t:/()<>@,;\"[]?=\\") == std::string_view::npos;
  if (mid.empty() || mid.size() > kMaxMidBytes || !token) return std::nullopt;
  return std::string(mid);
}

}  // namespace latchkey::wire
