// A latency over a day: the median of each calm minute is that of the first, but for kTolerance.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "daemon/base/time.h"

namespace latchkey::sim {

class Steadiness {
 public:
  static constexpr Duration kTolerance = milliseconds(20);
  static constexpr Duration kMinute = seconds(60);
  // A minute in which less was seen says nothing.
  static constexpr std::size_t kLeast = 40;

  // Returns how far the minute that ended with this sample is from the first one; nothing: none did.
  std::optional<Duration> Add(Duration sample, Instant now) {
    if (samples_.empty()) since_ = now;
    samples_.push_back(sample);
    if (now - since_ < kMinute) return std::nullopt;
    const auto middle = samples_.begin() + static_cast<std::ptrdiff_t>(samples_.size() / 2);
    std::nth_element(samples_.begin(), middle, samples_.end());
    const Duration median = *middle;
    const bool enough = samples_.size() >= kLeast;
    samples_.clear();
    if (!enough) return std::nullopt;
    if (!first_) first_ = median;
    return median - *first_;
  }
  // The weather changed: the minute under way counts for nothing.
  void Interrupt() { samples_.clear(); }

 private:
  Instant since_;
  std::vector<Duration> samples_;
  std::optional<Duration> first_;
};

}  // namespace latchkey::sim
