// The only place where a clock is read.
#pragma once

#include "daemon/base/time.h"

namespace latchkey::platform {

// CLOCK_MONOTONIC: the same for every process of this machine.
[[nodiscard]] Instant MonotonicNow();
// CLOCK_REALTIME.
[[nodiscard]] WallTime WallNow();

}  // namespace latchkey::platform
