// How many packets may leave now: a token bucket in packets (all of one stream are about equally long).
#pragma once

#include <algorithm>
#include <cstdint>

#include "daemon/base/check.h"
#include "daemon/base/time.h"

namespace latchkey::egress {

// A receiver's socket holds 90 packets of 1200 bytes by Linux' default (212,992 bytes, 2304 a packet): a
// keyframe of 120 packets thrown at it at once loses its tail. Each run opens the sealed frame anew, so few
// long runs cost less than many short ones.
class Pacer {
 public:
  // Packets at once.
  static constexpr std::int64_t kBurst = 64;
  // Packets a second after that, for what is live: 120 packets are out within 2 ms.
  static constexpr std::int64_t kLiveRate = 64'000;
  // For a new viewer's run through the cached group, some 115 Mbit/s: 2 s of 2.5 Mbit/s in 45 ms, 10 s in
  // 220 ms, and no access point's queue overflows.
  static constexpr std::int64_t kCatchUpRate = 12'000;
  // Waking up and opening the frame for less is not worth it.
  static constexpr std::int64_t kLeastRun = 56;
  // A leg with a limit gets no more at once than it carries in this time, and runs of half of that.
  static constexpr Duration kLimitedBurst = milliseconds(40);
  static constexpr std::int64_t kLeastBurst = 4;

  // `rate` in packets a second, at least 1.
  [[nodiscard]] std::int64_t Available(Instant now, std::int64_t rate) {
    const std::int64_t earned = ToMicroseconds(now - updated_) * rate / 1000;  // in 1/1000 packets
    if (earned > 0) {
      milli_ = std::min(Burst(rate) * 1000, milli_ + earned);
      updated_ = now;
    }
    return milli_ / 1000;
  }
  void Spend(std::int64_t packets) { milli_ -= packets * 1000; }
  // The least run at this rate.
  static std::int64_t Run(std::int64_t rate) {
    return std::min(kLeastRun, std::max(Burst(rate) / 2, kLeastBurst / 2));
  }
  // When a run may leave.
  [[nodiscard]] Instant NextRun(std::int64_t rate) const {
    const std::int64_t missing = Run(rate) * 1000 - milli_;
    return missing <= 0 ? updated_ : updated_ + microseconds{missing * 1000 / rate + 1};
  }

 private:
  static std::int64_t Burst(std::int64_t rate) {
    return std::clamp(rate * ToMilliseconds(kLimitedBurst) / 1000, kLeastBurst, kBurst);
  }

  std::int64_t milli_ = kBurst * 1000;
  Instant updated_{};
};

}  // namespace latchkey::egress
