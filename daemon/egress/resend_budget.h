// How much of what a viewer asks for again it gets: whoever asks for everything, over and over, draws half of
// the stream once more and no flood.
#pragma once

#include <algorithm>
#include <cstdint>

namespace latchkey::egress {

class ResendBudget {
 public:
  // Packets that may go again before any were sent.
  static constexpr std::int64_t kFirst = 64;
  // What a time without wishes saves up.
  static constexpr std::int64_t kMost = 512;

  // Two packets sent earn one to be sent again: a leg that loses a third of everything is repaired with that.
  void Earn(std::uint64_t packets) {
    halves_ = std::min(2 * kMost, halves_ + static_cast<std::int64_t>(packets));
  }
  [[nodiscard]] bool TrySpend() {
    if (halves_ < 2) return false;
    halves_ -= 2;
    return true;
  }

 private:
  std::int64_t halves_ = 2 * kFirst;
};

}  // namespace latchkey::egress
