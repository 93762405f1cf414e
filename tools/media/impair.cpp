#include "tools/media/impair.h"

#include <algorithm>
#include <utility>

namespace latchkey::media {

// Gilbert-Elliott with a perfect good and a deaf bad state: from bad to good with r = 1/burst, and from good
// to bad with the p that makes the share of bad p/(p+r) equal to the loss asked for.
bool Impairment::IsLost() {
  if (options_.loss <= 0) return false;
  if (options_.burst <= 1 || options_.loss >= 1) return random_.Chance(options_.loss);
  const double leave = 1 / options_.burst;
  const double enter = options_.loss * leave / (1 - options_.loss);
  in_burst_ = in_burst_ ? !random_.Chance(leave) : random_.Chance(enter);
  return in_burst_;
}

void Impairment::Change(const ImpairOptions& options) {
  options_ = options;
  random_ = SeededRandom(options.seed);
  in_burst_ = false;
}

void Impairment::Offer(Instant now, const SocketAddress& address, ByteView bytes) {
  ++counters_.offered;
  if (IsLost()) {
    ++counters_.lost;
    return;
  }
  Instant due = std::max(now, link_free_);
  if (options_.rate_kbit > 0) {
    if (due - now > kMaxQueueTime) {
      ++counters_.queue_dropped;
      return;
    }
    // Bits over kilobits per second are milliseconds.
    const double ms = static_cast<double>(bytes.size()) * 8 / options_.rate_kbit;
    link_free_ = due + Duration{static_cast<std::int64_t>(ms * 1e6)};
    due = link_free_;
  }
  due += options_.delay;
  if (options_.jitter > Duration{0}) {
    due += Duration{static_cast<std::int64_t>(random_.Unit() * static_cast<double>(options_.jitter.count()))};
  }
  if (options_.keep_order) due = in_order_at_ = std::max(due, in_order_at_);
  if (random_.Chance(options_.reorder)) {
    ++counters_.held_back;
    due += kReorderDelay;
  }
  Hold(due, address, bytes);
  if (random_.Chance(options_.duplicate)) {
    ++counters_.duplicated;
    Hold(due, address, bytes);
  }
}

void Impairment::Hold(Instant due, const SocketAddress& address, ByteView bytes) {
  if (held_.size() >= kMaxHeld) {
    ++counters_.queue_dropped;
    return;
  }
  held_.push({due, next_order_++, {address, ByteVector(bytes.begin(), bytes.end())}});
}

std::optional<Impairment::Released> Impairment::Poll(Instant now) {
  if (held_.empty() || held_.top().due > now) return std::nullopt;
  Released released = held_.top().datagram;
  held_.pop();
  return released;
}

std::optional<Instant> Impairment::NextTimeout() const {
  if (held_.empty()) return std::nullopt;
  return held_.top().due;
}

}  // namespace latchkey::media
