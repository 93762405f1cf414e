// How old what leaves may be: fresh or nothing (invariant 2).
#include <algorithm>
#include <chrono>
#include <string>

#include "daemon/wire/rtp.h"
#include "tests/sim/cell.h"
#include "tests/sim/violation.h"

namespace latchkey::sim {
namespace {

// After bad weather.
constexpr Duration kSettled = seconds(30);
// Two reports say it, or the session ends with its patience.
constexpr Duration kStandstill = ingress::CameraSession::kLatePatience + seconds(5);

std::string Milliseconds(Duration d) {
  return std::to_string(ToMilliseconds(d)) + " ms";
}

// A step back of the RTP clock that the lane does not see as one, because it is short, or because time went
// by without a packet.
bool StoodStill(const Filmed& before, const Filmed& after) {
  if (before.ssrc != after.ssrc || before.clock >= after.clock) return false;
  const Duration passed =
      microseconds(std::int64_t{static_cast<std::int32_t>(after.timestamp - before.timestamp)} * 100 / 9);
  return passed >= -frames::CaptureClock::kMaxStep && after.at - before.at - passed > milliseconds(500);
}

}  // namespace

// What the lane does not take it learns nothing from.
void Cell::TakeRtp(MutableByteView bytes, const SocketAddress& from) {
  const auto taken = [this] {
    const DropCounters& drops = lane_->drops();
    return drops.total() - drops.of(DropReason::kDuplicate) - drops.of(DropReason::kTooOld);
  };
  const auto packet = wire::ParseProtectedRtp(bytes);
  const Filmed* picture =
      packet ? camera_.reel().ByPacket(packet->header.ssrc, packet->header.timestamp) : nullptr;
  if (picture == nullptr) {
    const Filmed* sound =
        packet ? camera_.microphone().reel().ByPacket(packet->header.ssrc, packet->header.timestamp)
               : nullptr;
    if (sound != nullptr) {
      auto& [number, at] = sound_at_lane_[sound->number % sound_at_lane_.size()];
      if (number != sound->number || at == Instant{}) at = now_;
      number = sound->number;
    }
    return HandToLane(bytes, from);
  }
  life_at_lane_ = std::max(life_at_lane_, picture->life);
  const Freshness before = freshness_;
  const std::uint64_t dropped = taken();
  freshness_.Arrived(*picture, packet->header.ssrc != picture->ssrc, now_);
  HandToLane(bytes, from);
  if (taken() != dropped) {
    freshness_ = before;
  } else if (before.newest() && StoodStill(*before.newest(), *picture)) {
    stood_still_until_ = now_ + kStandstill;
  }
}

// Whatever leaves, the newest that the lane has is fresh.
void Cell::CheckSilence() const {
  const auto& newest = freshness_.newest();
  Demand(newest.has_value(), "media of a camera that sent none");
  const Duration age = now_ - newest->at;
  Demand(age < config_.unavailable_after + freshness_.Slack(now_), [&] {
    return "media leaves though the newest picture is " + Milliseconds(age) + " old, and was " +
           Milliseconds(freshness_.Slack(now_)) + " late at best";
  });
}

// An old picture leaves only as part of a run to one that is fresh.
void Cell::CheckAge(Slot& slot, const Picture& picture) {
  const Filmed* filmed = camera_.reel().ByNumber(picture.number);
  Demand(filmed != nullptr, "a picture leaves that was filmed long ago");
  const Duration age = now_ - filmed->at;
  const Duration fresh = config_.unavailable_after + freshness_.Slack(now_) + egress::ViewerSession::kMaxLag +
                         egress::ViewerSession::kMaxFrameTime;
  Measure(slot.left, slot, age, "from filming to leaving");
  if (age < fresh) return slot.run_since.reset();
  if (!slot.run_since) slot.run_since = now_;
  Demand(now_ - *slot.run_since <= egress::ViewerSession::kMaxRun, [&] {
    return "a picture leaves that is " + Milliseconds(age) + " old, " + Milliseconds(now_ - *slot.run_since) +
           " after the first such";
  });
}

// Sound of the past helps nobody: it waits for what is missing before it, or for a slow leg, and no longer.
void Cell::CheckSound(const Sound& sound) {
  const auto& [number, at] = sound_at_lane_[sound.number % sound_at_lane_.size()];
  Demand(number == sound.number, "sound leaves that was recorded long ago");
  Demand(
      now_ - at <= config_.hold_most + egress::ViewerSession::kMaxLag + egress::ViewerSession::kMaxFrameTime,
      [&, since = at] { return "sound leaves that came " + Milliseconds(now_ - since) + " ago"; });
}

// When the picture was filmed, by the viewer's sender reports.
void Cell::CheckTold(Slot& slot, const SentFrame& frame) {
  const Filmed* filmed = camera_.reel().ByNumber(frame.picture.number);
  const auto told = slot.viewer->WallTimeOf(frame.timestamp);
  if (filmed == nullptr || !told) return;
  Measure(slot.told, slot, *told - (wall_ + (filmed->at - began_)),
          "in the capture time that a viewer is told");
}

// Bad weather leaves a queue, or a hole to fill.
void Cell::Measure(Steadiness& steadiness, const Slot& slot, Duration sample, const char* what) {
  if (!plan_.measured) return;
  const Instant well =
      std::max({CameraWellSince(), slot.leg.calm_since(), slot.connected_since, slot.granted_since});
  if (well == Instant::max() || now_ - well < kSettled) return steadiness.Interrupt();
  const auto change = steadiness.Add(sample, now_);
  if (!change) return;
  ++tally_.minutes;
  Demand(std::chrono::abs(*change) <= Steadiness::kTolerance,
         [&] { return Milliseconds(*change) + " came in the course of the day, " + what; });
}

}  // namespace latchkey::sim
