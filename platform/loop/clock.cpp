#include "platform/loop/clock.h"

#include <ctime>

#include "daemon/base/check.h"

namespace latchkey::platform {
namespace {
Duration Read(clockid_t clock) {
  timespec t{};
  LATCHKEY_CHECK(clock_gettime(clock, &t) == 0);
  return seconds{t.tv_sec} + Duration{t.tv_nsec};
}
}  // namespace

Instant MonotonicNow() {
  return Instant{Read(CLOCK_MONOTONIC)};
}
WallTime WallNow() {
  return WallTime{Read(CLOCK_REALTIME)};
}

}  // namespace latchkey::platform
