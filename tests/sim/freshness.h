// How old a picture may be that leaves (invariant 2), by what the lane can know and no more: the least delay
// since its camera's clock began, grown by drift (frames/capture_clock.h).
#pragma once

#include <algorithm>
#include <optional>

#include "tests/sim/reel.h"

namespace latchkey::sim {

class Freshness {
 public:
  // What frames/capture_clock.h promises, in words of its own: 2000 of a million by arrival, beside the 200
  // of the camera's own clock; and by how much reports may differ from arrival.
  static constexpr std::int64_t kDriftPpm = 2200;
  static constexpr Duration kReportSkew = milliseconds(500);

  // The lane took a packet of `picture`; `again`: a repetition, from which nothing is learnt about delays.
  void Arrived(const Filmed& picture, bool again, Instant now) {
    if (!newest_ || picture.at > newest_->at) newest_ = picture;
    if (again) return;
    if (picture.clock > clock_) {
      clock_ = picture.clock;
      least_.reset();
    }
    if (picture.clock != clock_) return;
    const Duration delay = now - picture.at - picture.ahead;
    least_ = least_ ? std::min(LeastAt(now), delay) : delay;
    since_ = now;
  }
  // Of which a packet is at the lane.
  [[nodiscard]] const std::optional<Filmed>& newest() const { return newest_; }
  // So much older than the lane believes a picture may be.
  [[nodiscard]] Duration Slack(Instant now) const {
    if (!newest_ || !least_) return Duration::zero();
    return std::max<Duration>(LeastAt(now) + newest_->ahead, Duration::zero()) + kReportSkew;
  }

 private:
  [[nodiscard]] Duration LeastAt(Instant now) const {
    return *least_ + (now - since_) / 1'000'000 * kDriftPpm;
  }
  std::optional<Filmed> newest_;
  std::uint32_t clock_ = 0;
  std::optional<Duration> least_;
  Instant since_;
};

}  // namespace latchkey::sim
