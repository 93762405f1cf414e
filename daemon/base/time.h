// Time as an argument. The core never asks what time it is: it is told.
#pragma once

#include <chrono>
#include <cstdint>

namespace latchkey {

using Duration = std::chrono::nanoseconds;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Tag clocks without now(): only platform/ can read a clock, everyone else is handed an Instant.
struct MonotonicClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClock, Duration>;
  static constexpr bool is_steady = true;
};
struct UtcClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<UtcClock, Duration>;
  static constexpr bool is_steady = false;
};

// CLOCK_MONOTONIC. Comparable between the processes of one hub, meaningless elsewhere.
using Instant = MonotonicClock::time_point;
// Since the Unix epoch, UTC. For grants, records and people; never for media.
using WallTime = UtcClock::time_point;

constexpr std::int64_t ToMilliseconds(Duration d) {
  return std::chrono::duration_cast<milliseconds>(d).count();
}
constexpr std::int64_t ToMicroseconds(Duration d) {
  return std::chrono::duration_cast<microseconds>(d).count();
}
constexpr double ToSeconds(Duration d) {
  return std::chrono::duration<double>(d).count();
}
constexpr std::int64_t ToUnixSeconds(WallTime t) {
  return std::chrono::duration_cast<seconds>(t.time_since_epoch()).count();
}
constexpr WallTime FromUnixSeconds(std::int64_t s) {
  return WallTime{seconds{s}};
}

}  // namespace latchkey
