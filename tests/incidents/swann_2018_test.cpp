// Swann, June 2018: two cameras had been made with one key, and the owner of the one was sent what the other
// filmed: another family's kitchen.
//
// Here: a second camera comes with the first one's certificate, with its SRTP key, or under its SSRC. A
// copied key makes both dark, because nobody can tell which is the copy; an SSRC, which everybody can see and
// choose, ends the newcomer alone. Nothing of the one is ever shown as the other.
#include "tests/incidents/home.h"
#include "tests/support/catch.h"

namespace latchkey::incidents {
namespace {

struct TwoFamilies : Home {
  TwoFamilies() {
    PublishAndConnect(kitchen);
    WatchAndConnect(owner_of_kitchen);
    REQUIRE(Sees(owner_of_kitchen));
    shop_viewer.asking.insists = true;
  }
  [[nodiscard]] bool Dark(const HomeCamera& camera, HomeViewer& viewer) {
    hub.Run(milliseconds(300));
    const std::size_t had = viewer.packets();
    hub.Run(seconds(3));
    return hub.store.state.suspensions.size() == 2 &&
           hub.keeper().registry().SuspensionOf(camera.own.id) != nullptr && viewer.packets() == had;
  }
  HomeCamera& kitchen = Camera("Kitchen");
  HomeCamera& shop = Camera("Shop");
  HomeViewer& owner_of_kitchen = Viewer("Owner", kitchen);
  HomeViewer& shop_viewer = Viewer("Keeper of the shop", shop);
};

TEST_CASE("swann 2018: a camera with another's certificate makes both dark") {
  TwoFamilies home;
  home.shop.tools = home.kitchen.tools;
  home.Publish(home.shop);
  home.Watch(home.shop_viewer);
  CHECK(home.Dark(home.kitchen, home.owner_of_kitchen));
  CHECK(home.Dark(home.shop, home.shop_viewer));
  CHECK(home.shop_viewer.packets() == 0);
  home.CheckEverySight();
}

TEST_CASE("swann 2018: a camera with another's SRTP key makes both dark") {
  // Both ends of a handshake make a key, so only the lane's word can be that it is another's.
  Home home;
  HomeCamera& kitchen = home.Camera("Kitchen");
  HomeCamera& shop = home.Camera("Shop");
  HomeViewer& owner = home.Viewer("Owner", kitchen);
  std::optional<wire::KeyShown> first;
  home.hub.meddling.tamper = [&](Letter& letter) {
    auto shown = Read<wire::KeyShown, wire::LaneToKeeper>(letter);
    if (!shown) return;
    if (!first) {
      first = std::move(shown);
      return;
    }
    shown->stream_key = first->stream_key;
    letter.record = wire::EncodeIpc(*shown);
  };
  home.PublishAndConnect(kitchen);
  home.WatchAndConnect(owner);
  REQUIRE(home.Sees(owner));
  home.Publish(shop);
  home.hub.Run(milliseconds(500));
  CHECK(home.hub.keeper().registry().SuspensionOf(kitchen.own.id) != nullptr);
  CHECK(home.hub.keeper().registry().SuspensionOf(shop.own.id) != nullptr);
  CHECK_FALSE(shop.connected());
  const std::size_t had = owner.packets();
  home.hub.Run(seconds(2));
  CHECK(owner.packets() == had);
  home.CheckEverySight();
}

TEST_CASE("swann 2018: a camera under another's SSRC is turned away, and the other goes on") {
  TwoFamilies home;
  home.shop.ssrc_of_mark = home.kitchen.mark;
  home.Publish(home.shop);
  home.Watch(home.shop_viewer);
  home.hub.Run(seconds(2));
  CHECK_FALSE(home.shop.connected());
  CHECK(home.shop_viewer.packets() == 0);
  CHECK(home.hub.keeper().registry().suspensions().empty());
  const std::size_t seen = Sights(home.owner_of_kitchen.end()).size();
  CHECK(home.Sees(home.owner_of_kitchen, seen + 20));
  home.CheckEverySight();
}

}  // namespace
}  // namespace latchkey::incidents
