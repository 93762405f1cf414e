// Ring, December 2016: calls were told apart by numbers drawn at random; two drew the same, one overwrote the
// other, and doorbells' pictures reached other people's phones.
//
// Here: at each place where the hub draws an id it draws one that is in use. What has the id keeps it and
// goes on undisturbed; what would have overwritten it is refused.
#include "tests/incidents/home.h"
#include "tests/support/catch.h"

namespace latchkey::incidents {
namespace {

struct TwoPeople : Home {
  TwoPeople() {
    PublishAndConnect(nursery);
    PublishAndConnect(door);
    hub.Run(milliseconds(200));
    hub.DeliverLetters();
  }
  // Each sees the camera of the own grant, and has nothing else.
  void CheckUndisturbed(HomeViewer& viewer) {
    const std::size_t before = Sights(viewer.end()).size();
    CHECK(Sees(viewer, before + 20));
    CheckEverySight();
  }
  HomeCamera& nursery = Camera("Nursery");
  HomeCamera& door = Camera("Door");
  HomeViewer& anna = Viewer("Anna", nursery);
  HomeViewer& ben = Viewer("Ben", door);
};

SessionId SessionOf(const HomeViewer& viewer) {
  const std::string& location = viewer.asking.location;
  return SessionId::FromHex(location.substr(location.rfind('/') + 1)).value_or(SessionId());
}

TEST_CASE("ring 2016: a session's id that is drawn again goes to nobody else, whatever camera it is for") {
  TwoPeople home;
  home.WatchAndConnect(home.anna);
  REQUIRE(home.Sees(home.anna));
  const SessionId taken = SessionOf(home.anna);
  REQUIRE_FALSE(taken.IsNull());
  SECTION("a viewer of another camera") {
    home.hub.entropy.GiveOnce(taken.bytes());
    home.Watch(home.ben);
    home.hub.DeliverLetters();
    home.hub.Respond();
    CHECK(home.ben.asking.status == 503);
  }
  SECTION("another viewer of the same camera") {
    HomeViewer& cleo = home.Viewer("Cleo", home.nursery);
    home.hub.entropy.GiveOnce(taken.bytes());
    home.Watch(cleo);
    home.hub.DeliverLetters();
    home.hub.Respond();
    CHECK(cleo.asking.status == 503);
  }
  SECTION("a camera's session") {
    home.SwitchOff(home.door);
    // Behind the content key, of another length, comes the session's id.
    home.hub.entropy.GiveOnce(taken.bytes());
    home.Publish(home.door);
    home.hub.DeliverLetters();
    home.hub.Respond();
    CHECK(home.door.asking.status == 503);
  }
  CHECK(home.hub.Noticed("came twice"));
  CHECK(home.hub.keeper().sessions() >= 2);
  home.CheckUndisturbed(home.anna);
  // The next id is another one.
  home.door.asking.insists = home.ben.asking.insists = true;
  if (!home.door.connected() || home.door.asking.status != 201) home.Publish(home.door);
  home.Watch(home.ben);
  CHECK(home.Sees(home.ben, 10, seconds(10)));
  home.CheckEverySight();
}

TEST_CASE("ring 2016: the id of a session that is only asked for is in use as well") {
  TwoPeople home;
  home.Watch(home.anna);
  std::optional<SessionId> asked;
  while (!asked) {
    for (const Letter& letter : home.hub.letters()) {
      if (const auto offer = Read<wire::ViewerOffer, wire::KeeperToLane>(letter)) asked = offer->session;
    }
    home.hub.Step();
  }
  home.hub.entropy.GiveOnce(asked->bytes());
  home.Watch(home.ben);
  home.hub.DeliverLetters();
  home.hub.Respond();
  CHECK(home.ben.asking.status == 503);
  CHECK(home.anna.asking.status == 201);
  CHECK(SessionOf(home.anna) == *asked);
  CHECK(home.Sees(home.anna));
  home.CheckEverySight();
}

TEST_CASE("ring 2016: a request's id that the front draws again overwrites no open question") {
  TwoPeople home;
  home.Watch(home.anna);
  RequestId open;
  for (const Letter& letter : home.hub.letters()) {
    if (const auto request = Read<wire::ViewRequest, wire::FrontToKeeper>(letter))
      open = request->ticket.request;
  }
  REQUIRE_FALSE(open.IsNull());
  home.hub.front_entropy.GiveOnce(open.bytes());
  home.Watch(home.ben);
  home.hub.DeliverLetters();
  home.hub.Respond();
  CHECK(home.anna.asking.status == 201);
  CHECK(home.ben.asking.status == 503);
  CHECK(home.Sees(home.anna));
  home.Watch(home.ben);
  CHECK(home.Sees(home.ben));
  home.CheckEverySight();
}

TEST_CASE("ring 2016: a front that says an open question's id again is ended, and the question with it") {
  TwoPeople home;
  home.WatchAndConnect(home.anna);
  REQUIRE(home.Sees(home.anna));
  HomeViewer& cleo = home.Viewer("Cleo", home.nursery);
  home.Watch(cleo);
  RequestId open;
  for (const Letter& letter : home.hub.letters()) {
    if (const auto request = Read<wire::ViewRequest, wire::FrontToKeeper>(letter))
      open = request->ticket.request;
  }
  home.hub.meddling.tamper = [&](Letter& letter) {
    auto request = Read<wire::ViewRequest, wire::FrontToKeeper>(letter);
    if (!request) return;
    request->ticket.request = open;
    letter.record = wire::EncodeIpc(*request);
  };
  home.Watch(home.ben);
  home.hub.meddling.tamper = nullptr;
  home.hub.DeliverLetters();
  REQUIRE(home.hub.violations().size() == 1);
  CHECK(home.hub.violations().front() == "a request id came twice");
  home.hub.Run(milliseconds(100));
  CHECK(cleo.asking.status == 503);
  CHECK(home.ben.asking.status == 503);
  home.CheckUndisturbed(home.anna);
  CHECK(home.hub.keeper().sessions() == 3);
}

TEST_CASE("ring 2016: an id of the registry that is drawn again is refused, and whose it is keeps it") {
  TwoPeople home;
  home.WatchAndConnect(home.anna);
  REQUIRE(home.Sees(home.anna));
  const bool cameras = GENERATE(true, false);
  const auto taken = cameras ? home.nursery.own.id.bytes() : home.anna.own.id.bytes();
  home.hub.entropy.GiveOnce(taken);
  CHECK(keeper::Failure(home.hub.owner().AddCamera({"Garden", "", std::nullopt, false}, home.hub.wall)) ==
        ErrorCode::kConflict);
  home.hub.entropy.GiveOnce(taken);
  CHECK(keeper::Failure(home.hub.owner().AddViewer("Dora", home.hub.wall)) == ErrorCode::kConflict);
  home.hub.entropy.GiveOnce(taken);
  CHECK(keeper::Failure(home.hub.owner().AddGrant(
            {home.ben.own.id, home.nursery.own.id, 1, home.hub.wall, home.hub.wall + hours(1)},
            home.hub.wall)) == ErrorCode::kConflict);
  home.hub.Settle();
  home.CheckUndisturbed(home.anna);
  home.Watch(home.ben);
  CHECK(home.Sees(home.ben));
  home.CheckEverySight();
}

}  // namespace
}  // namespace latchkey::incidents
