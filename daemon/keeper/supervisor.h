// When a child that ended is started again. Decides; starts and ends nothing itself.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "daemon/base/ids.h"
#include "daemon/base/time.h"

namespace latchkey::keeper {

// A child that lived for so long has started well: its next end is a first one.
constexpr Duration kStableAfter = seconds(10);
// The first end is followed by a start at once, the second by one after kFirstDelay, each further one after
// twice as long, up to kLongestDelay, for ever: a hub has nobody to ask.
constexpr Duration kFirstDelay = milliseconds(100);
constexpr Duration kLongestDelay = seconds(5);

// The front (no camera), or the lane of a camera.
using ChildId = std::optional<CameraId>;

class Supervisor {
 public:
  // To be kept running, from now on.
  void Add(ChildId child, Instant now);
  // No longer; it is the caller's to end it.
  void Remove(ChildId child);
  void HandleStart(ChildId child, Instant now);
  // It ended, or could not be started.
  void HandleEnd(ChildId child, Instant now);
  // Its next end is our own wish: it starts again at once, and what was before is forgotten.
  void ExpectEnd(ChildId child);

  // Those to be started now, each once: HandleStart or HandleEnd follows.
  [[nodiscard]] std::vector<ChildId> TakeDue(Instant now);
  [[nodiscard]] std::optional<Instant> NextStart() const;
  [[nodiscard]] bool Knows(ChildId child) const { return children_.contains(child); }

 private:
  struct Entry {
    std::optional<Instant> start_at;  // none: it runs, or is being started
    std::optional<Instant> started_at;
    std::uint32_t early_ends = 0;
    bool expected = false;
  };
  std::map<ChildId, Entry> children_;
};

}  // namespace latchkey::keeper
