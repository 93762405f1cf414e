// Suspensions: dark at once, durable, lifted with a root cause alone.
#include "tests/unit/keeper/house.h"

namespace latchkey::keeper {

TEST_CASE("suspension: a suspended camera is dark at once, for publisher, viewers and pages, and stays so") {
  Home home;
  House& house = home.house;
  house.View(home.viewer, home.camera.id);
  NewSuspension order;
  order.reason = "recall";
  SECTION("the camera") {
    order.scope = ports::SuspensionScope::kCamera;
    order.camera = home.camera.id;
  }
  SECTION("its model") {
    order.scope = ports::SuspensionScope::kModel;
    order.model = "M1";
  }
  SECTION("everything") {}
  const bool all = order.scope == ports::SuspensionScope::kAll;
  const auto suspended = house.owner().Suspend(order, house.wall);
  REQUIRE(suspended.has_value());
  CHECK(suspended->durable.has_value());
  house.Settle();
  CHECK(house.ToLane<wire::Suspend>(home.camera.id).has_value());
  CHECK(house.ToLane<wire::Suspend>(home.other_camera.id).has_value() == all);
  CHECK(house.keeper->epoch(home.camera.id) == Epoch{});
  CHECK(house.keeper->sessions() == (all ? 0U : 1U));
  house.Front(house.PublishRequest(home.camera.id, home.camera.token));
  CHECK(house.RefusedStatus() == 503);
  house.Front(house.ViewRequest(home.camera.id, home.viewer.token));
  CHECK(house.RefusedStatus() == 503);
  // Who has no grant is not told.
  house.Front(house.ViewRequest(home.camera.id, home.other_viewer.token));
  CHECK(house.RefusedStatus() == 403);
  house.Front(wire::ListRequest{house.NewTicket(home.viewer.token), home.viewer.token.Duplicate()});
  const auto list = house.ToFront<wire::CameraList>();
  REQUIRE(list.has_value());
  REQUIRE(list->cameras.items().size() == 1);
  CHECK(list->cameras.items()[0].state == wire::CameraState::kSuspended);
  CHECK(list->cameras.items()[0].suspension.str() == "recall");

  // A lane that starts again is told before it can serve anyone.
  house.EndLane(home.camera.id);
  house.StartLane(home.camera.id);
  CHECK(house.ToLane<wire::Suspend>(home.camera.id).has_value());

  CHECK_FALSE(house.owner().Resume(suspended->id, "", house.wall).has_value());
  REQUIRE(house.owner().Resume(suspended->id, "fixed", house.wall).has_value());
  house.Settle();
  CHECK(house.Effect<RestartLane>().has_value());
  house.Front(house.ViewRequest(home.camera.id, home.viewer.token));
  CHECK(house.RefusedStatus() == 503);  // until the lane is there again
  house.EndLane(home.camera.id);
  house.ForgetMessages();
  house.StartLane(home.camera.id);
  CHECK_FALSE(house.ToLane<wire::Suspend>(home.camera.id).has_value());
  house.Publish(home.camera);
  house.View(home.viewer, home.camera.id);
}

TEST_CASE("suspension: one frame that does not open suspends the camera, durably and once") {
  Home home;
  House& house = home.house;
  const Watching watching = house.View(home.viewer, home.camera.id);
  house.Lane(home.camera.id, wire::OpenFailed{watching.session, Epoch{1}, FrameNumber{7}});
  house.Lane(home.camera.id, wire::OpenFailed{watching.session, Epoch{1}, FrameNumber{8}});
  CHECK(house.ToLane<wire::Suspend>(home.camera.id).has_value());
  CHECK_FALSE(house.ToLane<wire::Suspend>(home.camera.id).has_value());
  REQUIRE(house.store.state.suspensions.size() == 1);
  CHECK(house.store.state.suspensions[0].automatic);
  CHECK(house.store.state.suspensions[0].camera == home.camera.id);
  CHECK(house.keeper->counters().open_failures == 2);
  CHECK(house.keeper->sessions() == 1);
  // After a restart of the whole daemon it still stands.
  const auto again = Registry::Load(house.store, house.crypto, house.entropy, house.secret);
  REQUIRE(again.has_value());
  CHECK((*again)->SuspensionOf(home.camera.id) != nullptr);
  CHECK((*again)->SuspensionOf(home.other_camera.id) == nullptr);
}

TEST_CASE("suspension: a suspension holds even when the disk refuses it, and says so") {
  Home home;
  House& house = home.house;
  house.View(home.viewer, home.camera.id);
  house.store.failing = true;
  NewSuspension order;
  order.reason = "now";
  const auto suspended = house.owner().Suspend(order, house.wall);
  REQUIRE(suspended.has_value());
  CHECK_FALSE(suspended->durable.has_value());
  house.Settle();
  CHECK(house.keeper->sessions() == 0);
  CHECK(house.ToLane<wire::Suspend>(home.camera.id).has_value());
}

TEST_CASE("suspension: a suspension refuses the questions that are with the lane") {
  Home home;
  House& house = home.house;
  Watching watching;
  house.Front(house.ViewUpToProof(home.viewer, home.camera.id, watching));
  NewSuspension order;
  order.reason = "now";
  REQUIRE(house.owner().Suspend(order, house.wall).has_value());
  house.Settle();
  CHECK(house.RefusedStatus() == 503);
  house.Lane(home.camera.id, wire::ViewerAnswer{watching.ticket, watching.session, "e", "v=0"});
  CHECK(house.front.empty());
}

}  // namespace latchkey::keeper
