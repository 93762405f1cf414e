// What the attributes of a transport mean: ICE (RFC 8839), DTLS (RFC 8122, RFC 4145), and trickle fragments
// (RFC 8840). Each parser takes one attribute's value and returns nothing for a value that its grammar does
// not allow.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/address.h"
#include "daemon/base/result.h"
#include "daemon/wire/sdp.h"

namespace latchkey::wire {

//   a=candidate:<foundation> <component> <transport> <priority> <address> <port> typ <type> [raddr ..] [name
//   value]..
struct SdpCandidate {
  std::string foundation;       // 1..32 ice-chars
  std::uint32_t component = 1;  // 1 RTP, 2 RTCP
  std::string transport;        // "udp", "tcp": compared without case
  std::uint32_t priority = 0;
  std::string address;  // a literal, or a name that is never resolved ("….local")
  std::uint16_t port = 0;
  std::string type;  // "host", "srflx", "prflx", "relay"
  // The socket to send to: UDP, component 1, and the address is an IP literal.
  [[nodiscard]] std::optional<SocketAddress> UdpLiteral() const;
};
std::optional<SdpCandidate> ParseCandidate(std::string_view value);
// A UDP host candidate of component 1; `index` is its place in the list, 0 the preferred one (RFC
// 8445 5.1.2).
SdpCandidate HostCandidate(const SocketAddress& address, std::size_t index);
std::string FormatCandidate(const SdpCandidate& candidate);
// All UDP literals of component 1 in the section, at most kMaxRemoteCandidates; further ones are ignored.
constexpr std::size_t kMaxRemoteCandidates = 16;
std::vector<SocketAddress> CandidatesOf(const SdpAttributes& attributes);

//   a=ice-ufrag:<4..256 ice-chars>   a=ice-pwd:<22..256 ice-chars>          RFC 8839 5.4
constexpr std::size_t kMaxIceText = 256;
bool IsIceUfrag(std::string_view text);
bool IsIcePassword(std::string_view text);

//   a=fingerprint:sha-256 AB:CD:...                                          RFC 8122 5
using Sha256Fingerprint = std::array<std::uint8_t, 32>;
struct SdpFingerprint {
  std::string algorithm;                    // lower case
  std::optional<Sha256Fingerprint> sha256;  // set exactly when the algorithm is sha-256
};
std::optional<SdpFingerprint> ParseFingerprint(std::string_view value);
// "sha-256 AB:CD:…", upper case.
std::string FormatFingerprint(const Sha256Fingerprint& fingerprint);

//   a=setup:active|passive|actpass|holdconn                                  RFC 4145 4
enum class SdpSetup : std::uint8_t { kActive, kPassive, kActPass, kHoldConn };
std::optional<SdpSetup> ParseSetup(std::string_view value);

// The body of a trickle or restart PATCH. Sections are not told apart: one transport carries all.
struct TrickleFragment {
  std::string ufrag;     // may be empty: a PATCH that only adds candidates may leave the credentials out
  std::string password;  // empty exactly when ufrag is
  std::vector<std::string> mids;          // as the fragment's m-lines have them
  std::vector<SocketAddress> candidates;  // UDP literals of component 1, at most kMaxRemoteCandidates
  bool end_of_candidates = false;
};
// kInvalid when it is not a fragment, or the sections' credentials differ.
Result<TrickleFragment> ParseTrickleFragment(std::string_view text);

// The answer to a restart: our new credentials and all our candidates, for the section `mid` of `kind`.
std::string WriteTrickleFragment(std::string_view ufrag, std::string_view password, std::string_view kind,
                                 std::string_view mid, const std::vector<SocketAddress>& candidates);

}  // namespace latchkey::wire
