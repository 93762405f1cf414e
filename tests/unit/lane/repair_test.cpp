// Loss on the camera's leg, with a real camera's SRTP and RTCP at the other end.
#include <optional>

#include "daemon/frames/nack.h"
#include "tests/unit/lane/filmed.h"
#include "tests/unit/lane/watched.h"

namespace latchkey::lane::test {
namespace {

// What the camera was asked to repeat since the last call.
std::vector<std::uint16_t> TakeNacked(Camera& camera) {
  std::vector<std::uint16_t> sequences;
  for (const ByteVector& compound : camera.peer.rtcp) {
    const auto parsed = wire::ParseRtcp(compound);
    REQUIRE(parsed);
    for (const wire::RtcpBlock& block : *parsed) {
      if (block.kind != wire::RtcpKind::kNack) continue;
      const auto nack = wire::ParseNack(block);
      REQUIRE(nack);
      nack->ForEach([&](std::uint16_t sequence) { sequences.push_back(sequence); });
    }
  }
  camera.peer.rtcp.clear();
  return sequences;
}

struct Lossy : Watched {
  // A picture of several packets, of which the `index`th is lost. Returns it, as it was on the wire.
  ByteVector SendWithout(std::size_t index) {
    camera.peer.rtcp.clear();
    camera.SendPicture(false, 6000, now);
    REQUIRE(camera.peer.out.size() > index + 1);
    ByteVector lost = camera.peer.out[index];
    camera.peer.out.erase(camera.peer.out.begin() + static_cast<std::ptrdiff_t>(index));
    Settle();
    return lost;
  }
  static std::uint16_t SequenceOf(const ByteVector& packet) {
    return static_cast<std::uint16_t>((packet[2] << 8) | packet[3]);
  }
};

TEST_CASE("lane: a packet that the camera's leg lost is asked for, and its picture leaves whole") {
  Lossy world;
  const ByteVector lost = world.SendWithout(2);
  const std::size_t before = world.viewer.Pictures().size();
  CHECK(before + 1 == world.camera.pictures);
  world.Advance(frames::Reordering::kLeastWait);
  CHECK(TakeNacked(world.camera) == std::vector<std::uint16_t>{Lossy::SequenceOf(lost)});
  // What comes meanwhile waits behind it.
  world.Film(world.camera, milliseconds{40});
  CHECK(world.viewer.Pictures().size() == before);
  world.Inject(lost, world.camera.peer.address());
  CHECK(world.viewer.Pictures().size() == world.camera.pictures);
  CHECK(world.camera.TakeKeyframeRequests() == 0);
}

TEST_CASE("lane: a packet that comes late by itself is not asked for") {
  Lossy world;
  const ByteVector late = world.SendWithout(2);
  world.Advance(milliseconds{1});
  world.Inject(late, world.camera.peer.address());
  world.Advance(milliseconds{300});
  CHECK(TakeNacked(world.camera).empty());
  CHECK(world.viewer.Pictures().size() == world.camera.pictures);
}

TEST_CASE("lane: a packet that never comes costs its picture and what depends on it") {
  Lossy world;
  world.SendWithout(2);
  const std::size_t before = world.viewer.Pictures().size();
  std::size_t nacked = 0;
  for (int i = 0; i < 20; ++i) {
    nacked += TakeNacked(world.camera).size();
    world.camera.SendPicture(false, 4000, world.now);
    world.Advance(milliseconds{40});
  }
  CHECK(nacked >= 2);
  CHECK(nacked <= frames::NackScheduler::kMaxAsks);
  CHECK(world.viewer.Pictures().size() == before);
  world.camera.SendPicture(true, 20000, world.now);
  world.Advance(milliseconds{40});
  CHECK(world.viewer.Pictures().size() == before + 1);
  CHECK(world.viewer.Pictures().back().keyframe);
}

TEST_CASE("lane: a keyframe is asked for only when a picture can't be completed") {
  Lossy world;
  world.camera.TakeKeyframeRequests();
  const ByteVector lost = world.SendWithout(2);
  world.Advance(milliseconds{100});
  world.Inject(lost, world.camera.peer.address());
  world.Film(world.camera, seconds{1});
  CHECK(world.camera.TakeKeyframeRequests() == 0);
  world.SendWithout(2);
  // Longer than any hold of this network, shorter than that and the limiter's least time.
  world.Film(world.camera, milliseconds{720}, 1000);
  CHECK(world.camera.TakeKeyframeRequests() == 1);
}

TEST_CASE("lane: a camera that sends far too fast is bounded by whole frames, and that is said") {
  Watched world([](wire::LaneConfig& config) { config.max_bitrate_kbit = 400; });
  // 25 pictures of 20 kB a second are 4 Mbit/s, five times the bound.
  world.Film(world.camera, seconds{6}, 10, 20'000, 20'000);
  CHECK(world.status.frames_too_fast > 50);
  CHECK(world.status.reason == wire::UnavailableReason::kTooFast);
  const std::vector<Picture> pictures = world.viewer.Pictures();
  CHECK(pictures.size() < world.camera.pictures / 2);
  for (std::size_t i = 1; i < pictures.size(); ++i) {
    CHECK((pictures[i].keyframe || pictures[i].number == pictures[i - 1].number + 1));
  }
  // It comes to reason.
  world.Film(world.camera, seconds{8}, 10, 2000, 500);
  CHECK(world.status.state == wire::CameraState::kLive);
  CHECK(world.status.reason == wire::UnavailableReason::kNone);
}

TEST_CASE("lane: a camera whose picture was dropped as too fast is asked for a keyframe") {
  Filmed world([](wire::LaneConfig& config) { config.max_bitrate_kbit = 400; });
  world.camera.TakeKeyframeRequests();
  world.Film(world.camera, seconds{1}, 1000, 20'000, 20'000);
  CHECK(world.status.frames_too_fast > 5);
  world.Film(world.camera, seconds{3}, 1000, 500, 500);
  CHECK(world.camera.TakeKeyframeRequests() >= 2);
}

TEST_CASE("lane: how each viewer's leg does is told, from its own reports") {
  Watched world;
  world.Advance(milliseconds{600});
  REQUIRE(world.status.legs.items().size() == 1);
  const wire::ViewerLeg before = world.status.legs.items()[0];
  CHECK(before.session == world.viewer_session);
  CHECK(before.packets == world.viewer.peer.rtp.size());
  CHECK(before.round_trip_us == 0);
  CHECK(before.network.str() == Host(3).ToString());
  CHECK(before.jitter_us == 0);
  wire::ReportBlock report;
  report.ssrc = world.viewer.video().remote_sources.front().ssrc;
  report.fraction_lost = 64;
  report.jitter = 4500;  // of 90 kHz
  std::array<std::uint8_t, 100> bytes{};
  ByteWriter writer(bytes);
  wire::WriteReceiverReport(7, std::span(&report, 1), writer);
  world.viewer.peer.SendRtcp(writer.Written());
  world.SendNack({wire::ParseRtp(world.viewer.peer.rtp.back())->header.sequence});
  // Someone who is not connected yet has no leg.
  ViewerEnd other(world.viewer_tools, Host(9));
  other.peer.no_dtls = true;
  auto replies = world.View(other);
  REQUIRE(world.Find<wire::ViewerAnswer>(replies));
  world.Film(world.camera, milliseconds{600});
  REQUIRE(world.status.legs.items().size() == 1);
  CHECK(world.status.legs.items()[0].resent == 1);
  CHECK(world.status.legs.items()[0].loss_permille == 250);
  CHECK(world.status.legs.items()[0].jitter_us == 50'000);
  CHECK(world.status.viewers == 2);
}

}  // namespace
}  // namespace latchkey::lane::test
