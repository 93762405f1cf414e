// What one viewer's wishes draw of the camera: a keyframe costs everybody who watches, and a player that
// decodes nothing asks for ever.
#pragma once

#include <algorithm>
#include <optional>

#include "daemon/base/time.h"

namespace latchkey::egress {

class KeyframeWish {
 public:
  // Least time from a wish that was passed on to the next. Doubles with each, up to kLongest; after twice
  // that without one the patience is fresh.
  static constexpr Duration kShortest = milliseconds(500);
  static constexpr Duration kLongest = seconds(2);

  void Want() { wanted_ = true; }
  // A keyframe went to this viewer.
  void Satisfied() { wanted_ = false; }
  // True when the camera is to be asked now, on this viewer's behalf.
  [[nodiscard]] bool Take(Instant now) {
    if (!wanted_ || (last_ && now - *last_ < pause_)) return false;
    const bool fresh = !last_ || now - *last_ >= 2 * kLongest;
    pause_ = fresh ? kShortest : std::min(2 * pause_, kLongest);
    last_ = now;
    wanted_ = false;
    return true;
  }

 private:
  bool wanted_ = false;
  std::optional<Instant> last_;
  Duration pause_ = kShortest;
};

}  // namespace latchkey::egress
