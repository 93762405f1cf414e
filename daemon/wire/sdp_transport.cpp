#include "daemon/wire/sdp_transport.h"

#include <algorithm>
#include <limits>

#include "daemon/base/ascii.h"
#include "daemon/base/bytes.h"
#include "daemon/wire/sdp_media.h"

namespace latchkey::wire {
namespace {

constexpr std::uint32_t kMaxComponent = 256;  // RFC 8839 5.1
constexpr std::size_t kMaxFoundation = 32;
constexpr std::size_t kMaxAddressText = 255;
constexpr std::uint32_t kHostTypePreference = 126;  // RFC 8445 5.1.2.2

bool IsIceText(std::string_view text, std::size_t min, std::size_t max) {
  return text.size() >= min && text.size() <= max && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
                  c == '/';
         });
}

std::string_view NextWord(std::string_view& rest) {
  const std::size_t begin = std::min(rest.find_first_not_of(' '), rest.size());
  const std::size_t end = std::min(rest.find(' ', begin), rest.size());
  const std::string_view word = rest.substr(begin, end - begin);
  rest.remove_prefix(end);
  return word;
}

// "AB:CD:…", exactly 32 bytes.
std::optional<Sha256Fingerprint> ParseColonHex(std::string_view text) {
  Sha256Fingerprint bytes{};
  if (text.size() != bytes.size() * 3 - 1) return std::nullopt;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto high = HexDigit(text[i * 3]);
    const auto low = HexDigit(text[i * 3 + 1]);
    if (!high || !low || (i + 1 < bytes.size() && text[i * 3 + 2] != ':')) return std::nullopt;
    bytes[i] = static_cast<std::uint8_t>((*high << 4U) | *low);
  }
  return bytes;
}

Status TakeCredentials(const SdpAttributes& attributes, TrickleFragment& fragment) {
  const auto ufrag = attributes.Value("ice-ufrag");
  const auto password = attributes.Value("ice-pwd");
  if (!ufrag && !password) return {};
  if (!ufrag || !password) return Fail(ErrorCode::kInvalid, "send a=ice-ufrag and a=ice-pwd together");
  if (!IsIceUfrag(*ufrag) || !IsIcePassword(*password)) {
    return Fail(ErrorCode::kInvalid,
                "a=ice-ufrag or a=ice-pwd is not 4 (22) to 256 letters, digits, '+' or '/'");
  }
  if (fragment.ufrag.empty()) {
    fragment.ufrag = *ufrag;
    fragment.password = *password;
  }
  if (fragment.ufrag != *ufrag || fragment.password != *password) {
    return Fail(ErrorCode::kInvalid, "the sections' ICE credentials differ: bundle them onto one transport");
  }
  return {};
}

}  // namespace

std::optional<SocketAddress> SdpCandidate::UdpLiteral() const {
  if (!EqualWithoutCase(transport, "udp") || component != 1 || port == 0) return std::nullopt;
  const auto ip = IpAddress::Parse(address);
  if (!ip) return std::nullopt;
  return SocketAddress{*ip, port};
}

std::optional<SdpCandidate> ParseCandidate(std::string_view value) {
  SdpCandidate candidate;
  candidate.foundation = NextWord(value);
  const auto component = ParseSdpNumber(NextWord(value), kMaxComponent);
  candidate.transport = NextWord(value);
  const auto priority = ParseSdpNumber(NextWord(value), std::numeric_limits<std::uint32_t>::max());
  candidate.address = NextWord(value);
  const auto port = ParseSdpNumber(NextWord(value), std::numeric_limits<std::uint16_t>::max());
  const std::string_view typ = NextWord(value);
  candidate.type = NextWord(value);
  if (candidate.foundation.empty() || candidate.foundation.size() > kMaxFoundation || !component ||
      *component == 0 || candidate.transport.empty() || !priority || candidate.address.empty() ||
      candidate.address.size() > kMaxAddressText || !port || typ != "typ" || candidate.type.empty()) {
    return std::nullopt;
  }
  candidate.component = *component;
  candidate.priority = *priority;
  candidate.port = static_cast<std::uint16_t>(*port);
  return candidate;
}

SdpCandidate HostCandidate(const SocketAddress& address, std::size_t index) {
  const auto local_preference = static_cast<std::uint32_t>(65535 - std::min<std::size_t>(index, 65535));
  SdpCandidate candidate;
  candidate.foundation = std::to_string(index + 1);
  candidate.transport = "udp";
  candidate.priority = (kHostTypePreference << 24U) | (local_preference << 8U) | 255U;
  candidate.address = address.ip.ToString();
  candidate.port = address.port;
  candidate.type = "host";
  return candidate;
}

