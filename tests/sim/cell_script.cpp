// What people, cameras and mistakes do, and when.
#include <algorithm>

#include "daemon/wire/demux.h"
#include "tests/sim/cell.h"
#include "tests/sim/violation.h"

namespace latchkey::sim {
namespace {

// The gate pins another SSRC after 200 ms of silence; two changes before it saw the first would be told apart
// by nothing, and no camera does that.
constexpr Duration kLeastLife = seconds(20);
constexpr int kMaxChanges = 5;
constexpr std::size_t kStrays = 12;
constexpr Duration kRoaming = seconds(6) + Viewer::kReportInterval + seconds(1);
// What a network lets go of at once may be more than the cache holds.
constexpr Duration kBurst = seconds(1);

}  // namespace

Duration Cell::Around(Duration mean) {
  return Seconds(ToSeconds(mean) * Between(random_, 0.2, 1.8));
}

void Cell::RunScript() {
  for (auto& waiting : std::exchange(inbox_, {})) On(waiting);
  if (now_ >= camera_leg_.next_change()) ChangeCameraLeg();
  if (now_ >= publish_at_) Publish();
  if (now_ >= epoch_at_) BeginEpoch();
  if (now_ >= next_action_) {
    next_action_ = now_ + Around(plan_.script);
    DoSomething();
  }
  for (auto& slot : slots_) {
    if (now_ >= slot->leg.next_change()) slot->leg.Change(random_, now_);
    if (now_ >= slot->next_habit) RunHabits(*slot);
    if (now_ >= slot->renew_at) Renew(*slot);
    if (slot->viewer && slot->viewer->endpoint.over()) slot->vanished = true;
    if (!slot->viewer && slot->wants && now_ >= slot->ask_at) View(*slot, MixUp::kNone);
  }
}

void Cell::ChangeCameraLeg() {
  if (camera_leg_.holding()) {
    burst_until_ = now_ + kBurst;
    for (auto& slot : slots_) {
      if (slot->viewer) slot->viewer->audit.SetTight(true);
    }
  }
  camera_leg_.Change(random_, now_);
  if (camera_leg_.holding()) ++tally_.holdups;
}

void Cell::RunHabits(Slot& slot) {
  slot.next_habit = now_ + Around(plan_.habit);
  if (!slot.wants) {
    slot.wants = true;
    slot.wanted_since = slot.ask_at = now_;
    return;
  }
  // Some stay, some close the page, some are gone without a word.
  const std::uint64_t kind = Below(random_, 4);
  if (kind < 2) return;
  slot.wants = false;
  if (!slot.viewer) return;
  if (kind == 2) {
    slot.viewer->endpoint.Close();
    Drain(slot.viewer->endpoint.outbox(), slot.viewer->endpoint.address(), slot.leg, false);
  }
  slot.vanished = true;
}

void Cell::DoSomething() {
  Slot& slot = *slots_[Below(random_, slots_.size())];
  switch (Below(random_, 16)) {
    case 0:
    case 1:
      if (!camera_.connected() || camera_.changes() >= kMaxChanges || now_ - life_since_ < kLeastLife) return;
      if (camera_.life() != keeper_.life()) return;
      camera_.ChangeSsrc();
      ++tally_.ssrc_changes;
      life_since_ = now_;
      return;
    case 2:
      camera_.Reboot();
      ++tally_.reboots;
      publish_at_ = now_ + Seconds(Between(random_, 0.5, 20));
      publishable_since_ = publish_at_;
      return;
    case 3: return BeginEpoch();
    case 4:
    case 5: return MixUpSomething();
    case 6:
    case 7:
    case 8: return InjectStrays();
    case 9:  // the grant is gone
      if (!slot.viewer) return;
      {
        const SessionId id = slot.session.id;
        EndView(slot);
        wire::SessionEnd end;
        end.session = id;
        for (auto& waiting : Tell(std::move(end))) On(waiting);
      }
      return;
    case 10:  // renewals stop: the session ends with the wrap that it has
      if (slot.viewer) slot.session.renews = false;
      return;
    case 11: return SuspendAndRestart();
    case 12: return ReorderPictures();
    case 13: return Roam(slot);
    default: return JumpClocks();
  }
}

void Cell::MixUpSomething() {
  Slot& slot = *slots_[Below(random_, slots_.size())];
  const auto mixup = static_cast<MixUp>(1 + Below(random_, static_cast<std::uint64_t>(MixUp::kCount) - 1));
  if (!slot.viewer) return View(slot, mixup);
  // A renewal that belongs elsewhere changes nothing: neither the epoch that may be shown nor the end.
  Keeper::Session& session = slot.session;
  if (session.granted != keeper_.epoch() && mixup == MixUp::kEpoch) return;
  for (auto& waiting : Tell(keeper_.Renew(session, wall() + seconds(590), mixup))) On(waiting);
  ++tally_.mixups;
}

// Datagrams that were recorded anywhere come from anywhere, some with a flipped bit.
void Cell::InjectStrays() {
  for (std::size_t i = 0; i < kStrays && !recordings_.kept.empty(); ++i) {
    const Recorded& stray = recordings_.kept[Below(random_, recordings_.kept.size())];
    ByteVector bytes = stray.bytes;
    SocketAddress from = stray.from;
    const std::uint64_t kind = Below(random_, 4);
    if (kind == 0) from = camera_.address();
    const auto& slot = slots_[Below(random_, slots_.size())];
    if (kind == 1 && slot->viewer) from = slot->viewer->endpoint.address();
    // A check covers no addresses (RFC 8489 9.1.3): one of a peer of this lane, recorded and sent from its
    // own peer's address again, is that peer's.
    if (random_.Chance(0.3)) {
      const std::uint64_t bit = Below(random_, bytes.size() * 8);
      bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1U << (bit % 8)));
    }
    ++tally_.strays;
    for (auto& viewer : slots_) NoteCheck(*viewer, from, bytes);
    ToLane(bytes, from);
  }
}

