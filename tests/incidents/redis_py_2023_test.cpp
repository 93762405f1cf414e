// redis-py, March 2023: a request that was cancelled left its reply in the connection, and the next user of
// that connection got it; ChatGPT showed people the titles of others' conversations.
//
// Here: a viewer goes away at each point of its question, and somebody else asks right behind it. What was
// begun for the first is undone, nothing of it reaches anybody, and the second gets the own answer and sees
// the own camera.
#include "tests/incidents/home.h"
#include "tests/support/catch.h"

namespace latchkey::incidents {
namespace {

struct TwoCameras : Home {
  TwoCameras() {
    PublishAndConnect(nursery);
    PublishAndConnect(door);
    hub.Run(milliseconds(200));
    hub.DeliverLetters();
  }
  HomeCamera& nursery = Camera("Nursery");
  HomeCamera& door = Camera("Door");
  HomeViewer& anna = Viewer("Anna", nursery);
};

// Anna asks, `letters` pass, Anna leaves and the next asks. False: Anna had her answer by then.
bool Cancelled(TwoCameras& home, HomeViewer& next, std::size_t letters) {
  home.Watch(home.anna);
  for (std::size_t i = 0; i < letters && !home.hub.letters().empty(); ++i) home.hub.Step();
  const bool answered = home.hub.letters().empty();
  home.hub.Leave(home.anna.asking.exchange);
  home.Watch(next);
  home.hub.DeliverLetters();
  home.hub.Respond();
  return !answered;
}

TEST_CASE(
    "redis-py 2023: a question cancelled at any point leaves nothing, and the next gets its own answer") {
  const bool same_camera = GENERATE(false, true);
  std::size_t points = 0;
  for (bool more = true; more; ++points) {
    INFO("cancelled after " << points << " letters, the next asks for the "
                            << (same_camera ? "same" : "other"));
    TwoCameras home;
    HomeViewer& ben = home.Viewer("Ben", same_camera ? home.nursery : home.door);
    more = Cancelled(home, ben, points);
    CHECK(ben.asking.status == 201);
    REQUIRE(home.Sees(ben));
    home.CheckEverySight();
    CHECK(home.unheard.empty());
    if (!more) break;
    CHECK(home.anna.asking.status == 0);
    CHECK(home.hub.keeper().questions() == 0);
    // Two publishers and Ben.
    CHECK(home.hub.keeper().sessions() == 3);
    CHECK(home.hub.lane(home.nursery.own.id).viewer_count() == (same_camera ? 1 : 0));
    CHECK(home.hub.lane(home.door.own.id).viewer_count() == (same_camera ? 0 : 1));
  }
  // Request, offer, parsed, granted, proof, admission, answer, response.
  CHECK(points == 8);
}

TEST_CASE("redis-py 2023: many leave and many ask, in any order, and nobody gets what another left behind") {
  const auto seed = GENERATE(1U, 2U, 3U, 4U);
  INFO("seed " << seed);
  TwoCameras home;
  std::mt19937 dice(seed);
  home.hub.meddling.choose = Shuffle(seed);
  std::vector<HomeViewer*> people;
  for (int i = 0; i < 6; ++i)
    people.push_back(&home.Viewer("Viewer " + std::to_string(i), i % 2 == 0 ? home.nursery : home.door));
  for (int round = 0; round < 20; ++round) {
    HomeViewer& person = *people.at(dice() % people.size());
    home.hub.Respond();
    if (person.asking.status == 0 && !person.lives.empty()) home.hub.Leave(person.asking.exchange);
    if (person.asking.status != 201) home.Watch(person);
    for (std::size_t steps = dice() % 12; steps > 0 && !home.hub.letters().empty(); --steps) home.hub.Step();
  }
  home.hub.DeliverLetters();
  home.hub.Respond();
  std::size_t watching = 0;
  for (HomeViewer* person : people) {
    if (person->lives.empty()) continue;
    CHECK(person->asking.status == 201);
    CHECK(home.Sees(*person));
    ++watching;
  }
  home.CheckEverySight();
  CHECK(home.unheard.empty());
  CHECK(home.hub.keeper().sessions() == 2 + watching);
}

}  // namespace
}  // namespace latchkey::incidents
