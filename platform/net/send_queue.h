// Datagrams that wait for room in the kernel's buffer: bounded, the oldest goes first. Private to
// platform/net.
#pragma once

#include <cstddef>
#include <utility>

#include "daemon/base/datagram.h"
#include "platform/net/udp_socket.h"

namespace latchkey::platform {

class SendQueue {
 public:
  [[nodiscard]] bool empty() const { return head_ == batch_.size(); }
  [[nodiscard]] std::size_t size() const { return batch_.size() - head_; }
  [[nodiscard]] const DatagramBatch& batch() const { return batch_; }
  // Index in batch() of the oldest that waits.
  [[nodiscard]] std::size_t head() const { return head_; }

  // Copies entries [first, size) of `from`, dropping the oldest where a bound is passed. Returns how many
  // were dropped.
  std::size_t Append(const DatagramBatch& from, std::size_t first);
  // Drops what waits for `to`, and returns how many datagrams that were.
  std::size_t DropTo(const SocketAddress& to);
  // Everything before `head` has been dealt with.
  void AdvanceTo(std::size_t head);

 private:
  void CopyInto(DatagramBatch& out, const DatagramBatch& from, const Outgoing& entry);
  void Compact();

  DatagramBatch batch_;
  DatagramBatch spare_;
  std::size_t head_ = 0;
  std::size_t live_bytes_ = 0;
};

}  // namespace latchkey::platform
