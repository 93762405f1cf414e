// From the camera's RTP clock to the one that a viewer sees.
#pragma once

#include <cstdint>
#include <optional>

#include "daemon/base/seq.h"
#include "daemon/base/time.h"

namespace latchkey::egress {

// The viewer's clock has a random start and never goes back. While a camera's clock runs on, it is
// followed tick by tick; where it can't be (another epoch, a jump, the run through the past at a viewer's
// start), the viewer's clock advances by the hub's own elapsed time and takes a new anchor.
//
// A player shows pictures by that clock, counted from the earliest. An anchor taken from a picture that was
// late would therefore keep it behind: pictures that come sooner than such an anchor has them come advance
// the clock as little as they may, until it is right again.
class TimestampMap {
 public:
  // Least advance at a new anchor: two frames never share a time (RFC 3550 5.1).
  static constexpr Duration kLeastStep = milliseconds{1};
  // A camera's clock that differs from the hub's by more than this between two frames has jumped.
  static constexpr Duration kMaxJump = seconds{5};
  // So much may pictures come sooner than the viewer's clock has them: what jitter and repair make of it.
  static constexpr Duration kMaxLead = milliseconds{200};
  // What "sooner" is counted from follows by this much: drift of the camera's clock.
  static constexpr std::int64_t kFollowPpm = 2000;

  // `clock_rate` in Hz.
  TimestampMap(std::uint32_t start, std::uint32_t clock_rate) : out_(start), clock_rate_(clock_rate) {}

  // The next frame needs a new anchor.
  void Rebase() { in_.reset(); }
  // Time of a frame that goes out at `now`. Frames of one stream, in order.
  std::uint32_t Map(ExtendedTimestamp in, Instant now);
  // What the viewer's clock shows `elapsed` after the frame mapped last (negative: before).
  [[nodiscard]] std::uint32_t After(Duration elapsed) const;

 private:
  [[nodiscard]] std::int64_t Step(ExtendedTimestamp in, Duration elapsed) const;
  // Follows what the hub's clock is ahead of the viewer's after a frame.
  void NoteDelay(Duration delay, Duration elapsed);

  std::uint32_t out_;
  std::uint32_t clock_rate_;
  Duration delay_{};                     // hub's elapsed time less the viewer's, since the first frame
  Duration usual_{};                     // the same, followed slowly
  std::optional<ExtendedTimestamp> in_;  // of the frame mapped last; none: rebase
  std::optional<Instant> at_;            // when it went out; none: nothing did yet
};

}  // namespace latchkey::egress
