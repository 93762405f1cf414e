// Who must see what by when. "Well" is a calm network, a connected camera and a viewer with a good wrap.
#include <algorithm>
#include <string>

#include "tests/sim/cell.h"
#include "tests/sim/violation.h"

namespace latchkey::sim {
namespace {

constexpr Duration kCheckInterval = milliseconds(500);
// Beside a keyframe's round trip: what the hub may take to see that the network is good again.
constexpr Duration kRecovery = seconds(1);
// A camera or viewer that was cut off notices by consent (12 s), retries each second or three, and shakes
// hands within some more.
constexpr Duration kHealing = seconds(30);
constexpr Duration kPlayer = Viewer::kPlayerPatience + Viewer::kReportInterval;
constexpr Duration kReturn = seconds(40);
// Until what was there before has grown old, and longer than any other state of a camera that is well.
constexpr Duration kRefusal = seconds(10);

Instant Latest(std::initializer_list<Instant> times) {
  return std::max(times);
}

}  // namespace

Instant Cell::CameraWellSince() const {
  return Latest({camera_leg_.calm_since(), camera_connected_since_, life_since_, stood_still_until_});
}

// A hole that the outage left holds the line for less than kRecovery; a request for a keyframe that was lost
// in it is repeated within KeyframeLimiter::kLongest.
Duration Cell::Patience() const {
  const CameraHabits& habits = plan_.camera;
  const Duration keyframe = habits.answers_pli ? frames::KeyframeLimiter::kLongest + habits.Interval()
                                               : habits.Interval() * (habits.group + 1);
  return kRecovery + keyframe + 2 * habits.Interval();
}

// A camera that sends B slices is refused, and the state says why.
void Cell::CheckRefused() {
  const Instant since = Latest({CameraWellSince(), reorders_since_});
  if (now_ >= reorders_until_ || since == Instant::max() || now_ - since < kRefusal) return;
  Demand(told_state_ == wire::CameraState::kUnavailable &&
             told_reason_ == wire::UnavailableReason::kUnsupportedMedia,
         "a camera sends B slices, and its state does not say so");
  ++tally_.refusals;
}

void Cell::CheckProgress() {
  next_check_ = now_ + kCheckInterval;
  // Reports and pictures that don't come tell nothing.
  const Instant calm = camera_leg_.calm_since();
  if (now_ < stood_still_until_)
    stood_still_until_ =
        std::max(stood_still_until_, calm == Instant::max() ? now_ + kStandstill : calm + kStandstill);
  CheckRefused();
  const Instant camera_well = CameraWellSince();
  if (camera_well == Instant::max()) {
    const Instant since = Latest({camera_leg_.calm_since(), publishable_since_});
    Demand(since == Instant::max() || now_ - since < kReturn, "a camera can't come back");
  } else {
    publishable_since_ = now_;
  }
  for (auto& slot : slots_) {
    const Instant both = Latest({camera_well, slot->leg.calm_since()});
    if (!slot->wants || both == Instant::max()) continue;
    if (!slot->viewer || slot->connected_since == Instant::max()) {
      const Instant since = Latest({both + Patience(), slot->wanted_since, reordered_until_ + Patience()});
      Demand(now_ - since < kReturn, "a viewer can't come back");
      continue;
    }
    if (slot->vanished || slot->granted_since == Instant::max()) continue;
    const Instant since = Latest(
        {both, slot->connected_since, slot->granted_since, slot->shown, reordered_until_, slot->roams_until});
    // A lane that took the leg for a narrow one passes over pictures until a keyframe comes, which the player
    // asks for.
    const bool healed = now_ - std::max(slot->leg.calm_since(), slot->roams_until) < kHealing;
    Demand(now_ - since < Patience() + (healed ? kPlayer : Duration{}), [&] {
      const auto ago = [&](Instant at) { return " " + std::to_string(ToMilliseconds(now_ - at)); };
      return "no fresh picture for" + ago(since) + " ms though all is well; " +
             std::to_string(ToMilliseconds(Patience())) + " ms are allowed (camera " + std::to_string(mark_) +
             (plan_.camera.answers_pli ? ", PLI" : "") + (plan_.camera.answers_nack ? ", NACK" : "") +
             "; ms since calm at camera and viewer, connected, granted, camera back, life:" +
             ago(camera_leg_.calm_since()) + ago(slot->leg.calm_since()) + ago(slot->connected_since) +
             ago(slot->granted_since) + ago(camera_connected_since_) + ago(life_since_) + ")";
    });
    ++tally_.checks;
  }
}

}  // namespace latchkey::sim
