// A UDP socket of this machine whose datagrams carry the kernel's own stamp of their arrival: what a busy
// program does with a datagram afterwards does not count as the network's or the server's delay.
#pragma once

#include <functional>

#include "daemon/base/address.h"
#include "daemon/base/bytes.h"
#include "daemon/base/time.h"
#include "platform/loop/unique_fd.h"

namespace latchkey::bench {

// CLOCK_MONOTONIC, as platform::Loop reads it.
[[nodiscard]] Instant MonotonicNow();

class StampedSocket {
 public:
  // Datagrams read by one Receive().
  static constexpr std::size_t kBatch = 64;
  // `arrived`: when the kernel had it. The bytes may be written to and live until the call returns.
  using Callback = std::function<void(const SocketAddress& from, MutableByteView bytes, Instant arrived)>;

  // Bound to an IPv4 address of this machine and a port of the system's choice, non-blocking. Ends the
  // program with a message when that can't be.
  explicit StampedSocket(const IpAddress& address = IpAddress::V4({127, 0, 0, 1}));

  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] const SocketAddress& local() const { return local_; }
  // One batch of what has arrived. False when there was nothing.
  bool Receive(const Callback& callback);
  // IPv4 only. What the kernel does not take is lost, as on any network.
  void Send(const SocketAddress& to, ByteView bytes) const;

 private:
  platform::UniqueFd socket_;
  SocketAddress local_;
};

}  // namespace latchkey::bench
