// Cameras without DTLS: their key stands in their offer, or the hub made it and their session begins by
// itself.
#include <algorithm>

#include "tests/unit/keeper/house.h"

namespace latchkey::keeper {
namespace {

using Digest = std::array<std::uint8_t, 32>;

Digest Filled(std::uint8_t fill) {
  Digest digest{};
  digest.fill(fill);
  return digest;
}

NewCamera SdesCamera(const std::string& name) {
  NewCamera camera;
  camera.name = name;
  camera.sdes = true;
  return camera;
}

// A home with one more camera, which was added with SDES.
struct SdesHome : Home {
  SdesHome() {
    auto added = house.owner().AddCamera(SdesCamera("Gate"), house.wall);
    REQUIRE(added.has_value());
    gate.id = added->id;
    gate.token = std::move(added->token);
    gate.sdes_key = std::move(added->sdes_key);
    house.Settle();
    house.StartLane(gate.id);
  }
  std::optional<wire::SdesBegin> Begun() { return house.ToLane<wire::SdesBegin>(gate.id); }
  void Show(CameraId id, SessionId session, wire::Keying keying, std::uint8_t stream) {
    wire::KeyShown shown;
    shown.session = session;
    shown.keying = keying;
    if (keying == wire::Keying::kDtls) shown.public_key = Filled(0xd7);
    shown.stream_key = Filled(stream);
    house.Lane(id, std::move(shown));
  }
  // The session that stands now, admitted with the digest `stream`.
  SessionId Admit(std::uint8_t stream = 1) {
    const auto begin = Begun();
    REQUIRE(begin);
    Show(gate.id, begin->session, wire::Keying::kEnrolled, stream);
    const auto admitted = house.ToLane<wire::KeyAdmitted>(gate.id);
    REQUIRE(admitted);
    CHECK(admitted->session == begin->session);
    return begin->session;
  }
  void Want(SessionId session, std::uint32_t ssrc, std::uint64_t up_to) {
    wire::IndexWanted wanted;
    wanted.session = session;
    wanted.ssrc = ssrc;
    wanted.up_to = up_to;
    house.Lane(gate.id, wanted);
  }
  [[nodiscard]] const ports::CameraRecord& Record() const { return *house.registry->FindCamera(gate.id); }
  Enrolled<CameraId> gate;
};

TEST_CASE("sdes: a camera with an enrolled key has a session as soon as its lane runs, and a new epoch") {
  SdesHome home;
  const auto begin = home.Begun();
  REQUIRE(begin);
  REQUIRE(home.gate.sdes_key);
  CHECK(ConstantTimeEqual(begin->key.Reveal(), home.gate.sdes_key->Reveal()));
  CHECK(begin->video == wire::Codec::kH264);
  CHECK(begin->sources.items().empty());
  CHECK(home.house.keeper->epoch(home.gate.id) == begin->epoch);
  CHECK_FALSE(home.Begun());
  home.house.Pass(seconds{5});
  CHECK_FALSE(home.Begun());
}

TEST_CASE("sdes: the key is stored sealed, for this camera, and comes back after a restart") {
  SdesHome home;
  const ByteView key = home.gate.sdes_key->Reveal();
  const ByteView stored(home.Record().enrolment->key);
  CHECK(std::search(stored.begin(), stored.end(), key.begin(), key.end()) == stored.end());
  home.house.StartKeeper();
  home.house.StartFront();
  home.house.StartLane(home.gate.id);
  const auto begin = home.Begun();
  REQUIRE(begin);
  CHECK(ConstantTimeEqual(begin->key.Reveal(), key));
  // Another camera's sealed key is none of this one's.
  auto other = home.house.owner().AddCamera(SdesCamera("Barn"), home.house.wall);
  REQUIRE(other.has_value());
  for (auto& camera : home.house.store.state.cameras) {
    if (camera.id == other->id) camera.enrolment->key = home.Record().enrolment->key;
  }
  home.house.StartKeeper();
  CHECK(Failure(home.house.registry->SdesKeyOf(other->id)) == ErrorCode::kCorrupt);
  CHECK(home.house.registry->SdesKeyOf(home.gate.id).has_value());
}

TEST_CASE("sdes: an enrolled key is admitted session by session, and is nobody else's from then on") {
  SdesHome home;
  (void)home.Admit(1);
  CHECK(home.Record().enrolment->tag == home.house.registry->TagOf(Filled(1)));
  home.house.EndLane(home.gate.id);
  home.house.StartLane(home.gate.id);
  (void)home.Admit(1);
  // Its own offer may not bring it, nor may another camera's, which suspends both.
  const SessionId own = home.house.Publish(home.gate);
  home.Show(home.gate.id, own, wire::Keying::kSdes, 1);
  CHECK_FALSE(home.house.ToLane<wire::KeyAdmitted>(home.gate.id));
  CHECK_FALSE(home.house.registry->SuspensionOf(home.gate.id));
  const SessionId session = home.house.Publish(home.camera);
  home.Show(home.camera.id, session, wire::Keying::kDtls, 1);
  CHECK_FALSE(home.house.ToLane<wire::KeyAdmitted>(home.camera.id));
  CHECK(home.house.registry->SuspensionOf(home.camera.id));
  CHECK(home.house.registry->SuspensionOf(home.gate.id));
}

TEST_CASE("sdes: a lane can't show an enrolled key for a session that was published, nor another way round") {
  {
    SdesHome home;
    const SessionId session = home.house.Publish(home.camera);
    home.Show(home.camera.id, session, wire::Keying::kEnrolled, 1);
    CHECK(home.house.Effect<keeper::EndLane>());
  }
  {
    SdesHome home;
    const auto begin = home.Begun();
    REQUIRE(begin);
    home.Show(home.gate.id, begin->session, wire::Keying::kSdes, 1);
    CHECK(home.house.Effect<keeper::EndLane>());
  }
}

TEST_CASE("sdes: a key in an offer counts for a camera that was added for it, and for no other") {
  SdesHome home;
  (void)home.Admit(1);
  const SessionId session = home.house.Publish(home.gate);
  home.Show(home.gate.id, session, wire::Keying::kSdes, 2);
  CHECK(home.house.ToLane<wire::KeyAdmitted>(home.gate.id));
  const SessionId other = home.house.Publish(home.camera);
  home.Show(home.camera.id, other, wire::Keying::kSdes, 3);
  CHECK_FALSE(home.house.ToLane<wire::KeyAdmitted>(home.camera.id));
  // Once.
  const SessionId again = home.house.Publish(home.gate);
  home.Show(home.gate.id, again, wire::Keying::kSdes, 2);
  CHECK_FALSE(home.house.ToLane<wire::KeyAdmitted>(home.gate.id));
}

TEST_CASE("sdes: offers say whether they may bring a key") {
  SdesHome home;
  home.house.Front(home.house.PublishRequest(home.gate.id, home.gate.token));
  auto offer = home.house.ToLane<wire::PublishOffer>(home.gate.id);
  REQUIRE(offer);
  CHECK(offer->sdes);
  home.house.Front(home.house.PublishRequest(home.camera.id, home.camera.token));
  offer = home.house.ToLane<wire::PublishOffer>(home.camera.id);
  REQUIRE(offer);
  CHECK_FALSE(offer->sdes);
}

TEST_CASE("sdes: a pin and a key without a certificate don't go together") {
  SdesHome home;
  const auto session = home.Admit(1);
  REQUIRE(home.house.owner().PinCamera(home.gate.id, ports::PinState::kConfirmed, Filled(9)).has_value());
  home.house.Settle();
  const auto end = home.house.ToLane<wire::SessionEnd>(home.gate.id);
  REQUIRE(end);
  CHECK(end->session == session);
  home.house.Pass(seconds{2});
  const auto begin = home.Begun();
  REQUIRE(begin);
  home.Show(home.gate.id, begin->session, wire::Keying::kEnrolled, 1);
  CHECK_FALSE(home.house.ToLane<wire::KeyAdmitted>(home.gate.id));
  // What was refused is not begun again and again.
  home.house.ForgetMessages();
  home.house.Pass(seconds{3 * 60});
  CHECK_FALSE(home.Begun());
}

TEST_CASE("sdes: an offer that was refused doesn't keep the enrolled key out") {
  SdesHome home;
  (void)home.Admit(1);
  const SessionId own = home.house.Publish(home.gate);
  home.Show(home.gate.id, own, wire::Keying::kSdes, 1);
  CHECK_FALSE(home.house.ToLane<wire::KeyAdmitted>(home.gate.id));
  home.house.Pass(seconds{2});
  (void)home.Admit(1);
}

TEST_CASE("sdes: a sender under another camera's SSRC is put out, and let in again later") {
  SdesHome home;
  const SessionId session = home.house.Publish(home.camera);
  home.Show(home.camera.id, session, wire::Keying::kDtls, 5);
  REQUIRE(home.house.ToLane<wire::KeyAdmitted>(home.camera.id));
  wire::SourcesSeen seen;
  seen.session = session;
  REQUIRE(seen.sources.TryPush(99));
  home.house.Lane(home.camera.id, seen);
  seen.session = home.Admit(1);
  home.house.Lane(home.gate.id, seen);
  REQUIRE(home.house.ToLane<wire::SessionEnd>(home.gate.id));
  home.house.Pass(seconds{30});
  CHECK_FALSE(home.Begun());
  home.house.Pass(kSdesRetry);
  (void)home.Admit(1);
}

TEST_CASE("sdes: a key that can't be noted on the disk is tried again later") {
  SdesHome home;
  const auto begin = home.Begun();
  REQUIRE(begin);
  home.house.store.failing = true;
  home.Show(home.gate.id, begin->session, wire::Keying::kEnrolled, 1);
  CHECK_FALSE(home.house.ToLane<wire::KeyAdmitted>(home.gate.id));
  home.house.store.failing = false;
  home.house.Pass(seconds{30});
  CHECK_FALSE(home.Begun());
  home.house.Pass(kSdesRetry);
  (void)home.Admit(1);
}

TEST_CASE("sdes: an enrolled key that is no secret is not begun again and again") {
  SdesHome home;
  const auto begin = home.Begun();
  REQUIRE(begin);
  wire::SessionEnded ended;
  ended.session = begin->session;
  ended.reason = wire::SessionEndReason::kKeyRefused;
  home.house.Lane(home.gate.id, ended);
  home.house.Pass(seconds{3 * 60});
  CHECK_FALSE(home.Begun());
}

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

TEST_CASE("sdes: rotating or handing over makes another key, and the old one is never taken again") {
  for (const bool transfer : {false, true}) {
    SdesHome home;
    const SessionId session = home.Admit(1);
    home.Want(session, 7, 1000);
    const ports::SdesKey before = home.gate.sdes_key->Duplicate();
    home.house.ForgetMessages();
    auto renewed = transfer ? home.house.owner().TransferCamera(home.gate.id, home.house.now, home.house.wall)
                            : home.house.owner().RotateCamera(home.gate.id, home.house.now, home.house.wall);
    REQUIRE(renewed.has_value());
    home.house.Settle();
    CHECK(home.house.ToLane<wire::SessionEnd>(home.gate.id));
    REQUIRE(renewed->sdes_key);
    CHECK_FALSE(ConstantTimeEqual(renewed->sdes_key->Reveal(), before.Reveal()));
    const auto begin = home.Begun();
    REQUIRE(begin);
    CHECK(begin->session != session);
    CHECK(begin->sources.items().empty());
    home.Show(home.gate.id, begin->session, wire::Keying::kEnrolled, 1);
    CHECK_FALSE(home.house.ToLane<wire::KeyAdmitted>(home.gate.id));
  }
}

TEST_CASE("sdes: while a camera publishes its enrolled key waits, and takes over when it has gone") {
  SdesHome home;
  (void)home.Admit();
  const SessionId published = home.house.Publish(home.gate);
  home.house.ForgetMessages();
  home.house.Pass(seconds{3});
  CHECK_FALSE(home.Begun());
  wire::SessionEnded ended;
  ended.session = published;
  ended.reason = wire::SessionEndReason::kClosedByPeer;
  home.house.Lane(home.gate.id, ended);
  home.house.Pass(seconds{2});
  CHECK(home.Begun());
}

TEST_CASE("sdes: a suspended camera's key goes nowhere, and comes again when it is lifted") {
  SdesHome home;
  (void)home.Admit();
  NewSuspension suspension;
  suspension.scope = ports::SuspensionScope::kCamera;
  suspension.camera = home.gate.id;
  suspension.reason = "burglars";
  const auto suspended = home.house.owner().Suspend(suspension, home.house.wall);
  REQUIRE(suspended.has_value());
  home.house.Settle();
  home.house.Pass(seconds{2 * 60});
  CHECK_FALSE(home.Begun());
  REQUIRE(home.house.owner().Resume(suspended->id, "it was the wind", home.house.wall).has_value());
  home.house.Settle();
  home.house.EndLane(home.gate.id);
  home.house.StartLane(home.gate.id);
  CHECK(home.Begun());
}

TEST_CASE("sdes: the port of a camera's lane is kept, so that its sender finds it") {
  SdesHome home;
  const std::uint16_t port = home.Record().enrolment->port;
  CHECK(port != 0);
  CHECK_FALSE(home.house.registry->FindCamera(home.camera.id)->enrolment);
}

TEST_CASE("sdes: viewers of an enrolled camera get wraps for its epoch") {
  SdesHome home;
  (void)home.house.Grant(home.viewer.id, home.gate.id);
  (void)home.Admit();
  home.house.ForgetMessages();
  const auto watching = home.house.View(home.viewer, home.gate.id);
  CHECK(home.house.keeper->sessions() >= 2);
  (void)watching;
}

}  // namespace
}  // namespace latchkey::keeper
