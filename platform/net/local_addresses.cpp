#include "platform/net/local_addresses.h"

#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "platform/net/sockaddr.h"

namespace latchkey::platform {
namespace {

std::optional<IpAddress> Usable(const ifaddrs& entry, bool include_loopback) {
  if (entry.ifa_addr == nullptr) return std::nullopt;
  const unsigned wanted = IFF_UP | IFF_RUNNING;
  if ((entry.ifa_flags & wanted) != wanted) return std::nullopt;
  const auto family = entry.ifa_addr->sa_family;
  sockaddr_storage name{};
  if (family == AF_INET) {
    std::memcpy(&name, entry.ifa_addr, sizeof(sockaddr_in));
  } else if (family == AF_INET6) {
    std::memcpy(&name, entry.ifa_addr, sizeof(sockaddr_in6));
  } else {
    return std::nullopt;
  }
  const IpAddress ip = FromSockaddr(name).ip;
  if (ip.IsLoopback() && !include_loopback) return std::nullopt;
  if (!ip.is_v4() && ip.IsLinkLocal()) return std::nullopt;
  if (ip.IsUnspecified()) return std::nullopt;
  return ip;
}

}  // namespace

std::vector<IpAddress> LocalAddresses(bool include_loopback) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, &::freeifaddrs);
  std::vector<IpAddress> found;
  for (const ifaddrs* entry = list; entry != nullptr && found.size() < kMaxLocalAddresses;
       entry = entry->ifa_next) {
    const auto ip = Usable(*entry, include_loopback);
    if (ip && std::find(found.begin(), found.end(), *ip) == found.end()) found.push_back(*ip);
  }
  std::stable_partition(found.begin(), found.end(), [](const IpAddress& ip) { return ip.is_v4(); });
  return found;
}

}  // namespace latchkey::platform
