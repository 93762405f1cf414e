#include "daemon/egress/timestamp_map.h"

#include <algorithm>

namespace latchkey::egress {
namespace {

// Differences of a day at most: no overflow.
std::int64_t Ticks(Duration d, std::uint32_t rate) {
  return ToMicroseconds(d) * static_cast<std::int64_t>(rate) / 1'000'000;
}
Duration Span(std::int64_t ticks, std::uint32_t rate) {
  return microseconds{ticks * 1'000'000 / static_cast<std::int64_t>(rate)};
}

}  // namespace

std::int64_t TimestampMap::Step(ExtendedTimestamp in, Duration elapsed) const {
  bool follow = in_.has_value() && in > *in_ && in.value - in_->value < (std::int64_t{1} << 31);
  if (follow) {
    const Duration media = Span(in.value - in_->value, clock_rate_);
    follow = media < elapsed + kMaxJump && elapsed < media + kMaxJump;
  }
  const std::int64_t step =
      follow ? in.value - in_->value
             : Ticks(std::clamp<Duration>(elapsed, kLeastStep, std::chrono::hours{24}), clock_rate_);
  const Duration most = std::max(delay_ + elapsed - (usual_ - kMaxLead), kLeastStep);
  return Span(step, clock_rate_) <= most ? step : Ticks(most, clock_rate_);
}

void TimestampMap::NoteDelay(Duration delay, Duration elapsed) {
  delay_ = delay;
  const Duration bound{std::max<Duration>(elapsed, Duration::zero()).count() / 1'000'000 * kFollowPpm};
  usual_ += std::clamp(delay_ - usual_, -bound, bound);
}

std::uint32_t TimestampMap::Map(ExtendedTimestamp in, Instant now) {
  if (at_) {
    const Duration elapsed = now - *at_;
    const std::int64_t step = Step(in, elapsed);
    out_ += static_cast<std::uint32_t>(step);
    NoteDelay(delay_ + elapsed - Span(step, clock_rate_), elapsed);
  }
  in_ = in;
  at_ = now;
  return out_;
}

std::uint32_t TimestampMap::After(Duration elapsed) const {
  return out_ + static_cast<std::uint32_t>(Ticks(elapsed, clock_rate_));
}

}  // namespace latchkey::egress
