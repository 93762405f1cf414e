// How long a frame that isn't whole may hold the line. Whole frames leave at once, so this costs nothing
// while nothing is missing, and it is no playout delay: smoothing for display is the display's.
#pragma once

#include <cstdint>

#include "daemon/base/time.h"

namespace latchkey::frames {

struct DepthLimits {
  Duration least = milliseconds(60);
  Duration most = milliseconds(1000);
};

// The estimator: the time that so many rounds of repair take, as make it unlikely (kResidual a packet) that a
// packet is given up that would have come, at the loss measured lately:
//
//   depth = reordering wait + rounds * round trip's timeout (RFC 6298) + half a timeout
//
// It goes up at once and down slowly (Ramjee, Kurose, Towsley, Schulzrinne: Adaptive playout mechanisms for
// packetized audio applications in wide-area networks, INFOCOM 1994, there for spikes of delay): a network
// that was bad a moment ago is likely to be so again, and depth that is not needed costs nothing.
class PlayoutDepth {
 public:
  // Of a packet that it is never repaired: one group of 500 packets in 2000 has a hole.
  static constexpr double kResidual = 1e-6;
  static constexpr int kMaxRounds = 8;
  // From this loss on first requests are sent twice as well.
  static constexpr double kLossForPairs = 0.04;
  // The way down takes this long to halve.
  static constexpr Duration kHalfLife = seconds(5);
  // Loss is measured over this long.
  static constexpr Duration kPeriod = seconds(1);

  explicit PlayoutDepth(const DepthLimits& limits) : limits_(limits) {}

  struct Measured {
    Duration reorder_wait{};
    Duration repair_timeout{};   // of one round; 0: nothing is ever asked for
    std::uint64_t expected = 0;  // packets in all
    std::uint64_t asked = 0;     // of these, in all
  };
  void Update(const Measured& measured, Instant now);
  [[nodiscard]] Duration depth() const { return depth_ > limits_.least ? depth_ : limits_.least; }
  // Share of packets that had to be asked for, as it counts now.
  [[nodiscard]] double loss() const { return loss_; }
  [[nodiscard]] bool in_pairs() const { return loss_ >= kLossForPairs; }
  // Rounds of repair that leave less than kResidual at this loss.
  static int Rounds(double loss);

 private:
  void MeasureLoss(const Measured& measured, Instant now);

  DepthLimits limits_;
  Duration depth_{};
  Instant updated_{};
  Instant period_began_{};
  std::uint64_t expected_before_ = 0;
  std::uint64_t asked_before_ = 0;
  double loss_ = 0;
};

}  // namespace latchkey::frames
