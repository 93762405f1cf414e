// How far senders have come under enrolled keys: on the disk before a lane believes them.
#include "tests/unit/keeper/sdes_home.h"

namespace latchkey::keeper {
namespace {

TEST_CASE(
    "sdes: how far a sender has come is on the disk before the lane hears it, and there after a restart") {
  SdesHome home;
  const SessionId session = home.Admit();
  home.Want(session, 7, 1000);
  const auto reserved = home.house.ToLane<wire::IndexReserved>(home.gate.id);
  REQUIRE(reserved);
  CHECK(reserved->session == session);
  CHECK(reserved->ssrc == 7);
  CHECK(reserved->up_to == 1000);
  CHECK(home.house.store.sources.at({home.gate.id, 7}) == 1000);
  home.house.StartKeeper();
  home.house.StartFront();
  home.house.StartLane(home.gate.id);
  const auto begin = home.Begun();
  REQUIRE(begin);
  REQUIRE(begin->sources.items().size() == 1);
  CHECK(begin->sources.items()[0].ssrc == 7);
  CHECK(begin->sources.items()[0].from == 1000);
}

TEST_CASE("sdes: nobody waits while the disk writes how far a sender has come, and no lane hears it before") {
  SdesHome home;
  const SessionId session = home.Admit();
  home.house.disk_is_slow = true;
  home.Want(session, 7, 1000);
  home.Want(session, 7, 2000);
  CHECK_FALSE(home.house.ToLane<wire::IndexReserved>(home.gate.id));
  CHECK(home.house.store.sources.empty());
  NewSuspension all;
  all.reason = "burglars";
  REQUIRE(home.house.owner().Suspend(all, home.house.wall).has_value());
  home.house.Settle();
  CHECK(home.house.ToLane<wire::Suspend>(home.gate.id));
  home.house.ForgetMessages();
  home.house.WriteIndices();
  // Of a session that has ended.
  CHECK_FALSE(home.house.ToLane<wire::IndexReserved>(home.gate.id));
  CHECK(home.house.store.sources.at({home.gate.id, 7}) == 2000);
}

TEST_CASE(
    "sdes: what the disk gets to after the key was changed, or its camera removed, counts for nothing") {
  for (const bool remove : {false, true}) {
    SdesHome home;
    const SessionId session = home.Admit();
    home.house.disk_is_slow = true;
    home.Want(session, 7, 1000);
    if (remove) {
      REQUIRE(home.house.owner().RemoveCamera(home.gate.id).has_value());
    } else {
      REQUIRE(home.house.owner().RotateCamera(home.gate.id, home.house.now, home.house.wall).has_value());
    }
    home.house.Settle();
    home.house.disk_is_slow = false;
    home.house.WriteIndices();
    home.house.Pass(seconds{2});
    CHECK(home.house.store.sources.empty());
    CHECK_FALSE(home.house.ToLane<wire::IndexReserved>(home.gate.id));
    if (!remove) (void)home.Admit();
  }
}

TEST_CASE("sdes: no session is begun before the disk has what the one before asked of it") {
  SdesHome home;
  const SessionId session = home.Admit();
  home.house.disk_is_slow = true;
  home.Want(session, 7, 1000);
  home.house.EndLane(home.gate.id);
  home.house.StartLane(home.gate.id);
  home.house.Pass(seconds{5});
  CHECK_FALSE(home.Begun());
  home.house.WriteIndices();
  home.house.Pass(seconds{2});
  const auto begin = home.Begun();
  REQUIRE(begin);
  REQUIRE(begin->sources.items().size() == 1);
  CHECK(begin->sources.items()[0].from == 1000);
}

TEST_CASE(
    "sdes: a sender that begins anew faster than the disk writes loses its session, not the hub its memory") {
  SdesHome home;
  SessionId session = home.Admit();
  home.house.disk_is_slow = true;
  for (std::uint64_t i = 1; i <= kIndexBlocks; ++i) home.Want(session, 7, i);
  home.house.Pass(2 * kIndexWindow);
  CHECK(home.house.indices.size() == kIndexBlocks);
  CHECK_FALSE(home.house.ToLane<wire::SessionEnd>(home.gate.id));
  home.Want(session, 7, 1000);
  CHECK(home.house.ToLane<wire::SessionEnd>(home.gate.id));
  CHECK(home.house.indices.size() == kIndexBlocks);
  home.house.disk_is_slow = false;
  home.house.WriteIndices();
  home.house.Pass(seconds{2});
  session = home.Admit();
  home.Want(session, 7, 2000);
  CHECK(home.house.ToLane<wire::IndexReserved>(home.gate.id));
}

TEST_CASE("sdes: when the disk refuses, the sender is not believed, and is let in again later") {
  SdesHome home;
  const SessionId session = home.Admit();
  home.house.store.failing = true;
  home.Want(session, 7, 1000);
  CHECK_FALSE(home.house.ToLane<wire::IndexReserved>(home.gate.id));
  REQUIRE(home.house.ToLane<wire::SessionEnd>(home.gate.id));
  home.house.Pass(seconds{30});
  CHECK_FALSE(home.Begun());
  home.house.store.failing = false;
  home.house.Pass(kSdesRetry);
  CHECK(home.Begun());
}

TEST_CASE("sdes: a key that has had as many senders as it may is used up until it is rotated") {
  SdesHome home;
  home.house.store.most_sources = 2;
  const SessionId session = home.Admit();
  home.Want(session, 1, 10);
  home.Want(session, 2, 10);
  home.house.ForgetMessages();
  home.Want(session, 3, 10);
  CHECK_FALSE(home.house.ToLane<wire::IndexReserved>(home.gate.id));
  CHECK(home.house.ToLane<wire::SessionEnd>(home.gate.id));
  home.house.Pass(seconds{5 * 60});
  CHECK_FALSE(home.Begun());
  wire::LaneStatus offline;
  offline.reason = wire::UnavailableReason::kCameraOffline;
  home.house.Lane(home.gate.id, offline);
  CHECK(home.house.owner().Cameras(home.house.now).back().reason == wire::UnavailableReason::kKeyRefused);
  auto renewed = home.house.owner().RotateCamera(home.gate.id, home.house.now, home.house.wall);
  REQUIRE(renewed.has_value());
  home.house.Settle();
  const auto begin = home.Begun();
  REQUIRE(begin);
  CHECK(ConstantTimeEqual(begin->key.Reveal(), renewed->sdes_key->Reveal()));
  CHECK(begin->sources.items().empty());
}

TEST_CASE(
    "sdes: a lane that wants blocks without end loses its session, and one that was not admitted its life") {
  {
    SdesHome home;
    const SessionId session = home.Admit();
    for (std::uint64_t i = 1; i <= kIndexBlocks; ++i) home.Want(session, 7, i);
    CHECK_FALSE(home.house.ToLane<wire::SessionEnd>(home.gate.id));
    const int writes = home.house.store.writes;
    home.Want(session, 7, 1000);
    CHECK(home.house.ToLane<wire::SessionEnd>(home.gate.id));
    CHECK(home.house.store.writes == writes);
  }
  {
    SdesHome home;
    const auto begin = home.Begun();
    REQUIRE(begin);
    home.Want(begin->session, 7, 1000);
    CHECK(home.house.Effect<keeper::EndLane>());
    CHECK(home.house.store.sources.empty());
  }
  {
    SdesHome home;
    const SessionId session = home.Admit();
    home.Want(session, 7, ports::kSrtpMaxIndex + 1);
    CHECK(home.house.Effect<keeper::EndLane>());
  }
}

}  // namespace
}  // namespace latchkey::keeper
