// Authorisation is never cached: what a grant, a viewer, a camera or a token loses, its sessions lose at
// once.
#include <set>

#include "tests/unit/keeper/house.h"

namespace latchkey::keeper {
namespace {

// The session was ended at its lane, and nothing speaks of it any more.
void Ended(House& house, CameraId camera, SessionId session) {
  const auto end = house.ToLane<wire::SessionEnd>(camera);
  REQUIRE(end.has_value());
  CHECK(end->session == session);
}

}  // namespace

TEST_CASE("authority: revoking a grant ends its sessions at once, and no other") {
  Home home;
  House& house = home.house;
  const Watching watching = house.View(home.viewer, home.camera.id);
  const Watching other = house.View(home.other_viewer, home.other_camera.id);
  REQUIRE(house.owner().RevokeGrant(home.grant, house.wall).has_value());
  house.Settle();
  Ended(house, home.camera.id, watching.session);
  CHECK(house.lanes[home.other_camera.id].empty());
  CHECK(house.keeper->sessions() == 3);
  house.Front(house.ViewRequest(home.camera.id, home.viewer.token));
  CHECK(house.RefusedStatus() == 403);
}

TEST_CASE("authority: a session lives by its own grant, not by another that would do") {
  Home home;
  House& house = home.house;
  const Watching watching = house.View(home.viewer, home.camera.id);
  house.Grant(home.viewer.id, home.camera.id, std::chrono::minutes(30));
  REQUIRE(house.owner().RevokeGrant(watching.grant, house.wall).has_value());
  house.Settle();
  Ended(house, home.camera.id, watching.session);
  // Coming again it is let in by the other one.
  CHECK(house.View(home.viewer, home.camera.id).grant != watching.grant);
}

TEST_CASE("authority: removing a viewer ends its sessions and its token") {
  Home home;
  House& house = home.house;
  const Watching watching = house.View(home.viewer, home.camera.id);
  REQUIRE(house.owner().RemoveViewer(home.viewer.id, house.wall).has_value());
  house.Settle();
  Ended(house, home.camera.id, watching.session);
  house.Front(house.ViewRequest(home.camera.id, home.viewer.token));
  CHECK(house.RefusedStatus() == 401);
}

TEST_CASE("authority: a viewer's rotated token ends its sessions, questions and pages, and nobody else's") {
  Home home;
  House& house = home.house;
  house.Grant(home.viewer.id, home.other_camera.id);
  const Watching watching = house.View(home.viewer, home.camera.id);
  const Watching elsewhere = house.View(home.viewer, home.other_camera.id);
  const Watching other = house.View(home.other_viewer, home.other_camera.id);
  house.Front(wire::Subscribe{house.NewTicket(home.viewer.token), home.viewer.token.Duplicate()});
  Watching under_way;
  auto proof = house.ViewUpToProof(home.viewer, home.camera.id, under_way);
  house.ForgetMessages();

  auto token = house.owner().RotateViewer(home.viewer.id);
  REQUIRE(token.has_value());
  house.Settle();
  CHECK(house.RefusedStatus() == 401);
  std::set<SessionId> ended;
  for (const CameraId camera : {home.camera.id, home.other_camera.id}) {
    while (const auto end = house.ToLane<wire::SessionEnd>(camera)) ended.insert(end->session);
  }
  CHECK(ended == std::set{watching.session, elsewhere.session, under_way.session});
  house.Front(std::move(proof));
  CHECK_FALSE(house.ToLane<wire::ViewerAdmit>(home.camera.id).has_value());
  house.Advance(milliseconds(60));
  CHECK(house.RefusedStatus() == 401);  // its page

  house.Front(house.ViewRequest(home.camera.id, home.viewer.token));
  CHECK(house.RefusedStatus() == 401);
  // Its grants stand, for whoever has the new one.
  const Watching again = house.View({home.viewer.id, std::move(*token), {}}, home.camera.id);
  CHECK(again.grant == home.grant);
  const auto recorded = house.Recorded(audit::Kind::kTokenRotated);
  REQUIRE(recorded.size() == 1);
  CHECK(recorded[0].viewer == home.viewer.id);
  CHECK(Failure(house.owner().RotateViewer(ViewerId())) == ErrorCode::kNotFound);
}

TEST_CASE("authority: removing a camera ends everything about it, and its id is 404") {
  Home home;
  House& house = home.house;
  house.View(home.viewer, home.camera.id);
  house.Front(house.ViewRequest(home.camera.id, home.viewer.token));
  REQUIRE(house.owner().RemoveCamera(home.camera.id).has_value());
  house.Settle();
  CHECK(house.RefusedStatus() == 404);
  const auto stop = house.Effect<StopLane>();
  REQUIRE(stop.has_value());
  CHECK(stop->camera == home.camera.id);
  CHECK(house.keeper->sessions() == 1);
  house.Front(house.ViewRequest(home.camera.id, home.viewer.token));
  CHECK(house.RefusedStatus() == 404);
  house.Front(house.PublishRequest(home.camera.id, home.camera.token));
  CHECK(house.RefusedStatus() == 401);
  // What its dying lane still says means nothing.
  house.Lane(home.camera.id, wire::LaneStatus());
  house.EndLane(home.camera.id);
}

TEST_CASE("authority: a rotated token ends its camera's session, and the viewers stay") {
  Home home;
  House& house = home.house;
  const SessionId publisher = house.Publish(home.camera);
  const Watching watching = house.View(home.viewer, home.camera.id);
  auto token = house.owner().RotateCamera(home.camera.id, house.now, house.wall);
  REQUIRE(token.has_value());
  house.Settle();
  Ended(house, home.camera.id, publisher);
  house.Front(house.PublishRequest(home.camera.id, home.camera.token));
  CHECK(house.RefusedStatus() == 401);
  house.ForgetMessages();
  house.Publish(*token);
  const auto renewal = house.ToLane<wire::WrapRenewal>(home.camera.id);
  REQUIRE(renewal.has_value());
  CHECK(renewal->session == watching.session);
}

TEST_CASE("authority: a token rotated while its offer is with the lane publishes nothing") {
  Home home;
  House& house = home.house;
  auto request = house.PublishRequest(home.camera.id, home.camera.token);
  const auto ticket = request.ticket;
  house.Front(std::move(request));
  const auto offer = house.ToLane<wire::PublishOffer>(home.camera.id);
  REQUIRE(house.owner().RotateCamera(home.camera.id, house.now, house.wall).has_value());
  house.Settle();
  CHECK(house.RefusedStatus() == 401);
  house.Lane(home.camera.id, wire::PublishAnswer{ticket, offer->session, offer->epoch, "e", "v=0"});
  CHECK(house.front.empty());
  CHECK(house.keeper->sessions() == 1);
  house.Front(house.ViewRequest(home.camera.id, home.viewer.token));
  CHECK(house.RefusedStatus() == 503);
}

TEST_CASE("authority: the lane's answer to an offer asks for the camera's right once more") {
  Home home;
  House& house = home.house;
  auto request = house.PublishRequest(home.camera.id, home.camera.token);
  const auto ticket = request.ticket;
  house.Front(std::move(request));
  const auto offer = house.ToLane<wire::PublishOffer>(home.camera.id);
  // Behind the desk's back: nothing else than the answer itself can notice.
  REQUIRE(house.registry->RotateCamera(home.camera.id).has_value());
  house.Lane(home.camera.id, wire::PublishAnswer{ticket, offer->session, offer->epoch, "e", "v=0"});
  CHECK_FALSE(house.ToFront<wire::Answered>().has_value());
  CHECK(house.RefusedStatus() == 401);
  CHECK(house.ToLane<wire::SessionEnd>(home.camera.id)->session == offer->session);
  CHECK(house.keeper->sessions() == 1);
}

TEST_CASE("authority: a change of owner ends every grant and every session and begins a new epoch") {
  Home home;
  House& house = home.house;
  house.Grant(home.other_viewer.id, home.camera.id);
  house.View(home.viewer, home.camera.id);
  house.View(home.other_viewer, home.camera.id);
  const Watching elsewhere = house.View(home.other_viewer, home.other_camera.id);
  const Epoch before = house.keeper->epoch(home.camera.id);
  auto token = house.owner().TransferCamera(home.camera.id, house.now, house.wall);
  REQUIRE(token.has_value());
  house.Settle();
  int ended = 0;
  while (house.ToLane<wire::SessionEnd>(home.camera.id)) ++ended;
  CHECK(ended == 3);
  const auto begin = house.ToLane<wire::EpochBegin>(home.camera.id);
  REQUIRE(begin.has_value());
  CHECK(begin->epoch > before);
  CHECK_FALSE(house.ToLane<wire::WrapRenewal>(home.camera.id).has_value());
  CHECK(house.keeper->sessions() == 2);
  for (const auto* viewer : {&home.viewer, &home.other_viewer}) {
    house.Front(house.ViewRequest(home.camera.id, viewer->token));
    CHECK(house.RefusedStatus() == 403);
  }
  house.Front(house.PublishRequest(home.camera.id, home.camera.token));
  CHECK(house.RefusedStatus() == 401);
  house.Publish(*token);
}

TEST_CASE("authority: a change of owner refuses the questions that are under way") {
  Home home;
  House& house = home.house;
  Watching watching;
  auto proof = house.ViewUpToProof(home.viewer, home.camera.id, watching);
  REQUIRE(house.owner().TransferCamera(home.camera.id, house.now, house.wall).has_value());
  house.Settle();
  CHECK(house.RefusedStatus() == 403);
  house.Front(std::move(proof));
  CHECK_FALSE(house.ToLane<wire::ViewerAdmit>(home.camera.id).has_value());
  CHECK(house.keeper->questions() == 0);
}

TEST_CASE("authority: a change of owner for which no epoch can be written starts the lane anew") {
  Home home;
  House& house = home.house;
  house.View(home.viewer, home.camera.id);
  house.store.no_epochs = true;
  while (house.registry->NextEpoch(home.camera.id).has_value()) continue;
  REQUIRE(house.owner().TransferCamera(home.camera.id, house.now, house.wall).has_value());
  house.Settle();
  CHECK_FALSE(house.ToLane<wire::EpochBegin>(home.camera.id).has_value());
  const auto restart = house.Effect<RestartLane>();
  REQUIRE(restart.has_value());
  CHECK(restart->camera == home.camera.id);
  CHECK(house.keeper->sessions() == 1);
}

TEST_CASE("authority: a grant's end ends the session within a second, and no wrap outlives it") {
  Home home;
  House& house = home.house;
  const auto third = house.Viewer("Cleo");
  house.Grant(third.id, home.camera.id, seconds(90), 1);
  const WallTime end = house.wall + seconds(90);
  Watching watching;
  house.Front(house.ViewUpToProof(third, home.camera.id, watching));
  const auto admit = house.ToLane<wire::ViewerAdmit>(home.camera.id);
  CHECK(admit->not_after == end);
  house.Lane(home.camera.id, wire::ViewerAnswer{watching.ticket, watching.session, "e", "v=0"});
  wire::LaneStatus status;
  for (int i = 0; i < 89; ++i) {
    house.Pass(seconds(1));
    house.Lane(home.camera.id, status);
  }
  CHECK_FALSE(house.ToLane<wire::SessionEnd>(home.camera.id).has_value());
  while (const auto renewal = house.ToLane<wire::WrapRenewal>(home.camera.id))
    CHECK(renewal->not_after <= end);
  house.Pass(seconds(2));
  Ended(house, home.camera.id, watching.session);
}

TEST_CASE("authority: a wrap lives 10 minutes and is renewed at half of that, as long as the grant stands") {
  Home home;
  House& house = home.house;
  const Watching watching = house.View(home.viewer, home.camera.id);
  house.ForgetMessages();
  wire::LaneStatus status;
  int renewals = 0;
  WallTime until = house.wall + access::kWrapLife;
  for (int second = 0; second < 3500; ++second) {
    house.Pass(seconds(1));
    house.Lane(home.camera.id, status);
    house.Lane(home.other_camera.id, status);
    while (const auto renewal = house.ToLane<wire::WrapRenewal>(home.camera.id)) {
      ++renewals;
      CHECK(renewal->session == watching.session);
      CHECK(house.wall < until);
      CHECK(renewal->not_after <= house.wall + access::kWrapLife);
      CHECK(house.Opens(watching, home.camera.id, renewal->epoch, renewal->rights, renewal->not_after,
                        renewal->wrap));
      until = renewal->not_after;
    }
    CHECK(house.wall < until);
  }
  CHECK(renewals >= 10);
  CHECK(renewals <= 16);
}

TEST_CASE("authority: a clock that jumps either way leaves no session without a wrap") {
  Home home;
  House& house = home.house;
  const auto third = house.Viewer("Cleo");
  REQUIRE(
      house.owner().AddGrant({third.id, home.camera.id, 1, FromUnixSeconds(0), ports::kNoEnd}, house.wall));
  const Watching watching = house.View(third, home.camera.id);
  const Duration jump = GENERATE(Duration(hours(5)), Duration(-hours(5)));
  house.wall += jump;
  house.Advance(seconds(1));
  const auto renewal = house.ToLane<wire::WrapRenewal>(home.camera.id);
  REQUIRE(renewal.has_value());
  CHECK(renewal->not_after > house.wall);
  CHECK(renewal->not_after <= house.wall + access::kWrapLife);
}

TEST_CASE("authority: a content key lives 24 hours") {
  Home home;
  House& house = home.house;
  const auto third = house.Viewer("Cleo");
  house.Grant(third.id, home.camera.id, hours(48), 1);
  const Watching watching = house.View(third, home.camera.id);
  const Epoch before = house.keeper->epoch(home.camera.id);
  wire::LaneStatus status;
  const auto minutes_pass = [&](int count) {
    for (int i = 0; i < count * 8; ++i) {
      house.now += milliseconds(7500);
      house.wall += milliseconds(7500);
      house.Lane(home.camera.id, status);
      house.Lane(home.other_camera.id, status);
      house.Advance(Duration::zero());
    }
  };
  minutes_pass(24 * 60 - 2);
  CHECK(house.keeper->epoch(home.camera.id) == before);
  house.ForgetMessages();
  minutes_pass(4);
  CHECK(house.keeper->epoch(home.camera.id) == before.Next());
  CHECK(house.ToLane<wire::EpochBegin>(home.camera.id)->epoch == before.Next());
  std::optional<wire::WrapRenewal> last;
  while (auto renewal = house.ToLane<wire::WrapRenewal>(home.camera.id)) last = std::move(renewal);
  REQUIRE(last.has_value());
  CHECK(last->epoch == before.Next());
  CHECK(house.Opens(watching, home.camera.id, last->epoch, last->rights, last->not_after, last->wrap));
}

TEST_CASE("authority: where nobody publishes a day ends no view") {
  Home home;
  House& house = home.house;
  const auto third = house.Viewer("Cleo");
  house.Grant(third.id, home.camera.id, hours(48), 1);
  (void)house.View(third, home.camera.id);
  const SessionId publisher = house.Publish(home.camera);
  house.Lane(home.camera.id, wire::SessionEnded{publisher, wire::SessionEndReason::kConsentExpired, 0, 0, 0});
  house.ForgetMessages();
  wire::LaneStatus status;
  for (int i = 0; i < 25 * 60 * 8; ++i) {
    house.now += milliseconds(7500);
    house.wall += milliseconds(7500);
    house.Lane(home.camera.id, status);
    house.Lane(home.other_camera.id, status);
    house.Advance(Duration::zero());
  }
  CHECK_FALSE(house.ToLane<wire::EpochBegin>(home.camera.id).has_value());
}

TEST_CASE("authority: chance orders never leave a session without a right") {
  const auto seed = GENERATE(11U, 12U, 13U, 14U);
  INFO("seed " << seed);
  Home home;
  House& house = home.house;
  SeededEntropy dice(seed);
  const auto roll = [&](std::uint32_t n) { return dice.U32() % n; };
  std::vector<GrantId> grants{home.grant, home.other_grant};
  std::vector<Watching> watching;
  wire::LaneStatus status;
  for (int step = 0; step < 400; ++step) {
    const auto& camera = roll(2) == 0 ? home.camera : home.other_camera;
    const auto& viewer = roll(2) == 0 ? home.viewer : home.other_viewer;
    switch (roll(8)) {
      case 0: grants.push_back(house.Grant(viewer.id, camera.id, seconds(1 + roll(120)), 1)); break;
      case 1:
        (void)house.owner().RevokeGrant(grants[roll(static_cast<std::uint32_t>(grants.size()))], house.wall);
        house.Settle();
        break;
      case 2: house.Publish(camera); break;
      case 3:
        house.EndLane(camera.id);
        house.StartLane(camera.id);
        house.Publish(camera);
        break;
      case 4: house.Front(house.ViewRequest(camera.id, viewer.token)); break;
      default: {
        auto request = house.ViewRequest(camera.id, viewer.token);
        const auto ticket = request.ticket;
        house.Front(std::move(request));
        const auto offer = house.ToLane<wire::ViewerOffer>(camera.id);
        if (!offer) break;
        house.Lane(camera.id, wire::ViewerParsed{ticket, offer->session, {}});
        const auto granted = house.ToFront<wire::Granted>();
        if (!granted) break;
        house.Front(wire::ViewProof{ticket, offer->session, granted->wrap,
                                    access::DeriveViewerKey(house.crypto, viewer.token, granted->grant)});
        house.Lane(camera.id, wire::ViewerAnswer{ticket, offer->session, "e", "v=0"});
        break;
      }
    }
    house.Pass(milliseconds(roll(3000)));
    house.Lane(home.camera.id, status);
    house.Lane(home.other_camera.id, status);
    house.ForgetMessages();  // Run() has checked IsConsistent() after each call
  }
}

}  // namespace latchkey::keeper
