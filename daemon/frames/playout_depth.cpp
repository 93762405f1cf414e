#include "daemon/frames/playout_depth.h"

#include <algorithm>
#include <cmath>

namespace latchkey::frames {
namespace {

double Seconds(Duration d) {
  return std::chrono::duration<double>(d).count();
}

}  // namespace

// Each request is sent twice at least, but the first where little is lost; request and answer are lost alike.
int PlayoutDepth::Rounds(double loss) {
  const double fails = 1 - (1 - loss) * (1 - loss);
  double left = loss * (loss >= kLossForPairs ? fails * fails : fails);
  int rounds = 1;
  while (left > kResidual && rounds < kMaxRounds) {
    left *= fails * fails;
    ++rounds;
  }
  return std::max(rounds, 2);
}

void PlayoutDepth::MeasureLoss(const Measured& measured, Instant now) {
  if (now - period_began_ < kPeriod) return;
  const std::uint64_t expected = measured.expected - std::min(measured.expected, expected_before_);
  const std::uint64_t asked = measured.asked - std::min(measured.asked, asked_before_);
  if (expected > 0) {
    const double loss = std::min(1.0, static_cast<double>(asked) / static_cast<double>(expected));
    // Up at once, down with the depth.
    loss_ = std::max(loss, loss_ * std::exp2(-Seconds(now - period_began_) / Seconds(kHalfLife)));
  }
  period_began_ = now;
  expected_before_ = measured.expected;
  asked_before_ = measured.asked;
}

void PlayoutDepth::Update(const Measured& measured, Instant now) {
  MeasureLoss(measured, now);
  const Duration round = measured.repair_timeout;
  const Duration wanted =
      std::clamp(measured.reorder_wait + Rounds(loss_) * round + round / 2, Duration::zero(), limits_.most);
  const double passed = std::max(0.0, Seconds(now - updated_));
  updated_ = now;
  if (wanted >= depth_) {
    depth_ = wanted;
    return;
  }
  const double kept = std::exp2(-passed / Seconds(kHalfLife));
  depth_ =
      wanted + Duration{static_cast<std::int64_t>(static_cast<double>((depth_ - wanted).count()) * kept)};
}

}  // namespace latchkey::frames
