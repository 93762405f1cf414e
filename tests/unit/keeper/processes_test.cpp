// Front and lanes that die, hang and come back, as the keeper's books see it.
#include "tests/unit/keeper/house.h"

namespace latchkey::keeper {

TEST_CASE("processes: each camera asks for a lane, at its addition and at the start") {
  House house;
  const auto camera = house.Camera("One");
  const auto start = house.Effect<StartLane>();
  REQUIRE(start.has_value());
  CHECK(start->camera == camera.id);
  Keeper again(*house.registry, *house.book, house.crypto, house.entropy, Settings{});
  const auto effects = again.TakeEffects();
  REQUIRE(effects.size() == 1);
  CHECK(std::get<StartLane>(effects[0]).camera == camera.id);
}

TEST_CASE("processes: ready means the front and every lane") {
  House house;
  const auto camera = house.Camera("One");
  CHECK_FALSE(house.keeper->AllReady());
  house.StartFront();
  CHECK_FALSE(house.keeper->AllReady());
  house.StartLane(camera.id);
  CHECK(house.keeper->AllReady());
}

TEST_CASE("processes: a dead lane takes its sessions and questions with it, and no other's") {
  Home home;
  House& house = home.house;
  house.View(home.viewer, home.camera.id);
  const Watching other = house.View(home.other_viewer, home.other_camera.id);
  house.Front(house.ViewRequest(home.camera.id, home.viewer.token));
  house.EndLane(home.camera.id);
  CHECK(house.RefusedStatus() == 503);
  CHECK(house.keeper->sessions() == 2);
  CHECK(house.keeper->questions() == 0);
  CHECK(house.keeper->epoch(home.camera.id) == Epoch{});
  house.StartLane(home.camera.id);
  const Epoch before = house.keeper->epoch(home.other_camera.id);
  house.Publish(home.camera);
  CHECK(house.keeper->epoch(home.camera.id) > Epoch{1});
  CHECK(house.keeper->epoch(home.other_camera.id) == before);
  house.View(home.viewer, home.camera.id);
  CHECK(house.lanes[home.other_camera.id].empty());
}

TEST_CASE("processes: a dead front ends no session, and what it had asked is undone") {
  Home home;
  House& house = home.house;
  const Watching watching = house.View(home.viewer, home.camera.id);
  Watching unheard;
  house.Front(house.ViewUpToProof(home.viewer, home.camera.id, unheard));
  house.EndFront();
  CHECK(house.keeper->sessions() == 3);
  CHECK(house.keeper->questions() == 0);
  const auto end = house.ToLane<wire::SessionEnd>(home.camera.id);
  REQUIRE(end.has_value());
  CHECK(end->session == unheard.session);
  house.Lane(home.camera.id, wire::ViewerAnswer{unheard.ticket, unheard.session, "e", "v=0"});
  CHECK(house.front.empty());
  house.StartFront();
  house.Front(wire::DeleteRequest{house.NewTicket(home.viewer.token), watching.session,
                                  home.viewer.token.Duplicate()});
  CHECK(house.ToFront<wire::Done>().has_value());
}

TEST_CASE("processes: a front that starts again is told the port that it had") {
  House house;
  house.keeper->HandleFrontStart(house.now);
  house.Run();
  CHECK(house.ToFront<wire::FrontConfig>()->http_port == 0);
  house.Front(wire::FrontReady{45678});
  house.EndFront();
  house.keeper->HandleFrontStart(house.now);
  house.Run();
  CHECK(house.ToFront<wire::FrontConfig>()->http_port == 45678);
}

TEST_CASE("processes: a front or lane that never gets ready is ended") {
  House house;
  const auto camera = house.Camera("One");
  house.keeper->HandleFrontStart(house.now);
  house.keeper->HandleLaneStart(camera.id, house.now);
  house.Run();
  house.Pass(kStartLimit);
  CHECK_FALSE(house.Effect<EndFront>().has_value());
  CHECK_FALSE(house.Effect<EndLane>().has_value());
  house.Pass(seconds(2));
  CHECK(house.Effect<EndFront>().has_value());
  CHECK(house.Effect<EndLane>().has_value());
}

TEST_CASE("processes: a lane that falls silent is ended, one that speaks is not") {
  Home home;
  House& house = home.house;
  for (int i = 0; i < 12; ++i) {
    house.Pass(seconds(1));
    house.Lane(home.other_camera.id, wire::LaneStatus());
  }
  const auto end = house.Effect<EndLane>();
  REQUIRE(end.has_value());
  CHECK(end->camera == home.camera.id);
  while (const auto more = house.Effect<EndLane>()) CHECK(more->camera == home.camera.id);
}

TEST_CASE("processes: a lane is told the bounds of the configuration and nothing of other cameras") {
  House house;
  const auto camera = house.Camera("One");
  house.Camera("Two");
  house.keeper->HandleLaneStart(camera.id, house.now);
  house.Run();
  const auto config = house.ToLane<wire::LaneConfig>(camera.id);
  REQUIRE(config.has_value());
  CHECK(config->camera == camera.id);
  CHECK(config->cache_bytes == Settings{}.cache_bytes);
  CHECK(config->max_viewers == 64);
  CHECK(config->hold_least == Settings{}.hold_least);
  CHECK(config->hold_most == Settings{}.hold_most);
  CHECK(config->stale_after == Settings{}.stale_after);
  CHECK(config->unavailable_after == milliseconds(2000));
  CHECK(house.lanes[camera.id].empty());
}

TEST_CASE("processes: what is told one lane is told no other") {
  Home home;
  House& house = home.house;
  const Watching watching = house.View(home.viewer, home.camera.id);
  house.Lane(home.camera.id, wire::EpochWanted{house.keeper->epoch(home.camera.id)});
  house.Publish(home.camera);
  house.Front(wire::DeleteRequest{house.NewTicket(home.viewer.token), watching.session,
                                  home.viewer.token.Duplicate()});
  NewSuspension order;
  order.scope = ports::SuspensionScope::kCamera;
  order.camera = home.camera.id;
  order.reason = "why";
  REQUIRE(house.owner().Suspend(order, house.wall).has_value());
  house.Settle();
  CHECK_FALSE(house.lanes[home.camera.id].empty());
  CHECK(house.lanes[home.other_camera.id].empty());
}

}  // namespace latchkey::keeper
