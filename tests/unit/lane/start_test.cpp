// A viewer that was not ready yet when its run through the past began: some browsers drop what comes in the
// moment after their handshake.
#include "daemon/egress/viewer_session.h"
#include "tests/unit/lane/watched.h"

namespace latchkey::lane::test {
namespace {

constexpr Duration kRun = milliseconds{100};

struct Joined : World {
  // So many pictures of 6 packets are there when the viewer comes.
  explicit Joined(Duration group) : camera(camera_tools, Host(2), 1), viewer(viewer_tools, Host(3)) {
    (void)Publish(camera);
    Connect(camera.peer);
    Film(camera, group, 1000, 20'000, 6000);
    (void)View(viewer);
    Connect(viewer.peer);
    Advance(kRun);
    REQUIRE(viewer.Pictures().size() == camera.pictures);
    (void)camera.TakeKeyframeRequests();
  }
  void SendPli() {
    viewer.SendPli();
    Settle();
  }
  [[nodiscard]] wire::RtpHeader Header(std::size_t index) const {
    const auto packet = wire::ParseRtp(viewer.peer.rtp.at(index));
    REQUIRE(packet);
    return packet->header;
  }
  // The number of the packet that went again as this one (RFC 4588 4).
  [[nodiscard]] std::uint16_t Original(std::size_t index) const {
    const auto packet = wire::ParseRtp(viewer.peer.rtp.at(index));
    REQUIRE(packet);
    CHECK(packet->header.payload_type == viewer.video().rtx_payload_type);
    const auto payload = wire::ParseRtx(packet->payload);
    REQUIRE(payload);
    return payload->original_sequence;
  }
  Camera camera;
  ViewerEnd viewer;
};

}  // namespace

TEST_CASE(
    "start: a player that asks for a keyframe at once gets its run's beginning again, as it was, and once") {
  Joined world(seconds{2});
  const std::size_t sent = world.viewer.peer.rtp.size();
  REQUIRE(sent > egress::ResendBudget::kFirst);
  REQUIRE(sent <= egress::ViewerSession::kMaxRepeat);
  world.largest_turn = 0;
  world.SendPli();
  world.Advance(kRun);
  REQUIRE(world.viewer.peer.rtp.size() == 2 * sent);
  for (std::size_t i = 0; i < sent; ++i) {
    const auto before = world.Header(i);
    REQUIRE(world.Original(sent + i) == before.sequence);
    REQUIRE(world.Header(sent + i).timestamp == before.timestamp);
    REQUIRE(world.Header(sent + i).marker == before.marker);
  }
  CHECK(world.largest_turn <= static_cast<std::size_t>(egress::Pacer::kBurst) + 1);
  // And nothing for who goes on asking, until the keyframe has had its time.
  for (int i = 0; i < 5; ++i) world.SendPli();
  world.Advance(kRun);
  CHECK(world.viewer.peer.rtp.size() == 2 * sent);
  CHECK(world.camera.TakeKeyframeRequests() == 0);
  world.Film(world.camera, egress::ViewerSession::kKeyframeGrace, 1000, 20'000, 6000);
  world.SendPli();
  world.Advance(milliseconds{40});
  CHECK(world.camera.TakeKeyframeRequests() == 1);
}

TEST_CASE("start: what is new follows what goes again") {
  Joined world(seconds{2});
  const std::size_t sent = world.viewer.peer.rtp.size();
  const std::uint16_t last = world.Header(sent - 1).sequence;
  world.SendPli();
  world.camera.SendPicture(false, 6000, world.now);
  world.Advance(kRun);
  const std::size_t packets = world.viewer.peer.rtp.size();
  REQUIRE(packets > 2 * sent);
  std::uint16_t next = last;
  for (std::size_t i = sent; i < packets; ++i) {
    const auto header = world.Header(i);
    if (header.payload_type == world.viewer.video().payload_type) CHECK(header.sequence == ++next);
  }
  CHECK(world.viewer.Pictures().size() == world.camera.pictures);
}

TEST_CASE("start: a picture that has begun to leave goes out to its end before anything goes again") {
  World world;
  Camera camera(world.camera_tools, Host(2), 1);
  (void)world.Publish(camera);
  world.Connect(camera.peer);
  world.Film(camera, milliseconds{400}, 1000, 150'000, 6000);
  ViewerEnd viewer(world.viewer_tools, Host(3));
  (void)world.View(viewer);
  for (int i = 0; i < 1000 && viewer.peer.rtp.empty(); ++i) world.Advance(milliseconds{1});
  REQUIRE_FALSE(viewer.peer.rtp.empty());
  const auto parse = [&](std::size_t index) {
    const auto packet = wire::ParseRtp(viewer.peer.rtp.at(index));
    REQUIRE(packet);
    return packet->header;
  };
  REQUIRE_FALSE(parse(viewer.peer.rtp.size() - 1).marker);
  viewer.SendPli();
  world.Settle();
  world.Advance(kRun);
  bool within = false;
  std::size_t again = 0;
  for (std::size_t i = 0; i < viewer.peer.rtp.size(); ++i) {
    const auto header = parse(i);
    if (header.payload_type == viewer.video().payload_type) {
      within = !header.marker;
    } else {
      ++again;
      CHECK_FALSE(within);
    }
  }
  CHECK(again > 0);
  CHECK(viewer.Pictures().size() == camera.pictures);
}

TEST_CASE("start: of a long run the first packets go again, and no more than so many") {
  Joined world(seconds{4});
  const std::size_t sent = world.viewer.peer.rtp.size();
  REQUIRE(sent > egress::ViewerSession::kMaxRepeat);
  world.SendPli();
  world.Advance(kRun);
  REQUIRE(world.viewer.peer.rtp.size() == sent + egress::ViewerSession::kMaxRepeat);
  CHECK(world.Original(sent) == world.Header(0).sequence);
}

TEST_CASE("start: nothing goes again of a run whose first packet can't be made any more") {
  Joined world(seconds{8});
  const std::size_t sent = world.viewer.peer.rtp.size();
  REQUIRE(sent > egress::OutboundStream::kVideoHistory);
  world.SendPli();
  world.Advance(kRun);
  CHECK(world.viewer.peer.rtp.size() == sent);
}

TEST_CASE("start: a keyframe that was live is not sent again to who asks while it is under way") {
  Joined world(seconds{1});
  world.Film(world.camera, seconds{1}, 1000, 20'000, 6000);
  world.camera.SendPicture(true, 20'000, world.now);
  world.Advance(milliseconds{40});
  const std::size_t sent = world.viewer.peer.rtp.size();
  world.SendPli();
  world.Advance(kRun);
  CHECK(world.viewer.peer.rtp.size() == sent);
}

}  // namespace latchkey::lane::test
