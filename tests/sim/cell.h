// One camera's part of the world: the real lane, a keeper, the camera, its viewers, and the networks between
// them. Time is an argument; the world calls Step() at NextDeadline().
//
//   cell.cpp           datagrams in and out, deadlines, what holds after every step
//   cell_sessions.cpp  publishing, viewing, epochs, wraps: the keeper's conversation
//   cell_script.cpp    what people, cameras and mistakes do, and when
//   cell_ages.cpp      how old what leaves may be
//   cell_progress.cpp  who must see what by when
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "daemon/lane/lane.h"
#include "tests/sim/camera.h"
#include "tests/sim/freshness.h"
#include "tests/sim/keeper.h"
#include "tests/sim/mixing.h"
#include "tests/sim/steadiness.h"
#include "tests/sim/tally.h"
#include "tests/sim/viewer.h"
#include "tests/sim/weather.h"

namespace latchkey::sim {

struct CellPlan {
  CameraHabits camera;
  WeatherPlan weather;  // of the viewers
  WeatherPlan camera_weather;
  std::size_t viewers = 1;
  Duration habit = seconds(60);   // mean time between what a viewer does: comes, goes
  Duration script = seconds(30);  // mean time between what else happens
  std::uint32_t cache_frames = 200;
  bool real = false;      // OpenSSL and libsrtp
  bool measured = false;  // a steady network: latency is the same all day
};

// A datagram that somebody recorded, of any cell.
struct Recorded {
  SocketAddress from;
  ByteVector bytes;
};
// Shared by the cells of a world; bounded.
struct Recordings {
  static constexpr std::size_t kKept = 256;
  std::vector<Recorded> kept;
  std::size_t next = 0;
};

class Cell {
 public:
  Cell(const CellPlan& plan, std::uint32_t mark, std::uint64_t seed, Recordings& recordings, Instant now,
       WallTime wall);

  void Step(Instant now);
  [[nodiscard]] Instant NextDeadline() const { return next_; }
  [[nodiscard]] const Tally& tally() const { return tally_; }
  // Of everything that the lane sent and said, and when.
  [[nodiscard]] std::uint64_t trace() const { return trace_.Low(); }

  // So long after an RTP clock stood still two reports have said it, or the session ended with its patience.
  static constexpr Duration kStandstill = ingress::CameraSession::kLatePatience + seconds(5);

 private:
  // A viewer's clock against the hub's.
  struct Timing {
    Unwrapper<std::uint32_t> timestamps;
    Instant began;      // when the first picture left
    Duration behind{};  // of that, the hub's clock less the viewer's
  };
  // A person with a device, whose sessions come and go.
  struct Slot {
    Slot(const CellPlan& plan, std::uint64_t seed, Random& random, Instant now)
        : machine(seed, plan.real), leg(plan.weather, random, now) {}
    Machine machine;
    Leg leg;
    std::optional<Viewer> viewer;  // a session that the lane holds
    Keeper::Session session;
    bool wants = false;     // to watch
    bool hears = false;     // takes sound
    bool listens = false;   // may have it
    bool vanished = false;  // went without a word: answers and sends nothing any more
    Instant ask_at;         // next attempt
    Instant next_habit;
    Instant renew_at = Instant::max();
    Instant wanted_since;
    Instant connected_since = Instant::max();
    Instant granted_since = Instant::max();
    Instant shown;    // when the newest picture shown was filmed, or Instant{}
    Steadiness left;  // from filming to leaving
    Steadiness told;  // what the viewer is told of that, less the truth
    // Where the session was seen: by a check, and by authentic media behind that.
    std::vector<SocketAddress> checked;
    std::vector<SocketAddress> proved;
    Instant roams_until;               // the hub may not have noticed yet
    std::optional<Instant> run_since;  // old pictures leave that lead to new ones
    Instant ran;                       // when the last of these left
    std::optional<Timing> timing;      // of the pictures, as a player has it
  };

