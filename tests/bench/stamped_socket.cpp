#include "tests/bench/stamped_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace latchkey::bench {
namespace {

constexpr int kBuffer = 32 * 1024 * 1024;
constexpr std::size_t kMaxBytes = 2048;

struct Control {
  alignas(cmsghdr) std::array<std::uint8_t, 64> bytes;
};

Duration OfTimespec(const timespec& t) {
  return seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
}

Duration WallClock() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return OfTimespec(now);
}

// The kernel's stamp, since the Unix epoch.
std::optional<Duration> StampOf(msghdr& header) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) continue;
    timespec stamp{};
    std::memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
    return OfTimespec(stamp);
  }
  return std::nullopt;
}

SocketAddress AddressOf(const sockaddr_in& address) {
  std::array<std::uint8_t, 4> bytes{};
  std::memcpy(bytes.data(), &address.sin_addr, bytes.size());
  return {IpAddress::V4(bytes), ntohs(address.sin_port)};
}

sockaddr* Raw(sockaddr_in& address) {
  return static_cast<sockaddr*>(static_cast<void*>(&address));
}

sockaddr_in NameOf(const SocketAddress& address) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  std::memcpy(&name.sin_addr, address.ip.bytes().data(), 4);
  name.sin_port = htons(address.port);
  return name;
}

int OpenSocket(const IpAddress& ip) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address = NameOf({ip, 0});
  const int on = 1;
  for (const auto& [forced, ordinary] :
       {std::pair{SO_RCVBUFFORCE, SO_RCVBUF}, std::pair{SO_SNDBUFFORCE, SO_SNDBUF}}) {
    // Privileged, else the ordinary bound has to do.
    if (setsockopt(fd, SOL_SOCKET, forced, &kBuffer, sizeof(kBuffer)) != 0) {
      (void)setsockopt(fd, SOL_SOCKET, ordinary, &kBuffer, sizeof(kBuffer));
    }
  }
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) != 0 ||
      bind(fd, Raw(address), sizeof(address)) != 0) {
    std::perror("bench: socket");
    std::exit(1);
  }
  return fd;
}

}  // namespace

Instant MonotonicNow() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Instant{OfTimespec(now)};
}

StampedSocket::StampedSocket(const IpAddress& address) : socket_(OpenSocket(address)) {
  sockaddr_in name{};
  socklen_t size = sizeof(name);
  if (getsockname(socket_.get(), Raw(name), &size) != 0) {
    std::perror("bench: getsockname");
    std::exit(1);
  }
  local_ = AddressOf(name);
}

bool StampedSocket::Receive(const Callback& callback) {
  static std::array<std::array<std::uint8_t, kMaxBytes>, kBatch> buffers;
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> vectors{};
  std::array<sockaddr_in, kBatch> names{};
  std::array<Control, kBatch> controls{};
  for (std::size_t i = 0; i < kBatch; ++i) {
    vectors[i] = {buffers[i].data(), buffers[i].size()};
    messages[i].msg_hdr = {
        &names[i], sizeof(names[i]), &vectors[i], 1, controls[i].bytes.data(), sizeof(Control), 0};
  }
  const int count = recvmmsg(socket_.get(), messages.data(), kBatch, MSG_DONTWAIT, nullptr);
  const Instant now = MonotonicNow();
  const Duration wall = WallClock();
  for (int i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const Duration age = wall - StampOf(messages[at].msg_hdr).value_or(wall);
    callback(AddressOf(names[at]), MutableByteView(buffers[at]).first(messages[at].msg_len), now - age);
  }
  return count > 0;
}

void StampedSocket::Send(const SocketAddress& to, ByteView bytes) const {
  sockaddr_in address = NameOf(to);
  (void)sendto(socket_.get(), bytes.data(), bytes.size(), 0, Raw(address), sizeof(address));
}

}  // namespace latchkey::bench
