// The lane as a whole: real sessions, real DTLS and SRTP, a keeper that follows a script.
#include "daemon/lane/lane.h"

#include <algorithm>

#include "tests/support/catch.h"
#include "tests/support/memory_scan.h"
#include "tests/unit/lane/filmed.h"

namespace latchkey::lane::test {
namespace {

bool Shows(const std::vector<Picture>& pictures, std::uint32_t mark, std::uint32_t number) {
  return std::any_of(pictures.begin(), pictures.end(),
                     [&](const Picture& p) { return p.mark == mark && p.number == number; });
}

TEST_CASE(
    "lane: a viewer sees the camera's pictures from the cached keyframe on, and no keyframe is asked for") {
  Filmed world;
  CHECK(world.status.state == wire::CameraState::kLive);
  (void)world.camera.TakeKeyframeRequests();
  ViewerEnd viewer(world.viewer_tools, Host(3));
  auto replies = world.View(viewer);
  REQUIRE(world.Find<wire::ViewerAnswer>(replies));
  const Instant asked = world.now;
  world.Connect(viewer.peer);
  world.Advance(milliseconds{100});
  auto pictures = viewer.Pictures();
  REQUIRE(pictures.size() == world.camera.pictures);
  CHECK(pictures.front() == Picture{0xCA1, 0, true});
  CHECK(viewer.peer.rtp_at.back() - asked < milliseconds{300});
  world.Film(world.camera, seconds{1});
  pictures = viewer.Pictures();
  CHECK(pictures.size() == world.camera.pictures);
  for (std::uint32_t i = 0; i < pictures.size(); ++i) CHECK(pictures[i].number == i);
  CHECK(world.camera.TakeKeyframeRequests() == 0);
  CHECK(viewer.peer.rejected == 0);
  CHECK(world.status.viewers == 1);
  CHECK(world.status.fps_milli > 23500);
  CHECK(world.status.fps_milli < 26500);
}

TEST_CASE("lane: a second publisher is refused with 409 and the first goes on") {
  Filmed world;
  Camera second(world.camera_tools, Host(4), 0xBAD);
  auto replies = world.Publish(second);
  const auto refused = world.Find<wire::Refused>(replies);
  REQUIRE(refused);
  CHECK(refused->http_status == 409);
  const Epoch before = world.status.epoch;
  world.Film(world.camera, milliseconds{600});
  CHECK(world.status.state == wire::CameraState::kLive);
  CHECK(world.status.epoch == before);
}

TEST_CASE("lane: a refused offer leaves the session and the epoch before as they were") {
  Filmed world;
  world.Advance(seconds{6});  // the publisher is silent: no longer live
  wire::PublishOffer offer;
  offer.ticket.request = world.hub.entropy.MakeId<RequestId>();
  offer.session = world.hub.entropy.MakeId<SessionId>();
  offer.epoch = world.epoch.Next();
  offer.offer = "this is no SDP";
  auto replies = world.Tell(std::move(offer));
  const auto refused = world.Find<wire::Refused>(replies);
  REQUIRE(refused);
  CHECK(refused->http_status == 400);
  world.Film(world.camera, milliseconds{600});
  CHECK(world.status.epoch == world.epoch);
  CHECK(world.status.state == wire::CameraState::kLive);
}

TEST_CASE(
    "lane: viewers stay attached while a camera publishes anew, and see it only after their wrap's renewal") {
  Filmed world;
  ViewerEnd viewer(world.viewer_tools, Host(3));
  auto replies = world.View(viewer);
  world.Connect(viewer.peer);
  world.Film(world.camera, milliseconds{400});
  world.camera.peer.mute = true;
  world.Advance(seconds{5});
  Camera reborn(world.camera_tools, Host(5), 0xCA2);
  replies = world.Publish(reborn);
  REQUIRE(world.Find<wire::PublishAnswer>(replies));
  const auto ended = world.Find<wire::SessionEnded>(replies);
  REQUIRE(ended);
  CHECK(ended->reason == wire::SessionEndReason::kReplaced);
  world.Connect(reborn.peer);
  const std::size_t before = viewer.peer.rtp.size();
  world.Film(reborn, milliseconds{400});
  CHECK(viewer.peer.rtp.size() == before);
  world.RenewAll();
  world.Film(reborn, milliseconds{400});
  const auto pictures = viewer.Pictures();  // checks numbers and time across the epochs
  CHECK(Shows(pictures, 0xCA2, 0));
  CHECK(Shows(pictures, 0xCA2, reborn.pictures - 1));
  CHECK(viewer.peer.rejected == 0);
}

TEST_CASE("lane: a wrap for anything else than this camera, epoch, offer and viewer is refused") {
  Filmed world;
  Admission wrong;
  SECTION("another camera") {
    wrong.camera = world.hub.entropy.MakeId<CameraId>();
  }
  SECTION("another epoch") {
    wrong.epoch = Epoch{world.epoch.value + 1};
  }
  SECTION("another epoch in the message") {
    wrong.told_epoch = Epoch{world.epoch.value - 1};
  }
  SECTION("an epoch of before, in wrap and message alike") {
    wrong.epoch = Epoch{world.epoch.value - 1};
    wrong.told_epoch = wrong.epoch;
  }
  SECTION("another viewer's certificate") {
    wrong.fingerprint = world.camera_tools.dtls->LocalFingerprint();
  }
  SECTION("more rights than granted") {
    wrong.told_rights = std::uint8_t{7};
  }
  SECTION("another viewer's key") {
    wrong.derived_key.emplace();
    world.hub.entropy.Fill(wrong.derived_key->RevealForWriting());
  }
  SECTION("a time that is over") {
    wrong.life = seconds{0};
  }
  ViewerEnd viewer(world.viewer_tools, Host(3));
  auto replies = world.View(viewer, wrong);
  const auto refused = world.Find<wire::Refused>(replies);
  REQUIRE(refused);
  CHECK(refused->http_status == 503);
  CHECK(refused->title.str() == "currently unavailable");
  CHECK(world.lane->viewer_count() == 0);
}

TEST_CASE("lane: an admission under another ticket is dropped") {
  Filmed world;
  Admission wrong;
  wrong.ticket = wire::Ticket{world.hub.entropy.MakeId<RequestId>(), world.hub.entropy.MakeId<PrincipalId>()};
  ViewerEnd viewer(world.viewer_tools, Host(3));
  CHECK(world.View(viewer, wrong).empty());
  CHECK(world.lane->viewer_count() == 0);
}

TEST_CASE("lane: a renewal that does not open changes nothing, and the session ends with its last wrap") {
  Filmed world;
  ViewerEnd viewer(world.viewer_tools, Host(3));
  Admission brief;
  brief.life = seconds{2};
  auto replies = world.View(viewer, brief);
  const auto answer = world.Find<wire::ViewerAnswer>(replies);
  REQUIRE(answer);
  world.Connect(viewer.peer);
  const WallTime limit = world.wall + seconds{2};
  Admission wrong;
  wrong.camera = world.hub.entropy.MakeId<CameraId>();
  world.Renew(answer->session, wrong);
  world.Film(world.camera, seconds{1});
  CHECK(viewer.Pictures().size() == world.camera.pictures);
  while (world.wall < limit) world.Film(world.camera, milliseconds{40});
  const std::size_t at_end = viewer.peer.rtp.size();
  world.Film(world.camera, seconds{1});
  CHECK(viewer.peer.rtp.size() == at_end);
  auto messages = world.TakeMessages();
  const auto ended = world.Find<wire::SessionEnded>(messages);
  REQUIRE(ended);
  CHECK(ended->reason == wire::SessionEndReason::kGrantLost);
  CHECK(ended->frames > 0);
}

TEST_CASE("lane: a renewed wrap carries a session past the time of the first") {
  Filmed world;
  ViewerEnd viewer(world.viewer_tools, Host(3));
  Admission brief;
  brief.life = seconds{2};
  auto replies = world.View(viewer, brief);
  world.Connect(viewer.peer);
  world.RenewAll();
  world.Film(world.camera, seconds{3});
  CHECK(viewer.Pictures().size() == world.camera.pictures);
}

TEST_CASE("lane: after SessionEnd, Suspend or Shutdown not one more packet of media leaves") {
  Filmed world;
  ViewerEnd viewer(world.viewer_tools, Host(3));
  auto replies = world.View(viewer);
  const auto answer = world.Find<wire::ViewerAnswer>(replies);
  REQUIRE(answer);
  world.Connect(viewer.peer);
  world.Film(world.camera, milliseconds{200});
  REQUIRE_FALSE(viewer.peer.rtp.empty());
  std::size_t ended = 1;
  SECTION("session end") {
    replies = world.Tell(wire::SessionEnd{answer->session});
  }
  SECTION("suspend") {
    replies = world.Tell(wire::Suspend{});
    ended = 2;
    CHECK(world.status.state == wire::CameraState::kSuspended);
    CHECK(world.status.cache_frames == 0);
  }
  SECTION("shutdown") {
    replies = world.Tell(wire::Shutdown{});
    ended = 2;
    CHECK(world.lane->finished());
  }
  CHECK(std::count_if(replies.begin(), replies.end(), [](const auto& m) {
          return std::holds_alternative<wire::SessionEnded>(m);
        }) == static_cast<std::ptrdiff_t>(ended));
  // What waits in a full socket is recalled.
  CHECK(world.lane->TakeSilenced() == std::vector<SocketAddress>{viewer.peer.address()});
  const std::size_t before = viewer.peer.rtp.size();
  CHECK(viewer.peer.closed());
  if (world.camera.peer.connected()) world.Film(world.camera, seconds{1});
  CHECK(viewer.peer.rtp.size() == before);
}

TEST_CASE("lane: a suspended lane takes neither camera nor viewer") {
  Filmed world;
  (void)world.Tell(wire::Suspend{});
  Camera again(world.camera_tools, Host(5), 1);
  auto replies = world.Publish(again);
  auto refused = world.Find<wire::Refused>(replies);
  REQUIRE(refused);
  CHECK(refused->http_status == 503);
  ViewerEnd viewer(world.viewer_tools, Host(3));
  replies = world.View(viewer);
  refused = world.Find<wire::Refused>(replies);
  REQUIRE(refused);
  CHECK(refused->title.str() == "currently unavailable");
}

TEST_CASE("lane: the content key of a suspended camera is nowhere in its memory any more") {
  Filmed world;
  ViewerEnd viewer(world.viewer_tools, Host(3));
  (void)world.View(viewer);
  world.Connect(viewer.peer);
  world.Film(world.camera, milliseconds{200});
  REQUIRE_FALSE(viewer.peer.rtp.empty());
  const latchkey::test::Sought key(world.TakeContentKey());
  CHECK(key.Count() > 0);
  (void)world.Tell(wire::Suspend{});
  CHECK(key.Count() == 0);
}

TEST_CASE("lane: a suspension is confirmed at once, by a lane too that has suspended itself") {
  Filmed world;
  for (int i = 0; i < 2; ++i) {
    world.status = {};
    (void)world.Tell(wire::Suspend{});
    CHECK(world.status.state == wire::CameraState::kSuspended);
  }
}

TEST_CASE("lane: one viewer more than the limit is refused, and told why") {
  Filmed world([](wire::LaneConfig& config) { config.max_viewers = 2; });
  ViewerEnd a(world.viewer_tools, Host(3)), b(world.viewer_tools, Host(4)), c(world.viewer_tools, Host(5));
  auto replies = world.View(a);
  CHECK(world.Find<wire::ViewerAnswer>(replies));
  replies = world.View(b);
  CHECK(world.Find<wire::ViewerAnswer>(replies));
  replies = world.View(c);
  const auto refused = world.Find<wire::Refused>(replies);
  REQUIRE(refused);
  CHECK(refused->http_status == 503);
  CHECK(refused->detail.str().find("viewers") != std::string::npos);
}

TEST_CASE("lane: one viewer more than may wait for the keeper is refused, and each waits 5 s at most") {
  Filmed world([](wire::LaneConfig& config) { config.max_viewers = 64; });
  ViewerEnd viewer(world.viewer_tools, Host(3));
  const auto offer = [&](std::uint8_t number) {
    wire::ViewerOffer message;
    message.ticket.request = RequestId({number});
    message.session = SessionId({number});
    message.offer = viewer.Offer();
    auto replies = world.Tell(std::move(message));
    return world.Find<wire::ViewerParsed>(replies).has_value();
  };
  std::uint8_t number = 1;
  for (; number <= kMaxPendingViewers; ++number) CHECK(offer(number));
  CHECK_FALSE(offer(number));
  world.Film(world.camera, kPendingLife - milliseconds{40});
  CHECK_FALSE(offer(++number));
  world.Film(world.camera, milliseconds{80});
  CHECK(offer(++number));
}

TEST_CASE(
    "lane: a silent camera is stale, then unavailable, and viewers are refused; with its next picture it is "
    "live") {
  Filmed world;
  world.Advance(milliseconds{400});
  CHECK(world.status.state == wire::CameraState::kLive);
  world.Advance(milliseconds{100});
  CHECK(world.status.state == wire::CameraState::kStale);
  world.Advance(milliseconds{1500});
  CHECK(world.status.state == wire::CameraState::kUnavailable);
  CHECK(world.status.reason == wire::UnavailableReason::kNoMedia);
  ViewerEnd viewer(world.viewer_tools, Host(3));
  auto replies = world.View(viewer);
  const auto refused = world.Find<wire::Refused>(replies);
  REQUIRE(refused);
  CHECK(refused->http_status == 503);
  world.Film(world.camera, milliseconds{40});
  CHECK(world.status.state == wire::CameraState::kLive);
}

TEST_CASE("lane: a codec that a viewer did not negotiate is never sent to it") {
  Filmed world;
  ViewerEnd viewer(world.viewer_tools, Host(3));
  auto replies = world.View(viewer, {}, true);
  REQUIRE(world.Find<wire::ViewerAnswer>(replies));
  world.Connect(viewer.peer);
  world.Film(world.camera, milliseconds{200});
  world.camera.peer.mute = true;
  world.Advance(seconds{5});
  const std::size_t before = viewer.peer.rtp.size();
  Camera vp8(world.camera_tools, Host(5), 0xCA2, wire::Codec::kVp8);
  replies = world.Publish(vp8);
  REQUIRE(world.Find<wire::PublishAnswer>(replies));
  world.Connect(vp8.peer);
  world.Film(vp8, milliseconds{400});
  CHECK(world.status.state == wire::CameraState::kLive);
  CHECK(viewer.peer.rtp.size() == before);
  CHECK(world.lane->viewer_count() == 0);  // it is to ask anew
  ViewerEnd other(world.viewer_tools, Host(6));
  replies = world.View(other, {}, true);
  const auto refused = world.Find<wire::Refused>(replies);
  REQUIRE(refused);
  CHECK(refused->http_status == 406);
  ViewerEnd able(world.viewer_tools, Host(7));
  replies = world.View(able);
  REQUIRE(world.Find<wire::ViewerAnswer>(replies));
  world.Connect(able.peer);
  world.Film(vp8, milliseconds{200});
  CHECK(able.Pictures().size() == vp8.pictures);
}

}  // namespace
}  // namespace latchkey::lane::test
