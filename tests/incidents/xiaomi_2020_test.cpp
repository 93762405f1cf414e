// Xiaomi, January 2020: a cache update, meant to make streaming smoother, mixed frames up where the network
// was poor, and a display showed stills from strangers' homes.
//
// Here: caches change under people who are watching, while a third of what passes between cameras and hub is
// lost. Each picture that anybody gets is whole, of the camera of the own grant, and newer than the one
// before; nothing of before the change comes after it.
#include <random>

#include "daemon/wire/demux.h"
#include "tests/incidents/home.h"
#include "tests/support/catch.h"

namespace latchkey::incidents {
namespace {

enum class Change : std::uint8_t { kEpoch, kReboot, kCache };

struct PoorHome : Home {
  explicit PoorHome(std::uint32_t seed) : Home(seed), dice(seed) {
    for (auto& camera : cameras_of_home) PublishAndConnect(*camera);
    WatchAndConnect(anna);
    WatchAndConnect(ben);
    REQUIRE(Sees(anna));
    REQUIRE(Sees(ben));
    hub.meddling.loses = [this](const Parcel& parcel) { return Lost(parcel); };
  }
  // 30 % of media and reports on the cameras' legs, both ways.
  bool Lost(const Parcel& parcel) {
    const auto kind = wire::ClassifyDatagram(parcel.bytes);
    const bool media = kind == wire::DatagramKind::kRtp || kind == wire::DatagramKind::kRtcp;
    const auto is_camera = [&](const auto& camera) {
      const SocketAddress& address = camera->end().peer.address();
      return address == parcel.from || address == parcel.to;
    };
    if (!media || std::none_of(cameras.begin(), cameras.end(), is_camera) || dice() % 100 >= 30) return false;
    ++lost;
    return true;
  }
  void Apply(Change change, HomeCamera& camera, HomeViewer& viewer) {
    switch (change) {
      case Change::kEpoch: return camera.end().ChangeSsrc();
      case Change::kReboot: return Publish(camera);
      case Change::kCache:
        hub.changed.cache_bytes = 64 * 1024;
        hub.changed.cache_frames = 12;
        hub.changed.cache_age = seconds(2);
        hub.KillLane(camera.own.id);
        hub.DeliverLetters();
        camera.asking.insists = viewer.asking.insists = true;
        Publish(camera);
        return Watch(viewer);
    }
  }

  HomeCamera& nursery = Camera("Nursery");
  HomeCamera& door = Camera("Door");
  HomeViewer& anna = Viewer("Anna", nursery);
  HomeViewer& ben = Viewer("Ben", door);
  std::array<HomeCamera*, 2> cameras_of_home{&nursery, &door};
  std::mt19937 dice;
  std::size_t lost = 0;
};

TEST_CASE("xiaomi 2020: a cache that changes under its viewers while 30 % is lost mixes nothing up") {
  const auto seed = GENERATE(1U, 2U, 3U);
  const auto change = GENERATE(Change::kEpoch, Change::kReboot, Change::kCache);
  INFO("seed " << seed << ", change " << static_cast<int>(change));
  PoorHome home(seed);
  home.hub.Run(seconds(1));
  for (int round = 0; round < 3; ++round) {
    // What it sent before it was switched off has come by then.
    if (change == Change::kReboot) home.SwitchOff(home.nursery);
    const Epoch before = home.hub.keeper().epoch(home.nursery.own.id);
    const std::uint32_t filmed = home.nursery.numbers;
    const auto shown = Sights(home.anna.end()).size();
    home.Apply(change, home.nursery, home.anna);
    home.hub.Run(seconds(5));
    CHECK(home.hub.keeper().epoch(home.nursery.own.id) > before);
    const auto sights = Sights(home.anna.end());
    const std::size_t old = change == Change::kCache ? 0 : shown;
    REQUIRE(sights.size() > old + 20);
    if (change != Change::kEpoch) CHECK(sights.at(old).number >= filmed);
  }
  CHECK(home.lost > 200);
  CHECK(Sights(home.ben.end()).size() > 100);
  home.CheckEverySight();
}

}  // namespace
}  // namespace latchkey::incidents