// Sets forward by what the network holds back at the same moment the lane can't tell from an RTP clock that
// stood still: so a wall clock goes forward by more than any holdup is late.
void Cell::JumpClocks() {
  constexpr double kYear = 365 * 86400.0;
  ++tally_.jumps;
  switch (Below(random_, 5)) {
    case 0: return camera_.SetWallClock(Seconds(Spread(random_, 130, kYear)));
    case 1: return camera_.SetWallClock(Seconds(-Spread(random_, 1, kYear)));
    case 2: return camera_.JumpRtpClock(static_cast<std::uint32_t>(Spread(random_, 1000, 4e9)));
    case 3: return StallCamera();
    default: return camera_.JumpRtpClock(0U - static_cast<std::uint32_t>(Spread(random_, 90'000, 2e9)));
  }
}

// Nothing to show meanwhile; what its clock lost is told by what comes then (StoodStill). For as long as the
// lane can be sure of, by reports that may name the last picture's time.
void Cell::StallCamera() {
  // What is left of an error heals at the pace of drift.
  if (plan_.measured) return;
  const Duration by = Seconds(Spread(random_, 0.5, 30)) + 4 * plan_.camera.Interval();
  camera_.Stall(by, now_);
  stood_still_until_ = std::max(stood_still_until_, now_ + by + plan_.camera.Interval());
}

// Its next check tells (within 6 s), and its next report moves the path.
void Cell::Roam(Slot& slot) {
  if (!slot.viewer || !slot.viewer->endpoint.connected()) return;
  slot.viewer->endpoint.Rebind(NextAddress());
  slot.roams_until = now_ + kRoaming;
  ++tally_.roams;
}

// It is shown again when a whole group went by without B slices.
void Cell::ReorderPictures() {
  const CameraHabits& habits = plan_.camera;
  if (habits.codec != wire::Codec::kH264 || now_ < reordered_until_) return;
  ++tally_.reorderings;
  reorders_since_ = now_;
  reorders_until_ = now_ + Around(plan_.script);
  camera_.Reorder(reorders_until_);
  reordered_until_ = reorders_until_ + 2 * habits.Interval() * (habits.group + 1);
}

void Cell::SuspendAndRestart() {
  ++tally_.suspensions;
  for (auto& slot : slots_) EndView(*slot);
  camera_session_.reset();
  if (random_.Chance(0.5)) {
    for (auto& waiting : Tell(wire::Suspend{})) On(waiting);
    Demand(lane_->viewer_count() == 0, "a suspended lane has viewers");
  }
  inbox_.clear();
  StartLane();
}

}  // namespace latchkey::sim
