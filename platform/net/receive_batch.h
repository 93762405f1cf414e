// The receiving half of a UDP socket: one recvmmsg into buffers that are made once.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "daemon/base/datagram.h"
#include "platform/net/udp_socket.h"

namespace latchkey::platform {

class ReceiveBatch {
 public:
  // `local` is the address a datagram reached where the kernel doesn't tell.
  explicit ReceiveBatch(const SocketAddress& local);

  // What one recvmmsg brings; empty when nothing is waiting. Valid until the next call.
  std::span<const ReceivedDatagram> Read(int fd, UdpCounters& counters);

 private:
  struct Control {
    alignas(cmsghdr) std::array<std::uint8_t, 128> bytes;
  };
  SocketAddress LocalAddressOf(const msghdr& header) const;

  SocketAddress local_;
  std::unique_ptr<std::array<std::uint8_t, kMaxDatagram * kReceiveBatch>> bytes_;
  std::array<mmsghdr, kReceiveBatch> messages_{};
  std::array<iovec, kReceiveBatch> vectors_{};
  std::array<sockaddr_storage, kReceiveBatch> names_{};
  std::array<Control, kReceiveBatch> controls_{};
  std::array<ReceivedDatagram, kReceiveBatch> datagrams_{};
};

}  // namespace latchkey::platform
