// Nest with Wink, June 2019: who had sold a camera and reset it could still watch the new owner through a
// connected service, because that grant outlived the change of owner.
//
// Here: a camera changes its owner at every point of a viewer's session, counted in letters and datagrams.
// From the moment when the lane has been told, no packet that opens reaches the old owner's viewer, and no
// question of its is answered; the old token publishes no more. The neighbour's camera and viewer notice
// nothing.
#include <algorithm>

#include "tests/incidents/home.h"
#include "tests/support/catch.h"

namespace latchkey::incidents {
namespace {

struct SoldCamera : Home {
  SoldCamera() {
    PublishAndConnect(sold);
    PublishAndConnect(kept);
    WatchAndConnect(neighbour);
    REQUIRE(Sees(neighbour));
    hub.DeliverLetters();
  }
  // Returns the token of the new owner's camera.
  Secret32 Transfer() {
    auto token = hub.owner().TransferCamera(sold.own.id, hub.now, hub.wall);
    REQUIRE(token.has_value());
    hub.Settle();
    hub.DeliverLetters();
    return std::move(token->token);
  }
  HomeCamera& sold = Camera("Sold");
  HomeCamera& kept = Camera("Kept");
  HomeViewer& seller = Viewer("Seller", sold);
  HomeViewer& neighbour = Viewer("Neighbour", kept);
};

// Steps of the seller's session up to a picture, and some more.
constexpr int kSteps = 110;

TEST_CASE(
    "nest and wink 2019: a change of owner at any point of a session ends it, and what it had is gone") {
  bool seen_before = false;
  bool unseen_before = false;
  for (int steps = 0; steps < kSteps; ++steps) {
    INFO("transferred after " << steps << " steps");
    SoldCamera home;
    home.Watch(home.seller);
    for (int i = 0; i < steps; ++i) home.hub.Step();
    (home.seller.packets() > 0 ? seen_before : unseen_before) = true;
    const Epoch epoch = home.hub.keeper().epoch(home.sold.own.id);
    Secret32 token = home.Transfer();
    // What had left the lane by then may arrive; nothing leaves any more.
    const SocketAddress seller = home.seller.end().peer.address();
    const std::size_t had = home.seller.packets();
    const auto under_way = std::count_if(home.hub.parcels().begin(), home.hub.parcels().end(),
                                         [&](const Parcel& parcel) { return parcel.to == seller; });
    CHECK(home.hub.lane(home.sold.own.id).viewer_count() == 0);
    CHECK(home.hub.keeper().epoch(home.sold.own.id) != epoch);

    const std::size_t others = Sights(home.neighbour.end()).size();
    home.sold.own.token = std::move(token);
    home.sold.asking.insists = true;
    home.Publish(home.sold);
    home.hub.Run(milliseconds(1500));
    REQUIRE(home.sold.connected());
    CHECK(home.seller.packets() <= had + static_cast<std::size_t>(under_way));
    home.Watch(home.seller);
    home.hub.Run(milliseconds(200));
    CHECK(home.seller.asking.status == 403);
    CHECK(Sights(home.neighbour.end()).size() > others + 25);
    home.CheckEverySight();
  }
  CHECK(seen_before);
  CHECK(unseen_before);
}

TEST_CASE(
    "nest and wink 2019: the old owner's camera and token are nobody's, and the new owner's viewer sees") {
  SoldCamera home;
  home.WatchAndConnect(home.seller);
  REQUIRE(home.Sees(home.seller));
  Secret32 token = home.Transfer();
  home.Publish(home.sold);
  home.hub.Run(milliseconds(200));
  CHECK(home.sold.asking.status == 401);
  home.sold.own.token = std::move(token);
  home.sold.asking.insists = true;
  HomeViewer& buyer = home.Viewer("Buyer", home.sold);
  buyer.asking.insists = true;
  home.Publish(home.sold);
  home.Watch(buyer);
  CHECK(home.Sees(buyer, 10, seconds(10)));
  home.CheckEverySight();
}

}  // namespace
}  // namespace latchkey::incidents
