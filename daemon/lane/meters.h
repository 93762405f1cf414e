// Rates and delays of the last moments, for LaneStatus.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "daemon/base/time.h"

namespace latchkey::lane {

// Sum of amounts over the last kWindow, in steps of kStep.
class RateMeter {
 public:
  static constexpr Duration kStep = milliseconds{250};
  static constexpr std::size_t kSteps = 8;
  static constexpr Duration kWindow = kStep * static_cast<std::int64_t>(kSteps);

  void Add(std::uint64_t amount, Instant now) {
    Advance(now);
    sums_[static_cast<std::size_t>(step_) % kSteps] += amount;
  }
  // Amount per 1000 seconds, so that whole numbers keep three digits of a frame rate.
  [[nodiscard]] std::uint64_t PerKilosecond(Instant now) {
    Advance(now);
    std::uint64_t sum = 0;
    for (const std::uint64_t s : sums_) sum += s;
    // The step under way counts for as much of it as has passed.
    const Duration covered = kWindow - kStep + now.time_since_epoch() % kStep;
    const Duration since = std::max(kStep, std::min(now - started_, covered));
    return sum * 1'000'000U / static_cast<std::uint64_t>(ToMilliseconds(since));
  }

 private:
  void Advance(Instant now) {
    const std::int64_t step = now.time_since_epoch() / kStep;
    if (step_ < 0 || step - step_ >= static_cast<std::int64_t>(kSteps)) {
      sums_.fill(0);
      started_ = now;
      step_ = step;
    }
    while (step_ < step) sums_[static_cast<std::size_t>(++step_) % kSteps] = 0;
  }

  std::array<std::uint64_t, kSteps> sums_{};
  std::int64_t step_ = -1;
  Instant started_{};
};

// 99th percentile of the delays since the last reading; of the first kSamples of them, should there be more.
class DelayMeter {
 public:
  static constexpr std::size_t kSamples = 2048;

  void Add(Duration delay) {
    if (count_ == kSamples) return;
    samples_[count_++] = static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(ToMicroseconds(delay), 0, std::int64_t{0xffffffff}));
  }
  // Microseconds; 0 without samples. Begins anew.
  [[nodiscard]] std::uint32_t TakeP99() {
    if (count_ == 0) return 0;
    const std::size_t rank = (count_ - 1) * 99 / 100;
    const auto end = samples_.begin() + static_cast<std::ptrdiff_t>(count_);
    std::nth_element(samples_.begin(), samples_.begin() + static_cast<std::ptrdiff_t>(rank), end);
    count_ = 0;
    return samples_[rank];
  }

 private:
  std::array<std::uint32_t, kSamples> samples_{};
  std::size_t count_ = 0;
};

}  // namespace latchkey::lane
