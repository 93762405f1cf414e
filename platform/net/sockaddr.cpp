#include "platform/net/sockaddr.h"

#include <array>
#include <cstring>

namespace latchkey::platform {

in_addr ToIn4(const IpAddress& address) {
  in_addr out{};
  std::memcpy(&out, address.bytes().data(), sizeof(out));
  return out;
}

in6_addr ToIn6(const IpAddress& address) {
  in6_addr out{};
  if (!address.is_v4()) {
    std::memcpy(&out, address.bytes().data(), sizeof(out));
    return out;
  }
  out.s6_addr[10] = 0xff;
  out.s6_addr[11] = 0xff;
  std::memcpy(&out.s6_addr[12], address.bytes().data(), 4);
  return out;
}

IpAddress FromIn4(const in_addr& in) {
  std::array<std::uint8_t, 4> bytes{};
  std::memcpy(bytes.data(), &in, bytes.size());
  return IpAddress::V4(bytes);
}

IpAddress FromIn6(const in6_addr& in, std::uint32_t scope) {
  std::array<std::uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), &in, bytes.size());
  const bool link_local = bytes[0] == 0xfe && (bytes[1] & 0xc0U) == 0x80;
  return IpAddress::V6(bytes, link_local ? scope : 0);
}

socklen_t ToSockaddr(const SocketAddress& address, int family, sockaddr_storage& out) {
  if (family == AF_INET6) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    v6.sin6_addr = ToIn6(address.ip);
    v6.sin6_scope_id = address.ip.scope();
    std::memcpy(&out, &v6, sizeof(v6));
    return sizeof(v6);
  }
  if (!address.ip.is_v4()) return 0;
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(address.port);
  v4.sin_addr = ToIn4(address.ip);
  std::memcpy(&out, &v4, sizeof(v4));
  return sizeof(v4);
}

SocketAddress FromSockaddr(const sockaddr_storage& in) {
  if (in.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &in, sizeof(v6));
    return {FromIn6(v6.sin6_addr, v6.sin6_scope_id), ntohs(v6.sin6_port)};
  }
  if (in.ss_family != AF_INET) return {};
  sockaddr_in v4{};
  std::memcpy(&v4, &in, sizeof(v4));
  return {FromIn4(v4.sin_addr), ntohs(v4.sin_port)};
}

}  // namespace latchkey::platform
