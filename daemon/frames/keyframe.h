// When to ask a camera for a keyframe: at once, then with patience. Cameras answer a PLI (RFC 4585 6.3.1)
// late, or by lowering their quality when asked too often, or never.
#pragma once

#include <cstdint>
#include <optional>

#include "daemon/base/time.h"

namespace latchkey::frames {

class KeyframeLimiter {
 public:
  // Least time between two requests, whoever asks. Doubles with each further unanswered one, up to kLongest.
  static constexpr Duration kShortest = milliseconds(500);
  static constexpr Duration kLongest = milliseconds(1000);

  // Someone needs a keyframe (the assembler lost one, a viewer has no start). Repeating it is free.
  void Want(Instant now);
  // A whole keyframe came: nobody waits any more, and the patience is fresh. The least time still holds.
  void Satisfied();
  // True when a request is to be sent now; it is counted as sent.
  [[nodiscard]] bool Poll(Instant now);
  // When Poll() can next be true.
  [[nodiscard]] std::optional<Instant> NextDeadline() const;
  [[nodiscard]] bool wanted() const { return wanted_; }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  [[nodiscard]] bool IsConsistent() const;

 private:
  bool wanted_ = false;
  Instant wanted_since_;
  std::optional<Instant> last_sent_;
  Duration interval_ = kShortest;  // from last_sent_ to the next
  std::uint64_t unanswered_ = 0;
  std::uint64_t sent_ = 0;
};

}  // namespace latchkey::frames
