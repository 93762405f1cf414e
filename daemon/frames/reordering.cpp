#include "daemon/frames/reordering.h"

#include <algorithm>

namespace latchkey::frames {

void Reordering::OnLate(Duration lateness, Instant now) {
  if (last_ && now - *last_ > kMemory) count_ = 0;
  last_ = now;
  if (count_ == 0) next_ = 0;
  samples_[next_] = lateness.count();
  next_ = (next_ + 1) % kSamples;
  count_ = std::min(count_ + 1, kSamples);
  percentile_.reset();
}

Duration Reordering::Wait(Duration jitter, Instant now) {
  if (!last_ || now - *last_ > kMemory) return kLeastWait;
  if (!percentile_) percentile_ = Percentile();
  return std::clamp(std::max(*percentile_, ByJitter(jitter)), kLeastWait, kLongestWait);
}

Duration Reordering::Percentile() {
  std::array<std::int64_t, kSamples> sorted = samples_;
  const auto end = sorted.begin() + static_cast<std::ptrdiff_t>(count_);
  const auto at = sorted.begin() + static_cast<std::ptrdiff_t>((count_ - 1) * 98 / 100);
  std::nth_element(sorted.begin(), at, end);
  return Duration{*at};
}

}  // namespace latchkey::frames
