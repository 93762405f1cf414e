// Cameras without DTLS at a lane: a key in the offer, and a key that the hub made.
#include <algorithm>

#include "tests/support/catch.h"
#include "tests/unit/lane/world.h"

namespace latchkey::lane::test {
namespace {

ports::SdesKey SomeKey(std::uint8_t seed = 1) {
  ports::SdesKey key;
  auto bytes = key.RevealForWriting();
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::uint8_t>(seed * 73U + i * i * 11U + 5U);
  return key;
}

std::vector<wire::SdesCrypto> SomeLines(PeerTools& tools) {
  std::vector<wire::SdesCrypto> lines(2);
  lines[0].suite = wire::SdesSuite::kAesCm128HmacSha1_80;
  lines[1].suite = wire::SdesSuite::kAeadAes128Gcm;
  std::uint32_t tag = 1;
  for (auto& line : lines) {
    line.tag = tag++;
    tools.entropy.Fill(line.key_and_salt.RevealForWriting());
  }
  return lines;
}

bool ShowsOnly(const std::vector<Picture>& pictures, std::uint32_t mark) {
  return !pictures.empty() &&
         std::all_of(pictures.begin(), pictures.end(), [mark](const Picture& p) { return p.mark == mark; });
}

TEST_CASE("sdes: a camera that brings its key in its offer is seen, and repaired like any other") {
  World world;
  world.allows_sdes = true;
  Camera camera(world.camera_tools, Host(2), 0xCA1);
  camera.peer.sdes = SomeLines(world.camera_tools);
  auto replies = world.Publish(camera);
  const auto answer = world.Find<wire::PublishAnswer>(replies);
  REQUIRE(answer);
  const std::string& text = answer->answer.str();
  // The best suite, no certificate, and a key of ours that is not theirs.
  CHECK(text.find("a=crypto:2 AEAD_AES_128_GCM inline:") != std::string::npos);
  CHECK(text.find("fingerprint") == std::string::npos);
  world.Advance(milliseconds{100});
  world.Film(camera, seconds{1});
  CHECK(world.status.state == wire::CameraState::kLive);
  CHECK_FALSE(camera.peer.rtcp.empty());
  CHECK(camera.peer.rejected == 0);
  ViewerEnd viewer(world.viewer_tools, Host(3));
  (void)world.View(viewer);
  world.Connect(viewer.peer);
  world.Film(camera, seconds{1});
  CHECK(ShowsOnly(viewer.Pictures(), 0xCA1));
}

TEST_CASE("sdes: media before the first check, or from elsewhere, is nobody's, whatever its key") {
  World world;
  world.allows_sdes = true;
  Camera camera(world.camera_tools, Host(2), 0xCA1);
  camera.peer.sdes = SomeLines(world.camera_tools);
  (void)world.Publish(camera);
  camera.peer.out.clear();  // no check gets through
  camera.SendPicture(true, 2000, world.now);
  while (!camera.peer.out.empty()) {
    world.Inject(camera.peer.out.front(), Host(2));
    camera.peer.out.pop_front();
  }
  CHECK(world.status.frames_in == 0);
  CHECK(world.lane->drops().of(DropReason::kUnknownPeer) > 0);
}

TEST_CASE("sdes: a key in an offer is refused where the camera was not added for it, in words") {
  World world;
  Camera camera(world.camera_tools, Host(2), 0xCA1);
  camera.peer.sdes = SomeLines(world.camera_tools);
  auto replies = world.Publish(camera);
  const auto refused = world.Find<wire::Refused>(replies);
  REQUIRE(refused);
  CHECK(refused->http_status == 406);
  CHECK(refused->detail.str().find("--sdes") != std::string::npos);
}

TEST_CASE("enrolled: a sender that knows port and key is seen without a word, and is sent nothing") {
  World world;
  Camera camera(world.camera_tools, Host(2), 0xCA1);
  world.Enrol(camera, SomeKey());
  CHECK(world.status.state == wire::CameraState::kUnavailable);
  CHECK(world.status.reason == wire::UnavailableReason::kCameraOffline);
  const std::size_t before = world.datagrams;
  world.Film(camera, seconds{3});
  CHECK(world.status.state == wire::CameraState::kLive);
  CHECK(world.status.frames_in == camera.pictures);
  CHECK(world.datagrams == before);
  ViewerEnd viewer(world.viewer_tools, Host(3));
  (void)world.View(viewer);
  world.Connect(viewer.peer);
  world.Film(camera, seconds{1});
  CHECK(ShowsOnly(viewer.Pictures(), 0xCA1));
  // Gone without a word, as it came.
  world.Advance(seconds{20});
  CHECK(world.status.state == wire::CameraState::kUnavailable);
  CHECK(world.status.reason == wire::UnavailableReason::kCameraOffline);
}

TEST_CASE("enrolled: another key is noise") {
  World world;
  Camera camera(world.camera_tools, Host(2), 0xCA1);
  world.Enrol(camera, SomeKey(1));
  Camera stranger(world.viewer_tools, Host(9), 0xBAD);
  ports::SrtpKey key;
  key.profile = ports::SrtpProfile::kAes128CmHmacSha1_80;
  const auto bytes = SomeKey(2);
  std::copy(bytes.Reveal().begin(), bytes.Reveal().end(), key.key_and_salt.RevealForWriting().begin());
  stranger.peer.Enrol(key, camera.peer.plan(), kHub);
  for (int i = 0; i < 50; ++i) {
    stranger.SendPicture(i == 0, 1000, world.now);
    while (!stranger.peer.out.empty()) {
      world.Inject(stranger.peer.out.front(), Host(9));
      stranger.peer.out.pop_front();
    }
  }
  CHECK(world.status.frames_in == 0);
  CHECK(world.lane->drops().of(DropReason::kSrtpAuthentication) > 0);
  CHECK(world.sources.empty());
}

TEST_CASE("enrolled: nothing is shown before it is on the disk how far the sender has come") {
  World world;
  world.reserves = false;
  Camera camera(world.camera_tools, Host(2), 0xCA1);
  world.Enrol(camera, SomeKey());
  world.Film(camera, milliseconds{400}, 50, 3000, 1000);
  CHECK(world.status.frames_in == 0);
  auto messages = world.TakeMessages();
  const auto wanted = world.Find<wire::IndexWanted>(messages);
  REQUIRE(wanted);
  CHECK(wanted->session == world.camera_session);
  (void)world.Tell(wire::IndexReserved{wanted->session, wanted->ssrc, wanted->up_to});
  world.Film(camera, milliseconds{80}, 50, 3000, 1000);
  // The keyframe was not lost meanwhile.
  CHECK(world.status.state == wire::CameraState::kLive);
  world.Advance(kStatusInterval);
  CHECK(world.status.frames_in == camera.pictures);
}

TEST_CASE("enrolled: the word for another session, or another source, lets nothing in") {
  World world;
  world.reserves = false;
  Camera camera(world.camera_tools, Host(2), 0xCA1);
  world.Enrol(camera, SomeKey());
  world.Film(camera, milliseconds{80}, 50, 3000, 1000);
  auto messages = world.TakeMessages();
  const auto wanted = world.Find<wire::IndexWanted>(messages);
  REQUIRE(wanted);
  (void)world.Tell(wire::IndexReserved{world.hub.entropy.MakeId<SessionId>(), wanted->ssrc, wanted->up_to});
  (void)world.Tell(wire::IndexReserved{wanted->session, wanted->ssrc + 1, wanted->up_to});
  world.Film(camera, milliseconds{80}, 50, 3000, 1000);
  CHECK(world.status.frames_in == 0);
}

TEST_CASE("enrolled: a recording played to a hub that was restarted shows nothing, and says what it is") {
  World world;
  Camera camera(world.camera_tools, Host(2), 0xCA1);
  camera.BeginNumbersAt(100);
  world.Enrol(camera, SomeKey());
  std::vector<ByteVector> recorded;
  for (int i = 0; i < 75; ++i) {
    camera.SendPicture(i % 25 == 0, 3000, world.now);
    recorded.insert(recorded.end(), camera.peer.out.begin(), camera.peer.out.end());
    world.Advance(milliseconds{40});
  }
  REQUIRE(world.status.state == wire::CameraState::kLive);
  const auto known = world.sources;
  REQUIRE(known.size() == 1);

  World restarted;
  Camera silent(restarted.camera_tools, Host(2), 0xCA1);
  restarted.Enrol(silent, SomeKey(), known);
  for (const ByteVector& datagram : recorded) {
    restarted.Inject(datagram, Host(2));
    restarted.Advance(milliseconds{10});
  }
  CHECK(restarted.status.frames_in == 0);
  CHECK(restarted.status.state == wire::CameraState::kUnavailable);
  CHECK(restarted.status.reason == wire::UnavailableReason::kReplayed);
  // Packets without the key say nothing about it.
  World noisy;
  Camera absent(noisy.camera_tools, Host(2), 0xCA1);
  noisy.Enrol(absent, SomeKey(2), known);
  for (const ByteVector& datagram : recorded) {
    noisy.Inject(datagram, Host(2));
    noisy.Advance(milliseconds{10});
  }
  CHECK(noisy.status.reason == wire::UnavailableReason::kCameraOffline);
}

TEST_CASE(
    "enrolled: a sender that is started anew, with another SSRC, begins an epoch and loses no picture") {
  World world;
  Camera camera(world.camera_tools, Host(2), 0xCA1);
  world.Enrol(camera, SomeKey());
  world.Film(camera, seconds{1}, 1000);
  world.Advance(seconds{1});
  camera.ChangeSsrc();
  (void)world.TakeMessages();
  // One keyframe at the very start, and the next in 10 s.
  const std::uint32_t first = camera.pictures;
  camera.SendPicture(true, 8000, world.now);
  world.Advance(milliseconds{40});
  bool wanted = false;
  for (int i = 0; i < 25; ++i) {
    camera.SendPicture(false, 1000, world.now);
    world.Advance(milliseconds{40});
    auto messages = world.TakeMessages();
    if (world.Find<wire::EpochWanted>(messages)) {
      wanted = true;
      world.BeginNextEpoch();
    }
  }
  CHECK(wanted);
  CHECK(world.status.state == wire::CameraState::kLive);
  CHECK(camera.pictures - first == 26);
  world.Advance(kStatusInterval);
  CHECK(world.status.frames_in == camera.pictures);
}

TEST_CASE("enrolled: whoever repeats its packets from elsewhere, sooner than they come, moves nothing") {
  World world;
  Camera camera(world.camera_tools, Host(2), 0xCA1);
  world.Enrol(camera, SomeKey());
  world.Film(camera, seconds{1});
  const std::uint64_t frames = world.status.frames_in;
  camera.SendPicture(false, 500, world.now);
  REQUIRE(camera.peer.out.size() == 1);
  const ByteVector datagram = camera.peer.out.front();
  world.Inject(datagram, Host(66));
  CHECK(world.lane->drops().of(DropReason::kUnknownPeer) == 1);
  world.Film(camera, seconds{1});
  CHECK(world.status.frames_in == frames + 26);
  // Where the sender has fallen silent, it may come from elsewhere.
  world.Advance(seconds{3});
  camera.SendPicture(true, 500, world.now);
  while (!camera.peer.out.empty()) {
    world.Inject(camera.peer.out.front(), Host(67));
    camera.peer.out.pop_front();
  }
  CHECK(world.lane->drops().of(DropReason::kUnknownPeer) == 1);
}

TEST_CASE("enrolled: a viewer that checks from its very address takes nothing away from it") {
  World world;
  Camera camera(world.camera_tools, Host(2), 0xCA1);
  world.Enrol(camera, SomeKey());
  world.Film(camera, seconds{1});
  const std::uint32_t before = camera.pictures;
  ViewerEnd viewer(world.viewer_tools, Host(2));
  (void)world.View(viewer);
  world.Connect(viewer.peer);
  world.Film(camera, seconds{1});
  world.Advance(kStatusInterval);
  CHECK(camera.pictures > before);
  CHECK(world.status.frames_in == camera.pictures);
}

// Whoever holds its packets back can't make them pass for live by waiting until the session is begun anew.
TEST_CASE("enrolled: a stream that is held back is dark for as long as it is late") {
  World world;
  Camera camera(world.camera_tools, Host(2), 0xCA1);
  world.Enrol(camera, SomeKey());
  world.Film(camera, seconds{2});
  REQUIRE(world.status.state == wire::CameraState::kLive);
  const Instant stopped = world.now;
  world.Advance(seconds{8});
  const Duration late = world.now - stopped;
  for (int i = 0; i < 25 * 90; ++i) {
    camera.SendPicture(i % 25 == 0, 1000, world.now - late);
    world.Advance(milliseconds{40});
    REQUIRE(world.status.state == wire::CameraState::kUnavailable);
  }
  CHECK(world.status.reason == wire::UnavailableReason::kTooLate);
  auto messages = world.TakeMessages();
  CHECK_FALSE(world.Find<wire::SessionEnded>(messages));
  // What it sends now is seen at once.
  world.Film(camera, seconds{2});
  CHECK(world.status.state == wire::CameraState::kLive);
}

TEST_CASE("enrolled: RTCP and DTLS, and RTP to another address of the hub, are nobody's") {
  World world;
  Camera camera(world.camera_tools, Host(2), 0xCA1);
  world.Enrol(camera, SomeKey());
  world.Film(camera, milliseconds{200});
  const std::uint64_t before = world.lane->drops().of(DropReason::kUnknownPeer);
  ByteVector rtcp(64, 0);
  rtcp[0] = 0x80;
  rtcp[1] = 200;
  world.Inject(rtcp, Host(2));
  world.Inject(ByteVector(64, 22), Host(2));
  CHECK(world.lane->drops().of(DropReason::kUnknownPeer) == before + 2);
}

TEST_CASE("enrolled: nobody can patch such a session") {
  World world;
  Camera camera(world.camera_tools, Host(2), 0xCA1);
  world.Enrol(camera, SomeKey());
  auto replies =
      world.Patch(world.camera_session, "*", "a=ice-ufrag:abcd\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaa\r\n");
  const auto refused = world.Find<wire::Refused>(replies);
  REQUIRE(refused);
  CHECK(refused->http_status == 404);
}

TEST_CASE("enrolled: a camera that publishes replaces the session of its enrolled key, once that is silent") {
  World world;
  Camera camera(world.camera_tools, Host(2), 0xCA1);
  world.Enrol(camera, SomeKey());
  world.Film(camera, milliseconds{200});
  Camera published(world.camera_tools, Host(4), 0xCA2);
  auto replies = world.Publish(published);
  auto refused = world.Find<wire::Refused>(replies);
  REQUIRE(refused);
  CHECK(refused->http_status == 409);
  world.Advance(seconds{3});
  replies = world.Publish(published);
  CHECK(world.Find<wire::PublishAnswer>(replies));
}

TEST_CASE("enrolled: a constant key is refused by the lane as well") {
  World world;
  Camera camera(world.camera_tools, Host(2), 0xCA1);
  (void)world.TakeMessages();
  world.Enrol(camera, ports::SdesKey());
  auto messages = world.TakeMessages();
  const auto ended = world.Find<wire::SessionEnded>(messages);
  REQUIRE(ended);
  CHECK(ended->reason == wire::SessionEndReason::kKeyRefused);
}

TEST_CASE("enrolled: a suspended lane takes no such session") {
  World world;
  Camera camera(world.camera_tools, Host(2), 0xCA1);
  (void)world.Tell(wire::Suspend{});
  world.Enrol(camera, SomeKey());
  world.Film(camera, milliseconds{200});
  CHECK(world.status.frames_in == 0);
  CHECK(world.status.state == wire::CameraState::kSuspended);
}

}  // namespace
}  // namespace latchkey::lane::test
