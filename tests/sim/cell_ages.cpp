// How old what leaves may be: fresh or nothing (invariant 2).
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "daemon/wire/rtp.h"
#include "tests/sim/cell.h"
#include "tests/sim/violation.h"

namespace latchkey::sim {
namespace {

// After bad weather.
constexpr Duration kSettled = seconds(30);

// Pictures of a run, which pass at the least step each.
constexpr int kGroup = 300;

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
  if (!slot.run_since) slot.run_since = slot.ran = now_;
  // While the newest is old the run is held.
  const Duration held = now_ - std::exchange(slot.ran, now_);
  if (held > egress::ViewerSession::kMaxFrameTime) *slot.run_since += held;
  const Duration run = now_ - *slot.run_since;
  Demand(run <= egress::ViewerSession::kMaxRun + egress::ViewerSession::kMaxFrameTime, [&] {
    return "a picture leaves that is " + Milliseconds(age) + " old, " + Milliseconds(run) +
           " after the first such";
  });
}

// A player shows pictures by their times, counted from the earliest: one far sooner than its time has it come
// would keep it behind.
void Cell::CheckLead(Slot& slot, std::uint32_t timestamp) {
  const auto behind = [&](Timing& timing) {
    const std::int64_t ticks = timing.timestamps.Unwrap(timestamp);
    return now_.time_since_epoch() - microseconds(ticks * 100 / 9);
  };
  if (!slot.timing) {
    slot.timing.emplace();
    slot.timing->began = now_;
    slot.timing->behind = behind(*slot.timing);
    return;
  }
  using Map = egress::TimestampMap;
  const Duration drift = (now_ - slot.timing->began) / 1'000'000 * Map::kFollowPpm;
  const Duration lead = slot.timing->behind - behind(*slot.timing);
  Demand(lead <= Map::kMaxLead + kGroup * Map::kLeastStep + drift,
         [&] { return "a picture leaves " + Milliseconds(lead) + " sooner than its time has it come"; });
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
