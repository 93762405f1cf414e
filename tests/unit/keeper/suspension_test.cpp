// Suspensions: dark at once, durable, lifted with a root cause alone.
#include <algorithm>

#include "tests/support/memory_scan.h"
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
  house.Settle();
  CHECK(house.ToLane<wire::Suspend>(home.camera.id).has_value());
  CHECK(house.ToLane<wire::Suspend>(home.other_camera.id).has_value() == all);
  CHECK(house.store.state.suspensions.size() == 1);
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
  house.Settle();
  CHECK(house.keeper->sessions() == 0);
  CHECK(house.ToLane<wire::Suspend>(home.camera.id).has_value());
  REQUIRE(house.owner().WhyNotKept(suspended->id) != nullptr);
  CHECK(house.owner().WhyNotKept(suspended->id)->why->code == ErrorCode::kLimit);
  CHECK(house.registry->SuspensionOf(home.camera.id) != nullptr);
  REQUIRE(house.Recorded(audit::Kind::kSuspended).size() == 2);
  CHECK(house.Recorded(audit::Kind::kSuspended)[1].body.find(R"("durable":false)") != std::string::npos);
  // Said once, tried again, and kept as soon as that works.
  house.Pass(kKeepRetry + seconds(2));
  CHECK(house.Recorded(audit::Kind::kSuspended).size() == 2);
  house.store.failing = false;
  house.Pass(kKeepRetry + seconds(2));
  CHECK(house.store.state.suspensions.size() == 1);
  CHECK(house.owner().WhyNotKept(suspended->id) == nullptr);
}

TEST_CASE("suspension: one that the disk refused can be lifted, and is not written afterwards") {
  Home home;
  House& house = home.house;
  house.store.failing = true;
  NewSuspension order;
  order.reason = "now";
  const auto suspended = house.owner().Suspend(order, house.wall);
  REQUIRE(suspended.has_value());
  house.Settle();
  CHECK_FALSE(house.owner().Resume(suspended->id, "a mistake", house.wall).has_value());
  house.store.failing = false;
  REQUIRE(house.owner().Resume(suspended->id, "a mistake", house.wall).has_value());
  house.Pass(kKeepRetry + seconds(2));
  CHECK(house.store.state.suspensions.empty());
  CHECK(house.registry->SuspensionOf(home.camera.id) == nullptr);
}

TEST_CASE("suspension: whoever has to stop is told before the disk is waited for") {
  Home home;
  House& house = home.house;
  const Watching watching = house.View(home.viewer, home.camera.id);
  std::vector<CameraId> dark{home.camera.id};
  SECTION("an order") {
    NewSuspension order;
    order.reason = "now";
    REQUIRE(house.owner().Suspend(order, house.wall).has_value());
    house.keeper->Settle(house.now, house.wall);
    dark.push_back(home.other_camera.id);
  }
  SECTION("an open failure") {
    house.keeper->HandleLane(home.camera.id, wire::OpenFailed{watching.session, Epoch{1}, FrameNumber{7}},
                             house.now, house.wall);
  }
  SECTION("a broken log") {
    house.keeper->HandleLogBroken("record 7 is missing", house.now, house.wall);
    dark.push_back(home.other_camera.id);
  }
  CHECK(house.store.state.suspensions.empty());
  std::vector<CameraId> told;
  bool kept = false;
  for (auto& effect : house.keeper->TakeEffects()) {
    if (std::holds_alternative<keeper::KeepSuspensions>(effect)) kept = true;
    const auto* message = std::get_if<keeper::ToLane>(&effect);
    if (message == nullptr || !std::holds_alternative<wire::Suspend>(message->message)) continue;
    CHECK_FALSE(kept);
    told.push_back(message->camera);
  }
  CHECK(kept);
  std::sort(told.begin(), told.end());
  std::sort(dark.begin(), dark.end());
  CHECK(told == dark);
  house.keeper->KeepSuspensions(house.now, house.wall);
  CHECK(house.store.state.suspensions.size() == 1);
}

// A lane that has been told to suspend.
struct Told {
  Told() {
    house.View(home.viewer, home.camera.id);
    NewSuspension order;
    order.reason = "now";
    order.scope = ports::SuspensionScope::kCamera;
    order.camera = home.camera.id;
    CHECK_FALSE(house.keeper->NotDark());
    REQUIRE(house.owner().Suspend(order, house.wall).has_value());
    house.Settle();
    CHECK(house.keeper->NotDark() == home.camera.id);
  }
  void Says(wire::CameraState state, std::uint16_t viewers) {
    wire::LaneStatus status;
    status.state = state;
    status.viewers = viewers;
    house.Lane(home.camera.id, status);
  }
  // To when it has to be dark, which is looked at then.
  void PassPatience() {
    CHECK(house.keeper->NextTimeout() <= house.now + kDarkPatience);
    house.Advance(kDarkPatience - milliseconds(1));
    CHECK_FALSE(house.Effect<EndLane>().has_value());
    house.Advance(milliseconds(1));
    // What it has said by then may be unread, as after a long wait for the disk: it is looked at once more.
    CHECK_FALSE(house.Effect<EndLane>().has_value());
    // Later than now: a loop may serve what is due over and over before it reads.
    CHECK(house.keeper->NextTimeout() > house.now);
    CHECK(house.keeper->NextTimeout() <= house.now + kDarkAgain);
  }
  Home home;
  House& house = home.house;
};

TEST_CASE("suspension: a lane that says that it has stopped goes on, though it is heard at the last moment") {
  Told told;
  if (GENERATE(false, true)) told.PassPatience();
  told.Says(wire::CameraState::kSuspended, 0);
  CHECK_FALSE(told.house.keeper->NotDark());
  told.house.Advance(kDarkPatience);
  told.house.Advance(kDarkPatience);
  CHECK_FALSE(told.house.Effect<EndLane>().has_value());
}

TEST_CASE("suspension: a lane that does not say that it has stopped is ended, and counts as lit until then") {
  Told told;
  House& house = told.house;
  const CameraId camera = told.home.camera.id;
  SECTION("it says nothing") {}
  SECTION("it says that it shows pictures") {
    told.Says(wire::CameraState::kLive, 0);
  }
  SECTION("it has viewers") {
    told.Says(wire::CameraState::kSuspended, 1);
  }
  told.PassPatience();
  house.Advance(milliseconds(1));
  const auto ended = house.Effect<EndLane>();
  REQUIRE(ended.has_value());
  CHECK(ended->camera == camera);
  CHECK(house.keeper->NotDark());
  house.Advance(kDarkPatience);
  CHECK_FALSE(house.Effect<EndLane>().has_value());
  house.EndLane(camera);
  CHECK_FALSE(house.keeper->NotDark());
  // The next one is told as well, and waited for.
  house.StartLane(camera);
  CHECK(house.ToLane<wire::Suspend>(camera).has_value());
  CHECK(house.keeper->NotDark());
}

TEST_CASE("suspension: the content key is nowhere in the keeper's memory any more") {
  Home home;
  House& house = home.house;
  house.View(home.viewer, home.camera.id);
  const test::Sought key(house.content_keys[home.camera.id]);
  house.content_keys.clear();
  house.ForgetMessages();
  CHECK(key.Count() == 1);
  NewSuspension order;
  order.reason = "now";
  order.scope = ports::SuspensionScope::kCamera;
  order.camera = home.camera.id;
  REQUIRE(house.owner().Suspend(order, house.wall).has_value());
  house.Settle();
  CHECK(key.Count() == 0);
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
