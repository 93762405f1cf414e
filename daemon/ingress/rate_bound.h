// A camera that sends too fast is bounded by rate: whole frames go, so that nobody's memory, disk or network
// is at its mercy.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "daemon/base/time.h"

namespace latchkey::ingress {

// A token bucket in bytes. Twice what the camera was told to send at most, a second of it at once: no encoder
// that obeys comes near, not with its largest keyframe.
class RateBound {
 public:
  static constexpr std::uint64_t kFactor = 2;

  // `most` in bit/s, as the camera is told; 0: no bound.
  explicit RateBound(std::uint64_t most)
      : rate_(static_cast<std::int64_t>(most * kFactor / 8)), left_(rate_) {}

  // May a frame of so many bytes pass? If so it is paid for.
  [[nodiscard]] bool Admit(std::size_t bytes, Instant now) {
    if (rate_ == 0) return true;
    if (now > filled_) {
      const std::int64_t us = std::min<std::int64_t>(ToMicroseconds(now - filled_), 1'000'000);
      left_ = std::min(rate_, left_ + us * rate_ / 1'000'000);
      filled_ = now;
    }
    const auto cost = static_cast<std::int64_t>(bytes);
    if (cost > left_) return false;
    left_ -= cost;
    return true;
  }

 private:
  std::int64_t rate_;  // bytes a second
  std::int64_t left_;
  Instant filled_{};
};

}  // namespace latchkey::ingress
