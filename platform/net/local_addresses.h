// The addresses under which this machine can be reached.
#pragma once

#include <vector>

#include "daemon/base/address.h"

namespace latchkey::platform {

// Most that are returned; a machine with more keeps those that the system lists first.
constexpr std::size_t kMaxLocalAddresses = 32;

// Addresses of interfaces that are up and running, IPv4 first, in the system's order, without
// duplicates. Loopback only when asked for; link-local IPv6 never (its scope means nothing to a peer).
[[nodiscard]] std::vector<IpAddress> LocalAddresses(bool include_loopback);

}  // namespace latchkey::platform
