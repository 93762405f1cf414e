// Which names this hub answers to. A page of a stranger's whose name was pointed at the hub's address (DNS
// rebinding) carries its own name in Host, and is refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/address.h"

namespace latchkey::front {

class HostPolicy {
 public:
  // `names`: DNS names and IP literals (IPv6 without brackets) in lower case. With `local_addresses`, the
  // address that a client reached is a good name as well (LAN: addresses come and go).
  HostPolicy(std::vector<std::string> names, std::uint16_t port, bool secure, bool local_addresses);

  // "http://127.0.0.1:8480" for a Host that names this hub and this port; nothing for any other. The
  // port may be missing only where it is the scheme's own.
  [[nodiscard]] std::optional<std::string> Origin(std::string_view host, const IpAddress& local) const;

 private:
  std::vector<std::string> names_;
  std::uint16_t port_;
  bool secure_;
  bool local_addresses_;
};

}  // namespace latchkey::front
