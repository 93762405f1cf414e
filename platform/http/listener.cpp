#include "platform/http/listener.h"

#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace latchkey::platform {
namespace {

// Connections waiting to be accepted; the kernel refuses more.
constexpr int kBacklog = 64;
// Accepted per wake-up, so that a flood of connections can't starve the rest of the loop.
constexpr int kAcceptsPerRound = 32;

socklen_t ToSystem(const SocketAddress& address, sockaddr_storage& out) {
  if (address.ip.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    std::memcpy(&v4.sin_addr, address.ip.bytes().data(), 4);
    std::memcpy(&out, &v4, sizeof(v4));
    return sizeof(v4);
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(address.port);
  v6.sin6_scope_id = address.ip.scope();
  std::memcpy(&v6.sin6_addr, address.ip.bytes().data(), 16);
  std::memcpy(&out, &v6, sizeof(v6));
  return sizeof(v6);
}

SocketAddress FromSystem(const sockaddr_storage& in) {
  if (in.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &in, sizeof(v4));
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
    return {IpAddress::V4(bytes), ntohs(v4.sin_port)};
  }
  if (in.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &in, sizeof(v6));
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return {IpAddress::V6(bytes, v6.sin6_scope_id), ntohs(v6.sin6_port)};
  }
  return {};
}

// The socket calls take the generic head of every address structure (POSIX 2.10.6).
sockaddr* Generic(sockaddr_storage& storage) {
  return reinterpret_cast<sockaddr*>(&storage);
}

tl::unexpected<Error> BindFailure(const SocketAddress& address, int error) {
  const std::string where = address.ToString();
  if (error == EADDRINUSE) {
    return Fail(ErrorCode::kConflict,
                "another program already listens on " + where + ": stop it, or choose another port");
  }
  if (error == EACCES || error == EPERM) {
    return Fail(ErrorCode::kDenied, "no permission to listen on " + where + ": choose a port above 1023");
  }
  return Fail(ErrorCode::kSystem, "cannot listen on " + where + ": " + std::strerror(error));
}

}  // namespace

SocketAddress PeerOf(int socket) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (::getpeername(socket, Generic(storage), &size) != 0) return {};
  return FromSystem(storage);
}

SocketAddress LocalOf(int socket) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (::getsockname(socket, Generic(storage), &size) != 0) return {};
  return FromSystem(storage);
}

Result<std::unique_ptr<TcpListener>> TcpListener::Bind(Loop& loop, const SocketAddress& address,
                                                       ConnectionCallback on_connection) {
  const int family = address.ip.is_v4() ? AF_INET : AF_INET6;
  UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return BindFailure(address, errno);
  const int on = 1;
  const int off = 0;
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (family == AF_INET6) (void)::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  sockaddr_storage storage{};
  const socklen_t size = ToSystem(address, storage);
  if (::bind(socket.get(), Generic(storage), size) != 0 || ::listen(socket.get(), kBacklog) != 0) {
    return BindFailure(address, errno);
  }
  const std::uint16_t port = LocalOf(socket.get()).port;
  return std::unique_ptr<TcpListener>(
      new TcpListener(loop, std::move(socket), port, std::move(on_connection)));
}

TcpListener::TcpListener(Loop& loop, UniqueFd socket, std::uint16_t port, ConnectionCallback on_connection)
    : socket_(std::move(socket)),
      port_(port),
      on_connection_(std::move(on_connection)),
      spare_(::open("/dev/null", O_RDONLY | O_CLOEXEC)),
      poller_(loop, socket_.get(), [this](Poller::Events) { Accept(); }) {
  poller_.Watch({.readable = true, .writable = false});
}

void TcpListener::Accept() {
  for (int i = 0; i < kAcceptsPerRound; ++i) {
    UniqueFd accepted(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!accepted.valid()) {
      if ((errno == EMFILE || errno == ENFILE) && spare_.valid()) {
        spare_.Close();
        UniqueFd refused(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        refused.Close();
        spare_ = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
      }
      return;
    }
    const int on = 1;
    (void)::setsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    on_connection_(std::move(accepted));
  }
}

}  // namespace latchkey::platform
