// mediasoup, pull request 1666 of 2025: a producer was closed while its client still sent; its late packets,
// whose SSRC was known no more, were found by something looser that another producer had as well, and from
// then on that one's subscribers got them.
//
// Here: what a camera's closed session or left SSRC sends late comes while another stands in its place: at
// the same address, under the same SSRC, or at another camera's port. It is refused, and no picture of it is
// shown.
#include "daemon/gate/gate.h"
#include "tests/incidents/home.h"
#include "tests/support/catch.h"

namespace latchkey::incidents {
namespace {

struct Closed : Home {
  Closed() {
    PublishAndConnect(closing);
    PublishAndConnect(other);
    WatchAndConnect(anna);
    WatchAndConnect(ben);
    REQUIRE(Sees(anna));
    REQUIRE(Sees(ben));
    // Its newest pictures have left the camera and hang in the network.
    hub.meddling.loses = [this](const Parcel& parcel) {
      if (parcel.from != closing.end().peer.address() || parcel.bytes.size() < 200) return false;
      late.push_back(parcel);
      return true;
    };
    hub.Run(milliseconds(200));
    hub.meddling.loses = nullptr;
    REQUIRE(late.size() > 5);
    filmed = closing.numbers;
  }
  // Together, or one by one over such a time.
  void LateOnesArrive(const SocketAddress& to, Duration over = Duration()) {
    for (Parcel parcel : late) {
      parcel.to = to;
      hub.Send(std::move(parcel));
      if (over > Duration()) hub.Run(over / static_cast<std::int64_t>(late.size()));
    }
    hub.Run(milliseconds(100));
  }
  // Among what the viewer has seen since it had seen so many, no picture of those that came late.
  void CheckNoneIsLate(HomeViewer& viewer, std::size_t seen) const {
    const auto sights = Sights(viewer.end());
    for (std::size_t i = seen; i < sights.size(); ++i) CHECK(sights[i].number >= filmed);
  }
  HomeCamera& closing = Camera("Closing");
  HomeCamera& other = Camera("Other");
  HomeViewer& anna = Viewer("Anna", closing);
  HomeViewer& ben = Viewer("Ben", other);
  std::vector<Parcel> late;
  std::uint32_t filmed = 0;
};

TEST_CASE(
    "mediasoup 1666: late packets of a closed session are no part of the one that has its address and SSRC") {
  Closed home;
  const auto old_address = home.closing.end().peer.address();
  const bool begun = GENERATE(true, false);
  if (begun) {
    // The same camera again: the same address, SSRC and payload types, other keys.
    home.closing.at = old_address;
    home.SwitchOff(home.closing);
    home.Publish(home.closing);
    home.hub.Run(seconds(1));
    REQUIRE(home.closing.connected());
  } else {
    home.closing.end().peer.Close();
    home.hub.Run(milliseconds(100));
  }
  const std::size_t seen = Sights(home.anna.end()).size();
  home.LateOnesArrive(home.hub.AddressOf(home.closing.own.id));
  if (!begun) {
    home.hub.Run(seconds(1));
    CHECK(Sights(home.anna.end()).size() == seen);
  } else {
    CHECK(home.Sees(home.anna, seen + 10));
    home.CheckNoneIsLate(home.anna, seen);
  }
  home.CheckEverySight();
  const std::size_t bens = Sights(home.ben.end()).size();
  CHECK(home.Sees(home.ben, bens + 10));
}

TEST_CASE("mediasoup 1666: late packets under an SSRC that the camera has left bind to no stream of it") {
  Closed home;
  home.closing.end().ChangeSsrc();
  home.hub.Run(seconds(2));
  const std::size_t seen = Sights(home.anna.end()).size();
  // The new source pauses for longer than it takes to be followed by another.
  home.closing.films = false;
  const Epoch before = home.hub.keeper().epoch(home.closing.own.id);
  home.LateOnesArrive(home.hub.AddressOf(home.closing.own.id), 2 * gate::Gate::kSsrcSilence);
  home.closing.films = true;
  CHECK(home.Sees(home.anna, seen + 20));
  CHECK(home.hub.keeper().epoch(home.closing.own.id) == before);
  home.CheckNoneIsLate(home.anna, seen);
  home.CheckEverySight();
}

TEST_CASE("mediasoup 1666: late packets of a closed camera at another camera's port are nobody's") {
  Closed home;
  home.closing.end().peer.Close();
  home.hub.Run(milliseconds(100));
  const std::size_t bens = Sights(home.ben.end()).size();
  home.LateOnesArrive(home.hub.AddressOf(home.other.own.id));
  CHECK(home.hub.lane(home.other.own.id).drops().of(DropReason::kUnknownPeer) >= home.late.size());
  // Also from the other camera's own address.
  for (Parcel& parcel : home.late) parcel.from = home.other.end().peer.address();
  home.LateOnesArrive(home.hub.AddressOf(home.other.own.id));
  CHECK(home.Sees(home.ben, bens + 20));
  home.CheckEverySight();
}

}  // namespace
}  // namespace latchkey::incidents