std::string FormatCandidate(const SdpCandidate& candidate) {
  return candidate.foundation + ' ' + std::to_string(candidate.component) + ' ' + candidate.transport + ' ' +
         std::to_string(candidate.priority) + ' ' + candidate.address + ' ' + std::to_string(candidate.port) +
         " typ " + candidate.type;
}

std::vector<SocketAddress> CandidatesOf(const SdpAttributes& attributes) {
  std::vector<SocketAddress> found;
  for (const std::string_view value : attributes.Values("candidate")) {
    if (found.size() >= kMaxRemoteCandidates) break;
    const auto candidate = ParseCandidate(value);
    const auto literal = candidate ? candidate->UdpLiteral() : std::nullopt;
    if (literal && std::find(found.begin(), found.end(), *literal) == found.end()) found.push_back(*literal);
  }
  return found;
}

bool IsIceUfrag(std::string_view text) {
  return IsIceText(text, 4, kMaxIceText);
}
bool IsIcePassword(std::string_view text) {
  return IsIceText(text, 22, kMaxIceText);
}

std::optional<SdpFingerprint> ParseFingerprint(std::string_view value) {
  SdpFingerprint fingerprint;
  for (const char c : NextWord(value)) {
    fingerprint.algorithm += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  const std::string_view digest = NextWord(value);
  if (fingerprint.algorithm.empty() || digest.empty()) return std::nullopt;
  if (fingerprint.algorithm == "sha-256") {
    fingerprint.sha256 = ParseColonHex(digest);
    if (!fingerprint.sha256) return std::nullopt;
  }
  return fingerprint;
}

std::string FormatFingerprint(const Sha256Fingerprint& fingerprint) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text = "sha-256 ";
  for (std::size_t i = 0; i < fingerprint.size(); ++i) {
    if (i > 0) text += ':';
    text += kDigits[fingerprint[i] >> 4U];
    text += kDigits[fingerprint[i] & 15U];
  }
  return text;
}

std::optional<SdpSetup> ParseSetup(std::string_view value) {
  const std::string_view word = NextWord(value);
  if (word == "active") return SdpSetup::kActive;
  if (word == "passive") return SdpSetup::kPassive;
  if (word == "actpass") return SdpSetup::kActPass;
  if (word == "holdconn") return SdpSetup::kHoldConn;
  return std::nullopt;
}

Result<TrickleFragment> ParseTrickleFragment(std::string_view text) {
  const Result<Sdp> sdp = ParseSdpFragment(text);
  if (!sdp) return tl::unexpected(sdp.error());
  TrickleFragment fragment;
  std::vector<const SdpAttributes*> sections{&sdp->attributes};
  for (const SdpMedia& media : sdp->media) {
    sections.push_back(&media.attributes);
    if (auto mid = MidOf(media)) fragment.mids.push_back(std::move(*mid));
  }
  for (const SdpAttributes* attributes : sections) {
    if (Status status = TakeCredentials(*attributes, fragment); !status)
      return tl::unexpected(status.error());
    for (const SocketAddress& address : CandidatesOf(*attributes)) {
      auto& list = fragment.candidates;
      const bool known = std::find(list.begin(), list.end(), address) != list.end();
      if (!known && list.size() < kMaxRemoteCandidates) list.push_back(address);
    }
    if (attributes->Has("end-of-candidates")) fragment.end_of_candidates = true;
  }
  return fragment;
}

std::string WriteTrickleFragment(std::string_view ufrag, std::string_view password, std::string_view kind,
                                 std::string_view mid, const std::vector<SocketAddress>& candidates) {
  Sdp fragment;
  fragment.attributes.Add("ice-lite");
  SdpMedia media;
  media.kind = kind;
  media.port = 9;  // RFC 8840 9.1: the m-line only names its section
  media.protocol = "UDP/TLS/RTP/SAVPF";
  media.formats = {"0"};
  media.attributes.Add("mid", mid);
  media.attributes.Add("ice-ufrag", ufrag);
  media.attributes.Add("ice-pwd", password);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    media.attributes.Add("candidate", FormatCandidate(HostCandidate(candidates[i], i)));
  }
  media.attributes.Add("end-of-candidates");
  fragment.media.push_back(std::move(media));
  return WriteSdpFragment(fragment);
}

}  // namespace latchkey::wire
