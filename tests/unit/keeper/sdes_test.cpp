// Cameras without DTLS: their key stands in their offer, or the hub made it and their session begins by
// itself.
#include <algorithm>

#include "tests/unit/keeper/sdes_home.h"

namespace latchkey::keeper {
namespace {

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
  (void)home.Admit();
  CHECK(home.Record().enrolment->tag == home.house.registry->TagOf(home.Own()));
  home.house.EndLane(home.gate.id);
  home.house.StartLane(home.gate.id);
  (void)home.Admit();
  // Its own offer may not bring it, nor may another camera's, which suspends both.
  const SessionId own = home.house.Publish(home.gate);
  home.Show(home.gate.id, own, wire::Keying::kSdes, home.Own());
  CHECK_FALSE(home.house.ToLane<wire::KeyAdmitted>(home.gate.id));
  CHECK_FALSE(home.house.registry->SuspensionOf(home.gate.id));
  const SessionId session = home.house.Publish(home.camera);
  home.Show(home.camera.id, session, wire::Keying::kDtls, home.Own());
  CHECK_FALSE(home.house.ToLane<wire::KeyAdmitted>(home.camera.id));
  CHECK(home.house.registry->SuspensionOf(home.camera.id));
  CHECK(home.house.registry->SuspensionOf(home.gate.id));
}

TEST_CASE("sdes: a lane can't show an enrolled key for a session that was published, nor another way round") {
  {
    SdesHome home;
    const SessionId session = home.house.Publish(home.camera);
    home.Show(home.camera.id, session, wire::Keying::kEnrolled, home.Own());
    CHECK(home.house.Effect<keeper::EndLane>());
  }
  {
    SdesHome home;
    const auto begin = home.Begun();
    REQUIRE(begin);
    home.Show(home.gate.id, begin->session, wire::Keying::kSdes, home.Own());
    CHECK(home.house.Effect<keeper::EndLane>());
  }
}

TEST_CASE("sdes: a lane can't show another key than the one that its session was given") {
  SdesHome home;
  const auto begin = home.Begun();
  REQUIRE(begin);
  home.Show(home.gate.id, begin->session, wire::Keying::kEnrolled, Filled(1));
  CHECK(home.house.Effect<keeper::EndLane>());
  CHECK_FALSE(home.house.ToLane<wire::KeyAdmitted>(home.gate.id));
  CHECK_FALSE(home.Record().enrolment->tag);
  CHECK_FALSE(home.house.registry->SuspensionOf(home.gate.id));
}

TEST_CASE("sdes: a key in an offer counts for a camera that was added for it, and for no other") {
  SdesHome home;
  (void)home.Admit();
  const SessionId session = home.house.Publish(home.gate);
  home.Show(home.gate.id, session, wire::Keying::kSdes, Filled(2));
  CHECK(home.house.ToLane<wire::KeyAdmitted>(home.gate.id));
  const SessionId other = home.house.Publish(home.camera);
  home.Show(home.camera.id, other, wire::Keying::kSdes, Filled(3));
  CHECK_FALSE(home.house.ToLane<wire::KeyAdmitted>(home.camera.id));
  // Once.
  const SessionId again = home.house.Publish(home.gate);
  home.Show(home.gate.id, again, wire::Keying::kSdes, Filled(2));
  CHECK_FALSE(home.house.ToLane<wire::KeyAdmitted>(home.gate.id));
}

TEST_CASE(
    "sdes: the enrolled key is worth nothing once an offer brought it, which kept no memory of its packets") {
  SdesHome home;
  const SessionId own = home.house.Publish(home.gate);
  home.Show(home.gate.id, own, wire::Keying::kSdes, home.Own());
  wire::SessionEnded ended;
  ended.session = own;
  ended.reason = wire::SessionEndReason::kClosedByPeer;
  home.house.Lane(home.gate.id, ended);
  home.house.ForgetMessages();
  home.house.Pass(seconds{2});
  const auto begin = home.Begun();
  REQUIRE(begin);
  home.Show(home.gate.id, begin->session, wire::Keying::kEnrolled, home.Own());
  CHECK_FALSE(home.house.ToLane<wire::KeyAdmitted>(home.gate.id));
  CHECK(home.house.ToLane<wire::SessionEnd>(home.gate.id));
  home.house.Pass(3 * kSdesRetry);
  CHECK_FALSE(home.Begun());
}

TEST_CASE("sdes: an enrolled key is nobody else's, also when that it was used has long been forgotten") {
  SdesHome home;
  (void)home.Admit();
  home.house.store.used.clear();
  const SessionId session = home.house.Publish(home.camera);
  home.Show(home.camera.id, session, wire::Keying::kDtls, home.Own());
  CHECK_FALSE(home.house.ToLane<wire::KeyAdmitted>(home.camera.id));
  CHECK(home.house.registry->SuspensionOf(home.camera.id));
  CHECK(home.house.registry->SuspensionOf(home.gate.id));
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
  const auto session = home.Admit();
  REQUIRE(home.house.owner().PinCamera(home.gate.id, ports::PinState::kConfirmed, Filled(9)).has_value());
  home.house.Settle();
  const auto end = home.house.ToLane<wire::SessionEnd>(home.gate.id);
  REQUIRE(end);
  CHECK(end->session == session);
  home.house.Pass(seconds{2});
  const auto begin = home.Begun();
  REQUIRE(begin);
  home.Show(home.gate.id, begin->session, wire::Keying::kEnrolled, home.Own());
  CHECK_FALSE(home.house.ToLane<wire::KeyAdmitted>(home.gate.id));
  // What was refused is not begun again and again.
  home.house.ForgetMessages();
  home.house.Pass(seconds{3 * 60});
  CHECK_FALSE(home.Begun());
}

TEST_CASE("sdes: an offer that was refused doesn't keep the enrolled key out") {
  SdesHome home;
  (void)home.Admit();
  const SessionId own = home.house.Publish(home.gate);
  home.Show(home.gate.id, own, wire::Keying::kSdes, home.Own());
  CHECK_FALSE(home.house.ToLane<wire::KeyAdmitted>(home.gate.id));
  home.house.Pass(seconds{2});
  (void)home.Admit();
}

TEST_CASE("sdes: a sender under another camera's SSRC is put out, and let in again later") {
  SdesHome home;
  const SessionId session = home.house.Publish(home.camera);
  home.Show(home.camera.id, session, wire::Keying::kDtls, Filled(5));
  REQUIRE(home.house.ToLane<wire::KeyAdmitted>(home.camera.id));
  wire::SourcesSeen seen;
  seen.session = session;
  REQUIRE(seen.sources.TryPush(99));
  home.house.Lane(home.camera.id, seen);
  seen.session = home.Admit();
  home.house.Lane(home.gate.id, seen);
  REQUIRE(home.house.ToLane<wire::SessionEnd>(home.gate.id));
  home.house.Pass(seconds{30});
  CHECK_FALSE(home.Begun());
  home.house.Pass(kSdesRetry);
  (void)home.Admit();
}

TEST_CASE("sdes: a key that can't be noted on the disk is tried again later") {
  SdesHome home;
  const auto begin = home.Begun();
  REQUIRE(begin);
  home.house.store.failing = true;
  home.Show(home.gate.id, begin->session, wire::Keying::kEnrolled, home.Own());
  CHECK_FALSE(home.house.ToLane<wire::KeyAdmitted>(home.gate.id));
  home.house.store.failing = false;
  home.house.Pass(seconds{30});
  CHECK_FALSE(home.Begun());
  home.house.Pass(kSdesRetry);
  (void)home.Admit();
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

TEST_CASE("sdes: rotating or handing over makes another key, and the old one is never taken again") {
  for (const bool transfer : {false, true}) {
    SdesHome home;
    const SessionId session = home.Admit();
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
    home.Show(home.gate.id, begin->session, wire::Keying::kEnrolled, home.Own());
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
