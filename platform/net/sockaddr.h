// SocketAddress to and from the kernel's structures. Private to platform/net.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "daemon/base/address.h"

namespace latchkey::platform {

// Fills `out` for a socket of `family` (AF_INET or AF_INET6) and returns the length; an IPv4 address
// becomes IPv4-mapped on an IPv6 socket. 0 when the family can't carry it.
socklen_t ToSockaddr(const SocketAddress& address, int family, sockaddr_storage& out);
// AF_INET and AF_INET6; anything else is 0.0.0.0:0. IPv4-mapped comes back as IPv4.
SocketAddress FromSockaddr(const sockaddr_storage& in);
IpAddress FromIn6(const in6_addr& in, std::uint32_t scope);
IpAddress FromIn4(const in_addr& in);
in6_addr ToIn6(const IpAddress& address);
in_addr ToIn4(const IpAddress& address);

}  // namespace latchkey::platform
