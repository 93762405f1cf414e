// From a request for a packet to its repetition: the only round trip that a receiver can measure of every
// camera (RFC 3550's own needs reports of what we send, and we send a camera nothing).
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "daemon/base/time.h"

namespace latchkey::frames {

// RFC 6298, 2, with twice the variation where that has four times: asking again in vain costs a packet here,
// not a connection its window. The caller keeps Karn's rule (3): only what was asked for once, or in one
// pair, is a sample.
class RoundTrip {
 public:
  // Before the first sample: above any LAN's, so that nothing is asked for twice in vain.
  static constexpr Duration kInitial = milliseconds(100);
  static constexpr Duration kLeastTimeout = milliseconds(10);
  static constexpr Duration kLongestTimeout = milliseconds(600);
  // The clock's and the sender's granularity, G of RFC 6298.
  static constexpr Duration kGranularity = milliseconds(4);

  // Samples over kLongestTimeout are taken as that.
  void Add(Duration sample) {
    sample = std::clamp(sample, Duration::zero(), kLongestTimeout);
    if (!smoothed_) {
      smoothed_ = sample;
      variation_ = sample / 2;
      return;
    }
    variation_ = (3 * variation_ + std::chrono::abs(*smoothed_ - sample)) / 4;
    smoothed_ = (7 * *smoothed_ + sample) / 8;
  }
  [[nodiscard]] bool measured() const { return smoothed_.has_value(); }
  [[nodiscard]] Duration smoothed() const { return smoothed_.value_or(kInitial); }
  // Without an answer for this long the request or its answer is lost.
  [[nodiscard]] Duration Timeout() const {
    if (!smoothed_) return kInitial;
    return std::clamp(*smoothed_ + std::max(kGranularity, 2 * variation_), kLeastTimeout, kLongestTimeout);
  }

 private:
  std::optional<Duration> smoothed_;
  Duration variation_{};
};

}  // namespace latchkey::frames