  // cell.cpp
  [[nodiscard]] WallTime wall() const { return wall_ + (now_ - began_); }
  [[nodiscard]] Instant ComputeDeadline() const;
  void DeliverUp();
  void DeliverDown();
  void ToLane(MutableByteView bytes, const SocketAddress& from);
  void HandToLane(MutableByteView bytes, const SocketAddress& from);
  void After();
  void Collect();
  void Send(const Outgoing& entry, ByteView bytes);
  void SendToViewer(Slot& slot, ByteView bytes);
  void WorkPeers();
  void Drain(std::vector<ByteVector>& outbox, const SocketAddress& from, Leg& leg, bool mute);
  void NoteCheck(Slot& slot, const SocketAddress& from, ByteView bytes);
  void FromViewer(Slot& slot, MutableByteView bytes, const SocketAddress& from);
  [[nodiscard]] SocketAddress NextAddress();
  [[nodiscard]] Slot* FindAddress(const SocketAddress& address);
  [[nodiscard]] Slot* FindSession(const SessionId& id);

  // cell_sessions.cpp
  void StartLane();
  std::vector<wire::LaneToKeeper> Tell(wire::KeeperToLane message);
  void On(wire::LaneToKeeper& message);
  void OnStatus(const wire::LaneStatus& status);
  void OnEnded(const wire::SessionEnded& ended);
  void Publish();
  void View(Slot& slot, MixUp mixup);
  void BeginEpoch();
  void Renew(Slot& slot);
  void Grant(Slot& slot);
  void EndView(Slot& slot);
  void AfterEpoch();

  // cell_script.cpp
  void RunScript();
  void RunHabits(Slot& slot);
  void ChangeCameraLeg();
  void DoSomething();
  void MixUpSomething();
  void InjectStrays();
  void JumpClocks();
  void StallCamera();
  void ReorderPictures();
  void Roam(Slot& slot);
  void SuspendAndRestart();
  [[nodiscard]] Duration Around(Duration mean);

  // cell_ages.cpp
  void TakeRtp(MutableByteView bytes, const SocketAddress& from);
  void CheckSilence() const;
  void CheckAge(Slot& slot, const Picture& picture);
  void CheckLead(Slot& slot, std::uint32_t timestamp);
  void CheckSound(const Sound& sound);
  void CheckTold(Slot& slot, const SentFrame& frame);
  void Measure(Steadiness& steadiness, const Slot& slot, Duration sample, const char* what);

  // cell_progress.cpp
  void CheckProgress();
  void CheckRefused();
  [[nodiscard]] Instant CameraWellSince() const;
  [[nodiscard]] Duration Patience() const;

  CellPlan plan_;
  std::uint32_t mark_;
  Recordings& recordings_;
  Random random_;
  Instant now_;
  Instant began_;
  WallTime wall_;
  Machine hub_;
  Machine camera_machine_;
  SocketAddress hub_address_;
  wire::LaneConfig config_;
  std::unique_ptr<lane::Lane> lane_;
  Keeper keeper_;
  Camera camera_;
  Leg camera_leg_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<wire::LaneToKeeper> inbox_;
  ByteVector buffer_;

  std::optional<SessionId> camera_session_;  // that the lane holds
  Instant publish_at_;
  Instant epoch_at_ = Instant::max();  // when the keeper begins one that was asked for
  Instant next_action_;
  Instant next_check_;
  Instant publishable_since_;
  Instant camera_connected_since_ = Instant::max();
  Instant life_since_;
  Instant burst_until_;  // what was held back comes in
  Freshness freshness_;
  std::array<std::pair<std::uint32_t, Instant>, Reel::kKept> sound_at_lane_;  // number, and since when
  std::uint32_t boot_ = 0;          // of the camera's session at the lane
  std::uint32_t life_at_lane_ = 0;  // of the newest packet there
  Instant reorders_since_;          // B slices
  Instant reorders_until_;
  Instant reordered_until_;  // and what they leave behind
  wire::CameraState told_state_ = wire::CameraState::kUnavailable;
  wire::UnavailableReason told_reason_ = wire::UnavailableReason::kNone;
  Instant stood_still_until_;  // an RTP clock that the lane saw stand still
  std::uint16_t next_port_ = 50000;
  std::size_t sampled_ = 0;
  Instant next_;
  int busy_ = 0;  // steps in a row that took no time
  Tally tally_;
  Mixing trace_;
};

}  // namespace latchkey::sim
