// How far behind later packets a packet may still come by itself: what is missing for less is not lost yet.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "daemon/base/time.h"

namespace latchkey::frames {

// Two measures, the larger counts while anything was reordered lately:
//  - the 98th percentile of the lateness of packets that came late unasked. It is cut off at the wait itself,
//    for after that they are asked for, so it can't grow far beyond it alone;
//  - three times the interarrival jitter (RFC 3550 6.4.1), which knows no such bound: three times its mean is
//    the whole range of a uniform delay and 98 % of a normal one's differences.
// A network that delays but keeps the order needs no wait at all.
class Reordering {
 public:
  // Where nothing is reordered: a batch of datagrams that the system hands up in another order.
  static constexpr Duration kLeastWait = milliseconds(2);
  // Far above a LAN's reordering; what comes later was better asked for.
  static constexpr Duration kLongestWait = milliseconds(80);
  // So long without a late packet, and the network counts as in order again.
  static constexpr Duration kMemory = seconds(10);
  static constexpr std::size_t kSamples = 128;

  // What the jitter alone says.
  static Duration ByJitter(Duration jitter) { return 3 * jitter; }

  // A packet that was missing for `lateness` came unasked.
  void OnLate(Duration lateness, Instant now);
  // From noticing that a packet is missing to asking for it.
  [[nodiscard]] Duration Wait(Duration jitter, Instant now);

 private:
  [[nodiscard]] Duration Percentile();

  std::array<std::int64_t, kSamples> samples_{};  // ns
  std::size_t count_ = 0;
  std::size_t next_ = 0;
  std::optional<Duration> percentile_;  // of the samples as they are
  std::optional<Instant> last_;
};

}  // namespace latchkey::frames
