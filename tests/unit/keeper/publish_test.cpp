// A camera publishes: who may, what the lane is told, and when an epoch stands.
#include "tests/unit/keeper/house.h"

namespace latchkey::keeper {

TEST_CASE("publish: a camera with its token gets the lane's answer and its epoch") {
  Home home;
  House& house = home.house;
  const Epoch before = house.keeper->epoch(home.camera.id);
  CHECK(before.value > 0);
  house.Publish(home.camera);
  CHECK(house.keeper->epoch(home.camera.id) > before);
  CHECK(house.keeper->epoch(home.other_camera.id) == Epoch{1});
}

TEST_CASE("publish: every epoch has a key of its own") {
  Home home;
  House& house = home.house;
  const Secret32 first = house.content_keys[home.camera.id].Duplicate();
  house.Publish(home.camera);
  CHECK_FALSE(ConstantTimeEqual(first.Reveal(), house.content_keys[home.camera.id].Reveal()));
  CHECK_FALSE(ConstantTimeEqual(first.Reveal(), house.content_keys[home.other_camera.id].Reveal()));
}

TEST_CASE("publish: an unknown token is 401, and the lane hears nothing of it") {
  Home home;
  House& house = home.house;
  house.Front(house.PublishRequest(home.camera.id, access::MakeToken(house.entropy)));
  CHECK(house.RefusedStatus() == 401);
  CHECK(house.lanes[home.camera.id].empty());
  CHECK(house.keeper->questions() == 0);
}

TEST_CASE("publish: another camera's token is 403, an unknown camera 404") {
  Home home;
  House& house = home.house;
  house.Front(house.PublishRequest(home.camera.id, home.other_camera.token));
  CHECK(house.RefusedStatus() == 403);
  house.Front(house.PublishRequest(home.camera.id, home.viewer.token));
  CHECK(house.RefusedStatus() == 403);
  house.Front(house.PublishRequest(house.entropy.MakeId<CameraId>(), home.camera.token));
  CHECK(house.RefusedStatus() == 404);
  house.Front(house.PublishRequest(CameraId(), home.camera.token));
  CHECK(house.RefusedStatus() == 404);
  CHECK(house.lanes[home.camera.id].empty());
  CHECK(house.lanes[home.other_camera.id].empty());
}

TEST_CASE("publish: the lane's refusal goes back as it is, and the epoch before stands") {
  Home home;
  House& house = home.house;
  const Epoch before = house.keeper->epoch(home.camera.id);
  const Watching watching = house.View(home.viewer, home.camera.id);
  auto request = house.PublishRequest(home.camera.id, home.camera.token);
  const auto ticket = request.ticket;
  house.Front(std::move(request));
  REQUIRE(house.ToLane<wire::PublishOffer>(home.camera.id).has_value());
  house.Lane(home.camera.id, wire::Refused{ticket, 409, "already live", "a camera is live here", 5});
  const auto refused = house.ToFront<wire::Refused>();
  REQUIRE(refused.has_value());
  CHECK(refused->ticket == ticket);
  CHECK(refused->http_status == 409);
  CHECK(refused->title.str() == "already live");
  CHECK(refused->retry_after_s == 5);
  CHECK(house.keeper->epoch(home.camera.id) == before);
  CHECK(house.keeper->sessions() == 3);
  CHECK_FALSE(house.ToLane<wire::WrapRenewal>(home.camera.id).has_value());
  // And the live publisher can still be spoken of by its own session.
  house.View(home.other_viewer, home.other_camera.id);
}

TEST_CASE("publish: a lane that is down, starting or unknown is 503 with Retry-After") {
  Home home;
  House& house = home.house;
  house.EndLane(home.camera.id);
  house.Front(house.PublishRequest(home.camera.id, home.camera.token));
  auto refused = house.ToFront<wire::Refused>();
  REQUIRE(refused.has_value());
  CHECK(refused->http_status == 503);
  CHECK(refused->title.str() == "currently unavailable");
  CHECK(refused->retry_after_s > 0);
  house.keeper->HandleLaneStart(home.camera.id, house.now);
  house.Run();
  house.Front(house.PublishRequest(home.camera.id, home.camera.token));
  CHECK(house.RefusedStatus() == 503);
  house.Lane(home.camera.id, wire::LaneReady{1});
  house.Publish(home.camera);
}

TEST_CASE("publish: a new session renews the wrap of every viewer, in the new epoch") {
  Home home;
  House& house = home.house;
  const Watching watching = house.View(home.viewer, home.camera.id);
  house.Publish(home.camera);
  const auto renewal = house.ToLane<wire::WrapRenewal>(home.camera.id);
  REQUIRE(renewal.has_value());
  CHECK(renewal->session == watching.session);
  CHECK(renewal->epoch == house.keeper->epoch(home.camera.id));
  CHECK(house.Opens(watching, home.camera.id, renewal->epoch, renewal->rights, renewal->not_after,
                    renewal->wrap));
  CHECK_FALSE(house.ToLane<wire::WrapRenewal>(home.other_camera.id).has_value());
}

TEST_CASE("publish: no answer in 5 s is 503; the late answer ends its session but begins its epoch") {
  Home home;
  House& house = home.house;
  const Watching watching = house.View(home.viewer, home.camera.id);
  auto request = house.PublishRequest(home.camera.id, home.camera.token);
  const auto ticket = request.ticket;
  house.Front(std::move(request));
  const auto offer = house.ToLane<wire::PublishOffer>(home.camera.id);
  house.Advance(milliseconds(4999));
  CHECK(house.RefusedStatus() == 0);
  house.Advance(milliseconds(1));
  CHECK(house.RefusedStatus() == 503);
  const auto end = house.ToLane<wire::SessionEnd>(home.camera.id);
  REQUIRE(end.has_value());
  CHECK(end->session == offer->session);

  house.Lane(home.camera.id, wire::PublishAnswer{ticket, offer->session, offer->epoch, "etag", "v=0"});
  CHECK_FALSE(house.ToFront<wire::Answered>().has_value());
  CHECK(house.keeper->epoch(home.camera.id) == offer->epoch);
  const auto renewal = house.ToLane<wire::WrapRenewal>(home.camera.id);
  REQUIRE(renewal.has_value());
  CHECK(house.Opens(watching, home.camera.id, renewal->epoch, renewal->rights, renewal->not_after,
                    renewal->wrap));
  // The camera comes again and is taken.
  house.Publish(home.camera);
}

TEST_CASE("publish: a lane that never answers an offer is ended") {
  Home home;
  House& house = home.house;
  house.Front(house.PublishRequest(home.camera.id, home.camera.token));
  wire::LaneStatus status;
  for (int i = 0; i < 29; ++i) {
    house.Pass(seconds(1));
    house.Lane(home.camera.id, status);
    house.Lane(home.other_camera.id, status);
  }
  CHECK_FALSE(house.Effect<EndLane>().has_value());
  house.Pass(seconds(2));
  const auto end = house.Effect<EndLane>();
  REQUIRE(end.has_value());
  CHECK(end->camera == home.camera.id);
}

TEST_CASE("publish: a full disk is 503 and changes nothing") {
  Home home;
  House& house = home.house;
  const Epoch before = house.keeper->epoch(home.camera.id);
  house.store.failing = true;
  // What was reserved is used up first.
  for (std::uint64_t i = before.value; i < kEpochBlock; ++i) house.Publish(home.camera);
  house.Front(house.PublishRequest(home.camera.id, home.camera.token));
  CHECK(house.RefusedStatus() == 503);
  CHECK(house.keeper->epoch(home.camera.id) == Epoch{kEpochBlock});
  house.store.failing = false;
  house.Publish(home.camera);
  CHECK(house.keeper->epoch(home.camera.id) == Epoch{kEpochBlock + 1});
}

TEST_CASE("publish: more questions than the hub keeps are 503, and none is lost") {
  Home home;
  House& house = home.house;
  for (std::size_t i = 0; i < kMaxQuestions; ++i) {
    house.Front(house.PublishRequest(home.camera.id, home.camera.token));
  }
  CHECK(house.RefusedStatus() == 0);
  CHECK(house.keeper->questions() == kMaxQuestions);
  house.Front(house.PublishRequest(home.camera.id, home.camera.token));
  CHECK(house.RefusedStatus() == 503);
  CHECK(house.keeper->questions() == kMaxQuestions);
}

TEST_CASE("publish: a new SSRC begins an epoch, and a second wish for the same one does not") {
  Home home;
  House& house = home.house;
  const Watching watching = house.View(home.viewer, home.camera.id);
  const Epoch before = house.keeper->epoch(home.camera.id);
  house.Lane(home.camera.id, wire::EpochWanted{before});
  const auto begin = house.ToLane<wire::EpochBegin>(home.camera.id);
  REQUIRE(begin.has_value());
  CHECK(begin->epoch > before);
  const auto renewal = house.ToLane<wire::WrapRenewal>(home.camera.id);
  REQUIRE(renewal.has_value());
  CHECK(house.Opens(watching, home.camera.id, begin->epoch, renewal->rights, renewal->not_after,
                    renewal->wrap));
  house.Lane(home.camera.id, wire::EpochWanted{before});
  CHECK_FALSE(house.ToLane<wire::EpochBegin>(home.camera.id).has_value());
}

TEST_CASE(
    "publish: a lane that wants epochs without end ends its own camera's session, and wears out no disk") {
  Home home;
  House& house = home.house;
  const int writes = house.store.writes;
  const Epoch before = house.keeper->epoch(home.camera.id);
  for (int i = 0; i < 1000; ++i)
    house.Lane(home.camera.id, wire::EpochWanted{house.keeper->epoch(home.camera.id)});
  CHECK(house.keeper->epoch(home.camera.id).value <= before.value + kEpochsWanted);
  CHECK(house.store.writes <= writes + 1);
  CHECK(house.ToLane<wire::SessionEnd>(home.camera.id).has_value());
  house.now += kEpochWindow;
  (void)house.Publish(home.camera);
  const Epoch later = house.keeper->epoch(home.camera.id);
  house.Lane(home.camera.id, wire::EpochWanted{later});
  CHECK(house.keeper->epoch(home.camera.id) > later);
}

TEST_CASE("publish: an answer that crossed a younger epoch does not bring the older one back") {
  Home home;
  House& house = home.house;
  auto request = house.PublishRequest(home.camera.id, home.camera.token);
  const auto ticket = request.ticket;
  house.Front(std::move(request));
  const auto offer = house.ToLane<wire::PublishOffer>(home.camera.id);
  house.Lane(home.camera.id, wire::EpochWanted{house.keeper->epoch(home.camera.id)});
  const Epoch younger = house.keeper->epoch(home.camera.id);
  CHECK(younger > offer->epoch);
  house.Lane(home.camera.id, wire::PublishAnswer{ticket, offer->session, offer->epoch, "e", "v=0"});
  CHECK(house.ToFront<wire::Answered>().has_value());
  CHECK(house.keeper->epoch(home.camera.id) == younger);
}

}  // namespace latchkey::keeper
