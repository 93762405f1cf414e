// Figures of watching: freezes as WebRTC's statistics define them, pictures that never came, and percentiles.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "daemon/base/time.h"

namespace latchkey::media {

// W3C webrtc-stats, freezeCount: a frame is a freeze when it comes after at least
// max(3 * average, average + 150 ms), the average being that of the last 30 intervals between frames.
class FreezeMeter {
 public:
  static constexpr std::size_t kWindow = 30;

  void OnFrame(Instant now) {
    if (!seen_) {
      seen_ = true;
      last_ = now;
      return;
    }
    const Duration interval = now - last_;
    last_ = now;
    if (!intervals_.empty()) {
      const Duration average = sum_ / static_cast<std::int64_t>(intervals_.size());
      if (interval >= std::max(3 * average, average + milliseconds{150})) {
        ++count_;
        total_ += interval;
      }
    }
    intervals_.push_back(interval);
    sum_ += interval;
    if (intervals_.size() > kWindow) {
      sum_ -= intervals_.front();
      intervals_.pop_front();
    }
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  // The intervals of all freezes together.
  [[nodiscard]] Duration total() const { return total_; }

 private:
  std::deque<Duration> intervals_;
  Duration sum_{0};
  bool seen_ = false;
  Instant last_;
  std::uint64_t count_ = 0;
  Duration total_{0};
};

// Pictures left out and pictures out of order, by the numbers that a camera counts on its pictures (modulo
// 2^32), whoever left them out. No time is asked: a late picture has come.
class PictureCount {
 public:
  void OnPicture(std::uint32_t number) {
    if (last_) {
      const auto step = static_cast<std::int32_t>(number - *last_);
      if (step <= 0) ++repeated_;
      if (step > 1) missing_ += static_cast<std::uint64_t>(step) - 1;
    }
    last_ = number;
  }
  // Numbers that were skipped.
  [[nodiscard]] std::uint64_t missing() const { return missing_; }
  // Pictures whose number isn't above the one before.
  [[nodiscard]] std::uint64_t repeated() const { return repeated_; }

 private:
  std::optional<std::uint32_t> last_;
  std::uint64_t missing_ = 0;
  std::uint64_t repeated_ = 0;
};

// Exact percentiles of at most kMax samples; later ones are left out.
class Percentiles {
 public:
  static constexpr std::size_t kMax = 1'000'000;
  void Add(Duration value) {
    if (values_.size() < kMax) values_.push_back(value);
  }
  void AddAll(const Percentiles& other) {
    for (const Duration value : other.values_) Add(value);
  }
  [[nodiscard]] bool empty() const { return values_.empty(); }
  // The smallest sample that at least `percent` of all don't exceed (nearest rank). Zero when empty.
  [[nodiscard]] Duration At(double percent) const {
    if (values_.empty()) return Duration{0};
    std::vector<Duration> sorted = values_;
    std::sort(sorted.begin(), sorted.end());
    const double rank = percent / 100 * static_cast<double>(sorted.size());
    const auto index = static_cast<std::size_t>(std::max(0.0, rank - 1e-9));
    return sorted[std::min(index, sorted.size() - 1)];
  }

 private:
  std::vector<Duration> values_;
};

}  // namespace latchkey::media
