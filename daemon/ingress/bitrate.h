// What a camera is told that it may send (REMB): the configured most, or less while its packets wait in
// queues.
//
// Each packet's delay is its arrival less the earliest possible one (CaptureClock). The least delay of a
// report interval is what waits: jitter and a keyframe's own length are in the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "daemon/base/time.h"
#include "daemon/peer/queue_limit.h"

namespace latchkey::ingress {

class Bitrate {
 public:
  // `most` in bit/s.
  explicit Bitrate(std::uint64_t most) : most_(most) {}

  // A packet that was not asked for again; `bytes` on the wire.
  void OnPacket(Duration delay, std::size_t bytes);
  // At each report. Returns what to tell the camera, in bit/s.
  std::uint64_t Decide(Instant now);

 private:
  // The limit grows by this with each report: 15 % a second.
  static constexpr std::uint64_t kGrowthPercent = 7;
  // An interval shorter than this measures no rate.
  static constexpr Duration kLeastInterval = milliseconds(200);

  std::uint64_t most_;
  peer::QueueLimit limit_;
  std::optional<Duration> least_delay_;
  std::uint64_t bytes_ = 0;
  std::optional<Instant> since_;
};

}  // namespace latchkey::ingress
