// The limit of a path of which is known how much waits in its queues and how much comes out.
//
//   queue over kFull   -> 0.85 of what was delivered lately (as on overuse in Carlucci, De Cicco, Holmer,
//   Mascolo:
//                         Analysis and design of the Google congestion control for WebRTC, MMSys 2016)
//   queue under kEmpty -> the limit grows, and goes when it is twice what is sent
//
// Loss alone limits nothing: it is repaired, and on a bad radio link sending less makes none of it better.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "daemon/base/time.h"

namespace latchkey::peer {

class QueueLimit {
 public:
  static constexpr Duration kFull = milliseconds(200);
  static constexpr Duration kEmpty = milliseconds(60);
  // Below this nothing but sound and the smallest picture would fit: less is never decided.
  static constexpr std::uint64_t kLeast = 100'000;

  struct Measured {
    Duration queue{};
    std::uint64_t sent = 0;            // bit/s
    std::uint64_t delivered = 0;       // bit/s
    std::uint64_t growth_percent = 0;  // of the limit, for this measurement
  };
  void Update(const Measured& measured) {
    if (measured.queue > kFull && measured.delivered > 0) {
      const std::uint64_t less = std::max(kLeast, measured.delivered / 100 * 85);
      limit_ = limit_ ? std::min(*limit_, less) : less;
    } else if (measured.queue < kEmpty && limit_) {
      *limit_ += *limit_ / 100 * measured.growth_percent;
      if (*limit_ > 2 * measured.sent) limit_.reset();
    }
  }
  // In bit/s; nothing: no limit is known.
  [[nodiscard]] std::optional<std::uint64_t> limit() const { return limit_; }

 private:
  std::optional<std::uint64_t> limit_;
};

}  // namespace latchkey::peer
