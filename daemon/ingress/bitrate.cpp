#include "daemon/ingress/bitrate.h"

#include <algorithm>

namespace latchkey::ingress {

void Bitrate::OnPacket(Duration delay, std::size_t bytes) {
  bytes_ += bytes;
  least_delay_ = least_delay_ ? std::min(*least_delay_, delay) : delay;
}

std::uint64_t Bitrate::Decide(Instant now) {
  if (since_ && now - *since_ >= kLeastInterval && least_delay_) {
    const std::uint64_t rate =
        bytes_ * 8 * 1'000'000 / static_cast<std::uint64_t>(ToMicroseconds(now - *since_));
    limit_.Update({*least_delay_, rate, rate, kGrowthPercent});
  }
  since_ = now;
  bytes_ = 0;
  least_delay_.reset();
  return std::min(most_, limit_.limit().value_or(most_));
}

}  // namespace latchkey::ingress
