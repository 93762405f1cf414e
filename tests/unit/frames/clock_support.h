// Of the capture clock's tests: sender reports, and a clock whose packets come in order.
#pragma once

#include "daemon/frames/capture_clock.h"
#include "daemon/wire/ntp.h"

namespace latchkey::frames {

constexpr Instant kStart{seconds(1000)};
constexpr latchkey::WallTime kWall{seconds(1'700'000'000)};

inline wire::SenderInfo Report(latchkey::WallTime wall, std::uint32_t rtp) {
  return {1, wire::NtpFromWallTime(wall), rtp, 0, 0};
}

// A clock that is given packets in order.
class OrderedClock : public CaptureClock {
 public:
  using CaptureClock::CaptureClock;
  void OnPacket(wire::StreamKind kind, std::uint32_t rtp, Instant arrived) {
    CaptureClock::OnPacket(kind, ExtendedSequence{next_++}, rtp, arrived);
  }

 private:
  std::int64_t next_ = 1;
};

}  // namespace latchkey::frames
