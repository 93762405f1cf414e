// Under which names, and with which certificate, the front serves.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/secret.h"
#include "daemon/base/time.h"
#include "daemon/keeper/config.h"

namespace latchkey::keeper {

// The certificate as its owner compares it.
struct CertificateView {
  std::string fingerprint;  // SHA-256 as browsers show it: "AB:CD:..."
  std::string public_key;   // SHA-256, 64 hexadecimal digits: stays when the certificate is renewed
  std::vector<std::string> names;
  WallTime not_before{};
  WallTime not_after{};
  bool imported = false;  // its owner's; otherwise made by the hub
};

struct HttpIdentity {
  std::vector<std::string> names;  // see HubNames
  std::string certificate;         // PEM; empty on loopback, where plain HTTP is spoken
  SecretText key;                  // PEM
  CertificateView view;
};

// What the hub answers to, in lower case, IPv6 without brackets, each once, seven at most: itself, and on the
// LAN latchkey.local, the machine's name (with .local as well where it has no dot), and http.host. Its
// addresses come and go: the front knows by which one it was reached.
[[nodiscard]] std::vector<std::string> HubNames(const Config::Http& http, bool loopback,
                                                std::string_view machine);

// The hub's own certificate is renewed when it has no more than this to live. Browsers ask again then.
constexpr Duration kRenewBefore = hours(24) * 30;
// Whether a certificate with these names, until then, has to be made anew: it ends soon, or one of the names
// that it should have is not in it. IPv6 addresses do not count: a machine changes them each day, on purpose.
[[nodiscard]] bool IsRenewalDue(const std::vector<std::string>& names, WallTime not_after,
                                const std::vector<std::string>& wanted, WallTime now);

// What it is made for then: what it should have, and behind that the addresses that it had, up to so many. A
// hub that goes to and fro between two networks keeps one certificate so, and browsers that were told to
// trust it need not be told again. A name that its owner took away goes.
constexpr std::size_t kMaxCertifiedNames = 32;
[[nodiscard]] std::vector<std::string> RenewedNames(std::vector<std::string> wanted,
                                                    const std::vector<std::string>& names);

// "AB:CD:..." of bytes.
[[nodiscard]] std::string FingerprintText(std::span<const std::uint8_t> digest);

}  // namespace latchkey::keeper
