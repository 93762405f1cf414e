// The hub's names and certificate on this machine: kept in the state folder, or its owner's.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/base/address.h"
#include "daemon/base/result.h"
#include "daemon/keeper/config.h"
#include "daemon/keeper/http_identity.h"
#include "daemon/ports/entropy.h"
#include "platform/crypto/tls_identity.h"
#include "platform/log/log.h"

namespace latchkey::keeper {

// How often that is looked at, and whether an imported one was replaced.
constexpr Duration kIdentityPeriod = hours(1);

struct IdentityPlace {
  std::string state;        // folder of http.secret and http.crt
  std::string credentials;  // $CREDENTIALS_DIRECTORY; empty: there is none
  Config::Http http;
  std::vector<IpAddress> addresses;  // media.addresses; empty: all of the machine's
  bool loopback = false;
};

// Where an own one is named (http.certificate and http.key, or systemd credentials of these names), that one.
// Otherwise the key is made of http.secret (a credential, or a file made at the first start), and the
// certificate beside it is made anew when it ends, or when the hub has a name or an IPv4 address that is not
// in it. (IPv6 addresses come and go each day, on purpose.) One that is not valid yet is kept: it is the
// clock that is wrong.
class ProgramIdentity {
 public:
  ProgramIdentity() = default;  // of loopback, without names
  // Errors are the owner's to mend, and say how.
  static Result<ProgramIdentity> Load(const IdentityPlace& place, ports::Entropy& entropy, WallTime now);

  [[nodiscard]] HttpIdentity Get() const;
  // Looks again when it is time to. True: Get() says something new from now on.
  bool Refresh(platform::Logger& log, Instant now, WallTime wall);

 private:
  explicit ProgramIdentity(IdentityPlace place) : place_(std::move(place)) {}
  Status LoadOwn(WallTime now);
  Status LoadKept(ports::Entropy& entropy, WallTime now);
  // Makes the hub's own anew if it is due.
  Status Renew(WallTime now);
  [[nodiscard]] bool HasOwn() const { return !certificate_path_.empty(); }

  IdentityPlace place_;
  std::string certificate_path_;  // of an own one; empty: the hub's
  std::string key_path_;
  bool key_is_credential_ = false;
  std::vector<std::string> names_;
  platform::TlsIdentity identity_;
  platform::CertificateFacts facts_;
  std::optional<Instant> looked_at_;
};

}  // namespace latchkey::keeper
