// Runs a real loop until something is so. Private to the tests of platform/.
#pragma once

#include <functional>

#include "platform/loop/loop.h"
#include "platform/loop/timer.h"

namespace latchkey::platform {

// True when `done` held within `limit`. Rounds are driven by events; the timer only ends a wait for nothing.
inline bool RunUntil(Loop& loop, const std::function<bool()>& done, Duration limit = seconds{10}) {
  const Instant deadline = loop.Now() + limit;
  Timer wake(loop, [] {});
  wake.StartRepeating(milliseconds{20});
  while (!done()) {
    if (loop.Now() >= deadline) return false;
    (void)loop.RunOnce(true);
  }
  return true;
}

}  // namespace latchkey::platform
