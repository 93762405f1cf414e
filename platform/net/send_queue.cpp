#include "platform/net/send_queue.h"

#include <algorithm>

#include "daemon/base/check.h"

namespace latchkey::platform {

void SendQueue::CopyInto(DatagramBatch& out, const DatagramBatch& from, const Outgoing& entry) {
  const ByteView bytes = from.BytesOf(entry);
  std::copy(bytes.begin(), bytes.end(), out.Append(entry.to, entry.from, entry.size).begin());
}

std::size_t SendQueue::Append(const DatagramBatch& from, std::size_t first) {
  std::size_t dropped = 0;
  for (std::size_t i = first; i < from.size(); ++i) {
    const Outgoing& entry = from.entries()[i];
    while (!empty() && (size() >= kMaxQueuedDatagrams || live_bytes_ + entry.size > kMaxQueuedBytes)) {
      AdvanceTo(head_ + 1);
      ++dropped;
    }
    CopyInto(batch_, from, entry);
    live_bytes_ += entry.size;
  }
  return dropped;
}

std::size_t SendQueue::DropTo(const SocketAddress& to) {
  std::size_t dropped = 0;
  spare_.Clear();
  for (; head_ < batch_.size(); ++head_) {
    const Outgoing& entry = batch_.entries()[head_];
    if (entry.to != to) {
      CopyInto(spare_, batch_, entry);
      continue;
    }
    live_bytes_ -= entry.size;
    ++dropped;
  }
  std::swap(batch_, spare_);
  spare_.Clear();
  head_ = 0;
  return dropped;
}

void SendQueue::AdvanceTo(std::size_t head) {
  LATCHKEY_CHECK(head >= head_ && head <= batch_.size());
  for (; head_ < head; ++head_) live_bytes_ -= batch_.entries()[head_].size;
  if (empty()) {
    batch_.Clear();
    head_ = 0;
    LATCHKEY_CHECK(live_bytes_ == 0);
  } else if (head_ >= kMaxQueuedDatagrams / 2) {
    Compact();
  }
}

// What was dealt with leaves the arena; each datagram is moved a bounded number of times.
void SendQueue::Compact() {
  spare_.Clear();
  for (std::size_t i = head_; i < batch_.size(); ++i) CopyInto(spare_, batch_, batch_.entries()[i]);
  std::swap(batch_, spare_);
  spare_.Clear();
  head_ = 0;
}

}  // namespace latchkey::platform
