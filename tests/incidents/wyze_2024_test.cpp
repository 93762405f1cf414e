// Wyze, February 2024: after an outage all cameras and viewers came back at once; under that load a map of
// device to user was mixed up, and 13,000 people were shown pictures of others.
//
// Here: the hub starts anew and everything in the home asks in the same instant; questions and answers
// overtake each other at random, with all of them open together. Each answer reaches who asked, each viewer
// sees the camera of the own grant, and nobody sees another.
#include <algorithm>

#include "tests/incidents/home.h"
#include "tests/support/catch.h"

namespace latchkey::incidents {
namespace {

constexpr std::size_t kCameras = 3;
constexpr std::size_t kViewersEach = 3;

struct CrowdedHome : Home {
  explicit CrowdedHome(std::uint32_t seed) : Home(seed) {
    for (std::size_t i = 0; i < kCameras; ++i) {
      HomeCamera& camera = Camera("Camera " + std::to_string(i));
      camera.asking.insists = true;
      for (std::size_t k = 0; k < kViewersEach; ++k)
        Viewer("Viewer " + std::to_string(i) + std::to_string(k), camera).asking.insists = true;
    }
  }
  void EverybodyAsks() {
    for (auto& camera : cameras) Publish(*camera);
    for (auto& viewer : viewers) Watch(*viewer);
  }
  // Every question is open before the first is answered.
  void LetAllAsk() {
    std::size_t most = 0;
    while (!hub.letters().empty()) {
      hub.Step();
      most = std::max(most, hub.keeper().questions());
    }
    at_once = std::max(at_once, most);
  }
  bool EverybodySees() {
    return std::all_of(viewers.begin(), viewers.end(),
                       [&](auto& viewer) { return Sees(*viewer, 5, seconds(20)); });
  }
  std::size_t at_once = 0;
};

TEST_CASE("wyze 2024: all reconnect at once, answers overtake each other, and each gets its own") {
  const auto seed = GENERATE(1U, 2U, 3U, 4U);
  INFO("seed " << seed);
  CrowdedHome home(seed);
  for (std::uint32_t round = 0; round < 3; ++round) {
    home.hub.meddling.choose = Shuffle(seed * 10 + round);
    home.hub.RestartDaemon();
    home.EverybodyAsks();
    home.LetAllAsk();
    // Cameras first: whoever asked for a picture before there was one asks again, all together.
    home.hub.Run(seconds(1));
    home.LetAllAsk();
    REQUIRE(home.EverybodySees());
    for (auto& camera : home.cameras) CHECK(home.hub.lane(camera->own.id).viewer_count() == kViewersEach);
    home.CheckEverySight();
  }
  CHECK(home.at_once >= kCameras);
  CHECK(home.unheard.empty());
  CHECK(home.hub.keeper().counters().mixups == 0);
  CHECK(home.hub.violations().empty());
}

TEST_CASE(
    "wyze 2024: the front dies at any step of the rush, and what was asked before reaches nobody else") {
  const auto seed = GENERATE(1U, 2U, 3U);
  INFO("seed " << seed);
  CrowdedHome home(seed);
  home.hub.meddling.choose = Shuffle(seed);
  for (auto& camera : home.cameras) home.Publish(*camera);
  home.hub.Run(seconds(2));
  for (std::size_t letters = 1; letters < 40; letters += 3) {
    INFO("after " << letters << " letters");
    for (auto& viewer : home.viewers) home.Watch(*viewer);
    for (std::size_t i = 0; i < letters && !home.hub.letters().empty(); ++i) home.hub.Step();
    home.hub.KillFront();
    REQUIRE(home.EverybodySees());
  }
  home.CheckEverySight();
  CHECK(home.hub.keeper().counters().mixups == 0);
  CHECK(home.hub.violations().empty());
}

}  // namespace
}  // namespace latchkey::incidents
