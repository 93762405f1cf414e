// Fresh or nothing (invariant 2), and nothing that the grant has no right to.
#include <algorithm>
#include <deque>

#include "daemon/ingress/camera_session.h"
#include "daemon/lane/lane.h"
#include "daemon/wire/rtp.h"
#include "tests/unit/lane/filmed.h"
#include "tests/unit/lane/watched.h"

namespace latchkey::lane::test {
namespace {

TEST_CASE("lane: a viewer that connects after its camera fell silent gets no old picture") {
  Filmed world;
  ViewerEnd viewer(world.viewer_tools, Host(3));
  viewer.peer.mute = true;
  auto replies = world.View(viewer);
  REQUIRE(world.Find<wire::ViewerAnswer>(replies));
  world.Advance(seconds{3});
  viewer.peer.mute = false;
  world.Connect(viewer.peer);
  world.Advance(seconds{1});
  CHECK(viewer.peer.rtp.empty());
}

TEST_CASE("lane: a viewer of a silent camera is refused before its offer is read") {
  Filmed world;
  world.Advance(seconds{3});
  ViewerEnd viewer(world.viewer_tools, Host(3));
  wire::ViewerOffer offer;
  offer.session = world.hub.entropy.MakeId<SessionId>();
  offer.offer = viewer.Offer();
  auto replies = world.Tell(std::move(offer));
  CHECK_FALSE(world.Find<wire::ViewerParsed>(replies));
  const auto refused = world.Find<wire::Refused>(replies);
  REQUIRE(refused);
  CHECK(refused->http_status == 503);
}

TEST_CASE("lane: a camera that falls silent while the keeper makes the wrap is shown to nobody") {
  Filmed world;
  Admission slow;
  slow.keeper_takes = seconds{3};
  ViewerEnd viewer(world.viewer_tools, Host(3));
  auto replies = world.View(viewer, slow);
  const auto refused = world.Find<wire::Refused>(replies);
  REQUIRE(refused);
  CHECK(refused->http_status == 503);
  CHECK(world.lane->viewer_count() == 0);
}

TEST_CASE("lane: a picture of the epoch before is no fresh one") {
  Filmed world;
  REQUIRE(world.status.state == wire::CameraState::kLive);
  world.BeginNextEpoch();
  CHECK(world.status.state == wire::CameraState::kConnecting);
  ViewerEnd viewer(world.viewer_tools, Host(3));
  auto replies = world.View(viewer);
  CHECK(world.Find<wire::Refused>(replies));
  world.camera.SendPicture(true, 4000, world.now);
  world.Advance(milliseconds{200});
  CHECK(world.status.state == wire::CameraState::kLive);
}

TEST_CASE("lane: a picture that was taken long ago is not fresh because it comes now") {
  Filmed world;
  const Instant taken = world.now;
  world.Advance(seconds{3});
  CHECK(world.status.state == wire::CameraState::kUnavailable);
  const std::uint64_t frames = world.status.frames_in;
  world.camera.SendPicture(true, 4000, taken);
  world.Advance(milliseconds{600});
  CHECK(world.status.frames_in == frames + 1);
  CHECK(world.status.state == wire::CameraState::kUnavailable);
  ViewerEnd viewer(world.viewer_tools, Host(3));
  auto replies = world.View(viewer);
  CHECK(world.Find<wire::Refused>(replies));
}

// A network that stops for five seconds, delivers what it held back as late as that, and then all of it at
// once.
TEST_CASE("lane: pictures that a network held back reach nobody while they are old, and then run to live") {
  Watched world;
  const auto film = [&world](Instant from, Instant until, Duration every) {
    for (Instant taken = from; taken < until; taken += milliseconds{40}) {
      world.camera.SendPicture(false, 1000, taken);
      world.Advance(every);
    }
  };
  const Instant stopped = world.now;
  world.Advance(seconds{5});
  const std::size_t before = world.viewer.peer.rtp.size();
  film(stopped, stopped + seconds{3}, milliseconds{40});
  CHECK(world.viewer.peer.rtp.size() == before);
  CHECK(world.status.state == wire::CameraState::kUnavailable);
  CHECK(world.status.reason == wire::UnavailableReason::kTooLate);
  film(stopped + seconds{3}, world.now, milliseconds{1});
  film(world.now, world.now + seconds{1}, milliseconds{40});
  CHECK(world.status.state == wire::CameraState::kLive);
  CHECK(world.viewer.Pictures().size() == world.camera.pictures);
  // A player that shows them by their times, counted from the earliest, does not stay behind.
  const std::vector<ByteVector>& rtp = world.viewer.peer.rtp;
  const auto first = wire::ParseRtp(rtp.front());
  for (std::size_t i = before; i < rtp.size(); ++i) {
    const auto parsed = wire::ParseRtp(rtp[i]);
    const auto played = static_cast<std::int64_t>(parsed->header.timestamp - first->header.timestamp) / 90;
    const std::int64_t passed =
        ToMilliseconds(world.viewer.peer.rtp_at[i] - world.viewer.peer.rtp_at.front());
    REQUIRE(std::abs(played - passed) < 300);
  }
}

TEST_CASE("lane: a viewer whose run through the past is held up goes on with it, and misses nothing") {
  Filmed world;
  world.Film(world.camera, seconds{8}, 500);
  world.Advance(milliseconds{1900});
  ViewerEnd viewer(world.viewer_tools, Host(3));
  auto replies = world.View(viewer);
  REQUIRE(world.Find<wire::ViewerAnswer>(replies));
  world.Connect(viewer.peer);
  world.Advance(seconds{5});
  REQUIRE(world.status.state == wire::CameraState::kUnavailable);
  const std::size_t seen = viewer.Pictures().size();
  REQUIRE(seen > 0);
  REQUIRE(seen < 200);
  for (int i = 0; i < 25; ++i) {
    world.camera.SendPicture(false, 4000, world.now);
    world.Advance(milliseconds{40});
  }
  const std::vector<Picture> pictures = viewer.Pictures();
  CHECK(pictures.back().number + 1 == world.camera.pictures);
  for (std::size_t i = 1; i < pictures.size(); ++i) REQUIRE(pictures[i].number == pictures[i - 1].number + 1);
}

TEST_CASE("lane: a camera whose pictures stay late is asked to come anew") {
  const bool soon = GENERATE(false, true);
  Filmed world([soon](wire::LaneConfig& config) {
    if (!soon) return;
    config.stale_after = milliseconds{200};
    config.unavailable_after = milliseconds{600};
  });
  const Instant stopped = world.now;
  world.Advance(soon ? seconds{1} : seconds{4});
  const Instant late = world.now;
  (void)world.TakeMessages();
  std::optional<wire::SessionEnded> ended;
  for (Instant taken = stopped; !ended && world.now < late + seconds{40}; taken += milliseconds{40}) {
    // Another epoch under the same SSRC makes nothing young.
    const bool begins = taken - stopped == seconds{10};
    if (begins) world.BeginNextEpoch();
    world.camera.SendPicture(begins, 1000, taken);
    world.Advance(milliseconds{40});
    auto messages = world.TakeMessages();
    ended = world.Find<wire::SessionEnded>(messages);
  }
  REQUIRE(ended);
  CHECK(ended->reason == wire::SessionEndReason::kTooLate);
  CHECK(world.now - late >= ingress::CameraSession::kLatePatience);
  CHECK(world.now - late < ingress::CameraSession::kLatePatience + seconds{2});
  CHECK(world.camera.peer.closed());
}

// Its last two seconds were held back, and come when another SSRC is in use for minutes.
TEST_CASE("lane: what a network held back of an SSRC that was left reaches nobody") {
  Watched world;
  std::deque<ByteVector> held;
  const std::uint32_t first = world.camera.pictures;
  for (int i = 0; i < 50; ++i) {
    world.camera.SendPicture(i % 10 == 0, 2000, world.now);
    for (auto& out = world.camera.peer.out; !out.empty(); out.pop_front()) held.push_back(out.front());
    world.Advance(milliseconds{40});
  }
  const std::uint32_t last = world.camera.pictures - 1;
  const auto begin_if_wanted = [&world] {
    auto messages = world.TakeMessages();
    if (!world.Find<wire::EpochWanted>(messages)) return;
    world.BeginNextEpoch();
    world.RenewAll();
  };
  world.camera.ChangeSsrc();
  for (int i = 0; i < 60; ++i) {
    world.Film(world.camera, seconds{1}, 25, 4000, 1000);
    begin_if_wanted();
  }
  const Epoch epoch = world.status.epoch;
  for (; !held.empty(); held.pop_front()) {
    world.Inject(held.front(), world.camera.peer.address());
    world.Advance(milliseconds{15});
    begin_if_wanted();
  }
  CHECK(world.status.epoch == epoch);
  CHECK(world.status.state != wire::CameraState::kLive);
  const std::vector<Picture> shown = world.viewer.Pictures();
  CHECK(std::none_of(shown.begin(), shown.end(),
                     [&](const Picture& p) { return p.number >= first && p.number <= last; }));
}

TEST_CASE("lane: what a grant has no right to is not sent, and what it has is") {
  Filmed world(nullptr, wire::Codec::kOpus);
  ViewerEnd viewer(world.viewer_tools, Host(3));
  const auto bits = [](auto... rights) {
    return static_cast<std::uint8_t>((static_cast<unsigned>(rights) | ...));
  };
  Admission admission;
  admission.rights = bits(wire::Rights::kStill, wire::Rights::kListen);
  auto replies = world.View(viewer, admission);
  const auto answer = world.Find<wire::ViewerAnswer>(replies);
  REQUIRE(answer);
  world.Connect(viewer.peer);
  world.Film(world.camera, milliseconds{400});
  CHECK(viewer.peer.rtp.empty());
  admission.rights = bits(wire::Rights::kLive);
  world.Renew(answer->session, admission);
  world.Film(world.camera, milliseconds{400});
  CHECK_FALSE(viewer.Pictures().empty());
  CHECK(viewer.Sounds() == 0);
  admission.rights = bits(wire::Rights::kLive, wire::Rights::kListen);
  world.Renew(answer->session, admission);
  world.Film(world.camera, milliseconds{400});
  CHECK(viewer.Sounds() > 0);
}

TEST_CASE("lane: a camera without a picture is connecting, then unavailable for want of media") {
  World world;
  CHECK(world.lane->NextDeadline() <= world.now);
  Camera camera(world.camera_tools, Host(2), 1);
  auto replies = world.Publish(camera);
  world.Connect(camera.peer);
  CHECK(world.status.state == wire::CameraState::kConnecting);
  world.Advance(kConnectingPatience);
  CHECK(world.status.state == wire::CameraState::kUnavailable);
  CHECK(world.status.reason == wire::UnavailableReason::kNoMedia);
}

}  // namespace
}  // namespace latchkey::lane::test
