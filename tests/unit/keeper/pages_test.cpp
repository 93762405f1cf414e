// What pages are told: their own token's cameras, at each change and once a second.
#include "tests/unit/keeper/house.h"

namespace latchkey::keeper {
namespace {

wire::Ticket Subscribe(House& house, const Secret32& token) {
  wire::Subscribe subscribe{house.NewTicket(token), token.Duplicate()};
  const auto ticket = subscribe.ticket;
  house.Front(std::move(subscribe));
  return ticket;
}

wire::LaneStatus Live() {
  wire::LaneStatus status;
  status.state = wire::CameraState::kLive;
  status.fps_milli = 25000;
  status.viewers = 2;
  return status;
}

}  // namespace

TEST_CASE("pages: a list holds the cameras of this token's grants and no other") {
  Home home;
  House& house = home.house;
  const auto ticket = Subscribe(house, home.viewer.token);
  auto list = house.ToFront<wire::CameraList>();
  REQUIRE(list.has_value());
  CHECK(list->ticket == ticket);
  REQUIRE(list->cameras.items().size() == 1);
  CHECK(list->cameras.items()[0].id == home.camera.id);
  CHECK(list->cameras.items()[0].name.str() == "Nursery");
  const auto third = house.Viewer("Cleo");
  CHECK(house.front.empty());
  Subscribe(house, third.token);
  list = house.ToFront<wire::CameraList>();
  REQUIRE(list.has_value());
  CHECK(list->cameras.items().empty());
}

TEST_CASE("pages: at each limit one more is 503, of one token and of everybody") {
  House house;
  house.StartFront();
  std::size_t open = 0;
  while (open < kMaxSubscriptions) {
    const auto viewer = house.Viewer("V" + std::to_string(open));
    for (std::size_t i = 0; i < kMaxSubscriptionsPerToken && open < kMaxSubscriptions; ++i, ++open) {
      Subscribe(house, viewer.token);
      REQUIRE(house.ToFront<wire::CameraList>().has_value());
    }
    Subscribe(house, viewer.token);
    CHECK(house.RefusedStatus() == 503);
  }
  const auto last = house.Viewer("Last");
  Subscribe(house, last.token);
  CHECK(house.RefusedStatus() == 503);
}

TEST_CASE("pages: a change of state is told at once, figures once a second") {
  Home home;
  House& house = home.house;
  Subscribe(house, home.viewer.token);
  house.Advance(seconds(1));
  house.front.clear();
  house.Advance(milliseconds(100));
  house.Lane(home.camera.id, Live());
  const auto at_once = house.ToFront<wire::CameraList>();
  REQUIRE(at_once.has_value());
  CHECK(at_once->cameras.items()[0].state == wire::CameraState::kLive);
  CHECK(at_once->cameras.items()[0].fps_milli == 25000);
  auto status = Live();
  status.fps_milli = 24000;
  house.Lane(home.camera.id, status);
  CHECK_FALSE(house.ToFront<wire::CameraList>().has_value());
  house.Pass(seconds(1));
  const auto later = house.ToFront<wire::CameraList>();
  REQUIRE(later.has_value());
  CHECK(later->cameras.items()[0].fps_milli == 24000);
}

TEST_CASE("pages: a lane that flaps is told of at most twenty times a second") {
  Home home;
  House& house = home.house;
  Subscribe(house, home.viewer.token);
  house.front.clear();
  for (int i = 0; i < 1000; ++i) {
    auto status = Live();
    status.state = i % 2 == 0 ? wire::CameraState::kLive : wire::CameraState::kStale;
    house.Lane(home.camera.id, status);
    house.Advance(milliseconds(1));
  }
  CHECK(house.front.size() <= 21);
  CHECK(house.front.size() >= 19);
}

TEST_CASE("pages: grants, names and suspensions that change are told at once") {
  Home home;
  House& house = home.house;
  Subscribe(house, home.viewer.token);
  const auto next = [&] {
    house.Advance(milliseconds(60));
    auto list = house.ToFront<wire::CameraList>();
    REQUIRE(list.has_value());
    house.front.clear();
    return list->cameras;
  };
  house.front.clear();
  const GrantId grant = house.Grant(home.viewer.id, home.other_camera.id);
  CHECK(next().items().size() == 2);
  REQUIRE(house.owner().RevokeGrant(grant, house.wall).has_value());
  CHECK(next().items().size() == 1);
  REQUIRE(house.owner().RenameCamera(home.camera.id, "Attic").has_value());
  CHECK(next().items()[0].name.str() == "Attic");
  house.EndLane(home.camera.id);
  const auto down = next();
  CHECK(down.items()[0].state == wire::CameraState::kUnavailable);
  CHECK(down.items()[0].reason == wire::UnavailableReason::kLaneRestarting);
}

TEST_CASE("pages: whoever may watch a camera sees at once who else does, and nobody else sees it") {
  Home home;
  House& house = home.house;
  const auto third = house.Viewer("Cleo");
  const auto listener = house.Viewer("Dora");
  house.Grant(home.other_viewer.id, home.camera.id);
  house.Grant(third.id, home.camera.id);
  house.Grant(listener.id, home.camera.id, hours(1), 2);
  const auto ask = [&](const Secret32& token) {
    house.Front(wire::ListRequest{house.NewTicket(token), token.Duplicate()});
    const auto list = house.ToFront<wire::CameraList>();
    REQUIRE(list.has_value());
    std::vector<std::string> names;
    for (const auto& camera : list->cameras.items()) {
      if (camera.id != home.camera.id) continue;
      CHECK(camera.watched_by_more == 0);
      for (const auto& name : camera.watched_by.items()) names.push_back(name.str());
    }
    return names;
  };
  using Names = std::vector<std::string>;
  CHECK(ask(home.viewer.token).empty());
  // One whose answer is still under way watches nothing yet.
  Watching under_way;
  wire::ViewProof proof = house.ViewUpToProof(third, home.camera.id, under_way);
  CHECK(ask(home.viewer.token).empty());
  house.Front(std::move(proof));
  REQUIRE(house.ToLane<wire::ViewerAdmit>(home.camera.id));
  CHECK(ask(home.viewer.token).empty());
  Subscribe(house, home.viewer.token);
  house.Advance(seconds(1));
  house.front.clear();
  const Watching ben = house.View(home.other_viewer, home.camera.id);
  (void)house.View(home.other_viewer, home.camera.id);
  (void)house.View(third, home.camera.id);
  (void)house.View(home.viewer, home.camera.id);
  house.Advance(milliseconds(60));
  const auto pushed = house.ToFront<wire::CameraList>();
  REQUIRE(pushed.has_value());
  CHECK(ask(home.viewer.token) == Names{"Ben", "Cleo"});
  CHECK(ask(third.token) == Names{"Anna", "Ben"});
  CHECK(ask(listener.token).empty());
  // Nobody's session there is a session here.
  CHECK(ask(home.other_viewer.token) == Names{"Anna", "Cleo"});
  house.front.clear();
  REQUIRE(house.owner().RemoveViewer(third.id, house.wall).has_value());
  house.Lane(home.camera.id, wire::SessionEnded{ben.session, wire::SessionEndReason::kClosedByPeer, 0, 0, 0});
  CHECK(ask(home.viewer.token) == Names{"Ben"});
}

TEST_CASE("pages: of many who watch eight are named and the rest counted") {
  Home home;
  House& house = home.house;
  for (int i = 0; i < 12; ++i) {
    const auto viewer = house.Viewer("V" + std::to_string(10 + i));
    house.Grant(viewer.id, home.camera.id);
    (void)house.View(viewer, home.camera.id);
  }
  house.Front(wire::ListRequest{house.NewTicket(home.viewer.token), home.viewer.token.Duplicate()});
  const auto list = house.ToFront<wire::CameraList>();
  REQUIRE(list.has_value());
  const auto& camera = list->cameras.items()[0];
  REQUIRE(camera.watched_by.items().size() == 8);
  CHECK(camera.watched_by.items()[0].str() == "V10");
  CHECK(camera.watched_by_more == 4);
}

TEST_CASE("pages: a viewer that is removed is told 401 and no more") {
  Home home;
  House& house = home.house;
  const auto ticket = Subscribe(house, home.viewer.token);
  house.front.clear();
  REQUIRE(house.owner().RemoveViewer(home.viewer.id, house.wall).has_value());
  house.Advance(milliseconds(60));
  const auto refused = house.ToFront<wire::Refused>();
  REQUIRE(refused.has_value());
  CHECK(refused->http_status == 401);
  CHECK(refused->ticket == ticket);
  house.Pass(seconds(3));
  CHECK(house.front.empty());
}

TEST_CASE("pages: after Unsubscribe, Cancel or the front's end nothing more is sent") {
  Home home;
  House& house = home.house;
  const auto ticket = Subscribe(house, home.viewer.token);
  SECTION("unsubscribe") {
    house.Front(wire::Unsubscribe{ticket});
  }
  SECTION("cancel") {
    house.Front(wire::Cancel{ticket});
  }
  SECTION("the front's end") {
    house.EndFront();
    house.StartFront();
  }
  house.front.clear();
  house.Pass(seconds(3));
  CHECK(house.front.empty());
}

TEST_CASE("pages: an unsubscribe of another principal ends nothing") {
  Home home;
  House& house = home.house;
  const auto ticket = Subscribe(house, home.viewer.token);
  house.front.clear();
  house.Front(
      wire::Unsubscribe{{ticket.request, access::PrincipalOf(house.crypto, home.other_viewer.token)}});
  house.Pass(seconds(2));
  CHECK_FALSE(house.front.empty());
}

TEST_CASE("pages: too many pages of one token are 503") {
  Home home;
  House& house = home.house;
  for (std::size_t i = 0; i < kMaxSubscriptionsPerToken; ++i) Subscribe(house, home.viewer.token);
  CHECK(house.RefusedStatus() == 0);
  Subscribe(house, home.viewer.token);
  CHECK(house.RefusedStatus() == 503);
  Subscribe(house, home.other_viewer.token);
  CHECK(house.RefusedStatus() == 0);
}

TEST_CASE("pages: a picture that nobody has spoken of for 2 s is not live") {
  Home home;
  House& house = home.house;
  house.Lane(home.camera.id, Live());
  const auto state = [&] {
    house.Front(wire::ListRequest{house.NewTicket(home.viewer.token), home.viewer.token.Duplicate()});
    const auto list = house.ToFront<wire::CameraList>();
    REQUIRE(list.has_value());
    return list->cameras.items()[0].state;
  };
  house.Pass(seconds(2));
  CHECK(state() == wire::CameraState::kLive);
  house.Pass(milliseconds(100));
  CHECK(state() == wire::CameraState::kUnavailable);
}

TEST_CASE("pages: metrics hold no names and fit one record with all cameras there can be") {
  House house;
  house.StartFront();
  for (std::size_t i = 0; i < kMaxCameras; ++i) {
    const auto camera = house.Camera("Secret name " + std::to_string(i), "Model");
    house.StartLane(camera.id);
    auto status = Live();
    status.drops.fill(0xffffffffffffffff);
    status.packets_in = status.packets_out = status.frames_in = status.cache_bytes = 0xffffffffffffffff;
    house.Lane(camera.id, status);
  }
  house.Viewer("Secret person");
  house.Front(wire::MetricsRequest{{house.entropy.MakeId<RequestId>(), PrincipalId()}});
  const auto metrics = house.ToFront<wire::Metrics>();
  REQUIRE(metrics.has_value());
  const std::string& text = metrics->text.str();
  CHECK(text.find("Secret") == std::string::npos);
  CHECK(text.find("latchkey_cameras 64\n") != std::string::npos);
  CHECK(text.find("latchkey_dropped_datagrams_total{reason=\"unknown_peer\"}") != std::string::npos);
  CHECK(text.back() == '\n');
  CHECK(text.size() < wire::kMaxSdp);
}

}  // namespace latchkey::keeper
