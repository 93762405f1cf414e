// LiveKit, pull request 1173 of 2022: senders choose their SSRCs at random, and two in one room may choose
// the same; a map of SSRCs that was shared between them gave one's packets to the other's subscribers.
//
// Here: two cameras choose the same SSRC at the same time. The one whose key was admitted first goes on, the
// other is refused and comes with another; and a packet under the SSRC of another stream of its own session
// is refused, never taken as that stream.
#include "tests/incidents/home.h"
#include "tests/support/catch.h"

namespace latchkey::incidents {
namespace {

struct Room : Home {
  HomeCamera& one = Camera("One");
  HomeCamera& two = Camera("Two");
  HomeViewer& anna = Viewer("Anna", one);
  HomeViewer& ben = Viewer("Ben", two);
};

TEST_CASE("livekit 1173: of two cameras with one SSRC one is taken, and each viewer sees its own alone") {
  const auto seed = GENERATE(1U, 2U, 3U, 4U);
  INFO("seed " << seed);
  Room home;
  home.hub.meddling.choose = Shuffle(seed);
  home.two.ssrc_of_mark = home.one.mark;
  for (HomeCamera* camera : {&home.one, &home.two}) home.Publish(*camera);
  home.anna.asking.insists = home.ben.asking.insists = true;
  home.Watch(home.anna);
  home.Watch(home.ben);
  home.hub.Run(seconds(3));
  CHECK(home.one.connected() != home.two.connected());
  CHECK(home.hub.Noticed("under an SSRC of another camera"));
  HomeViewer& served = home.one.connected() ? home.anna : home.ben;
  HomeViewer& unserved = home.one.connected() ? home.ben : home.anna;
  HomeCamera& refused = home.one.connected() ? home.two : home.one;
  CHECK(home.Sees(served));
  CHECK(unserved.packets() == 0);
  // It draws another.
  refused.ssrc_of_mark = 0xB0B0;
  refused.asking.insists = true;
  home.Publish(refused);
  CHECK(home.Sees(unserved, 10, seconds(10)));
  CHECK(home.Sees(served, Sights(served.end()).size() + 10));
  home.CheckEverySight();
}

TEST_CASE(
    "livekit 1173: a camera that changes to another's SSRC in mid-session is ended, and the other is not") {
  Room home;
  home.PublishAndConnect(home.one);
  home.PublishAndConnect(home.two);
  home.WatchAndConnect(home.anna);
  home.WatchAndConnect(home.ben);
  REQUIRE(home.Sees(home.anna));
  REQUIRE(home.Sees(home.ben));
  home.two.end().SendUnderSsrcOf(home.one.mark);
  const std::size_t annas = Sights(home.anna.end()).size();
  home.hub.Run(seconds(2));
  CHECK(home.hub.Noticed("under an SSRC of another camera"));
  const std::size_t bens = Sights(home.ben.end()).size();
  home.hub.Run(seconds(2));
  CHECK(Sights(home.ben.end()).size() == bens);
  CHECK(Sights(home.anna.end()).size() > annas + 60);
  home.CheckEverySight();
}

TEST_CASE("livekit 1173: pictures under the SSRC of the camera's own sound are taken for neither") {
  Room home;
  home.one.sound = wire::Codec::kOpus;
  home.PublishAndConnect(home.one);
  home.WatchAndConnect(home.anna);
  REQUIRE(home.Sees(home.anna));
  const std::size_t seen = Sights(home.anna.end()).size();
  home.one.end().SendUnderSsrcOf(home.one.mark + 0x1000000);
  home.hub.Run(seconds(2));
  // The few that were on their way.
  CHECK(Sights(home.anna.end()).size() <= seen + 3);
  CHECK(home.hub.lane(home.one.own.id).drops().of(DropReason::kWrongSsrc) > 20);
  home.CheckEverySight();
}

}  // namespace
}  // namespace latchkey::incidents
