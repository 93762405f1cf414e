// Timestamps of a file that loops, or of a camera that reconnects, as one media time that never jumps.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "daemon/base/time.h"

namespace latchkey::media {

class Timeline {
 public:
  // What comes next stands at `offset`: the first timestamp seen from now on is that media time.
  void BeginSegment(Duration offset) {
    offset_ = offset;
    base_.reset();
  }
  // `ticks` in units of num/den seconds. All streams of a segment share its base.
  Duration ToMediaTime(std::int64_t ticks, int num, int den) {
    const double seconds_value = static_cast<double>(ticks) * num / den;
    const Duration time{static_cast<std::int64_t>(seconds_value * 1e9)};
    if (!base_) base_ = time;
    const Duration media = std::max(Duration{0}, offset_ + (time - *base_));
    end_ = std::max(end_, media);
    return media;
  }
  // The latest media time given out.
  [[nodiscard]] Duration end() const { return end_; }

 private:
  Duration offset_{0};
  Duration end_{0};
  std::optional<Duration> base_;
};

}  // namespace latchkey::media
