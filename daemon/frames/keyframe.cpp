#include "daemon/frames/keyframe.h"

#include <algorithm>

namespace latchkey::frames {

void KeyframeLimiter::Want(Instant now) {
  if (wanted_) return;
  wanted_ = true;
  wanted_since_ = now;
}

void KeyframeLimiter::Satisfied() {
  wanted_ = false;
  unanswered_ = 0;
  interval_ = kShortest;
}

bool KeyframeLimiter::Poll(Instant now) {
  const auto due = NextDeadline();
  if (!due || now < *due) return false;
  interval_ = unanswered_ == 0 ? kShortest : std::min(interval_ * 2, kLongest);
  ++unanswered_;
  ++sent_;
  last_sent_ = now;
  return true;
}

std::optional<Instant> KeyframeLimiter::NextDeadline() const {
  if (!wanted_) return std::nullopt;
  if (!last_sent_) return wanted_since_;
  return std::max(wanted_since_, *last_sent_ + interval_);
}

bool KeyframeLimiter::IsConsistent() const {
  return interval_ >= kShortest && interval_ <= kLongest && unanswered_ <= sent_ &&
         (sent_ > 0) == last_sent_.has_value();
}

}  // namespace latchkey::frames
