#include "tests/support/catch.h"
#include "tests/unit/tools/mini_hub.h"
#include "tools/media/random.h"

namespace latchkey::media::test {
namespace {

MediaFrame Vp8(int n, bool key, Instant now, std::size_t size = 4000) {
  MediaFrame frame;
  frame.bytes.push_back(key ? 0x10 : 0x11);
  SeededRandom random(static_cast<std::uint64_t>(n));
  for (std::size_t i = 0; i < size; ++i) frame.bytes.push_back(static_cast<std::uint8_t>(random.U64()));
  frame.keyframe = key;
  frame.media_time = milliseconds{40 * n};
  frame.captured = now;
  return frame;
}

// A camera and a viewer that are connected through the hub.
struct Scene {
  Tools hub_tools{1};
  Tools client_tools{2};
  MiniHub hub;

  explicit Scene(bool audio = false) : hub(hub_tools.ports(), client_tools.ports(), Media(audio)) {
    REQUIRE(hub.AnswerCamera().has_value());
    REQUIRE(hub.AnswerViewer().has_value());
    hub.Advance(milliseconds{50});
    REQUIRE(hub.camera.state() == TransportState::kConnected);
    REQUIRE(hub.viewer.state() == TransportState::kConnected);
  }
  static PublishMedia Media(bool audio) {
    PublishMedia media;
    media.video = wire::Codec::kVp8;
    media.audio = audio;
    return media;
  }
  // 25 pictures a second, a keyframe first.
  void Film(int from, int to) {
    for (int n = from; n < to; ++n) {
      hub.camera.SendFrame(Vp8(n, n == from, hub.now), hub.now);
      hub.Advance(milliseconds{40});
    }
  }
};

TEST_CASE("session: frames of a camera reach a viewer whole, through real ICE, DTLS and SRTP") {
  Scene scene(true);
  CHECK(scene.hub.camera.TakeKeyframeRequest());
  CHECK_FALSE(scene.hub.camera.TakeKeyframeRequest());
  for (int n = 0; n < 10; ++n) {
    MediaFrame sound;
    sound.kind = wire::StreamKind::kAudio;
    sound.bytes = ByteVector(80, static_cast<std::uint8_t>(n));
    sound.media_time = milliseconds{20 * n};
    scene.hub.camera.SendFrame(sound, scene.hub.now);
  }
  scene.Film(0, 50);
  int video = 0;
  int audio = 0;
  for (const RtcSession::Frame& frame : scene.hub.seen) {
    if (frame.codec == wire::Codec::kOpus) {
      CHECK(frame.frame.bytes == ByteVector(80, static_cast<std::uint8_t>(audio++)));
      continue;
    }
    CHECK(frame.frame.bytes == Vp8(video, video == 0, {}).bytes);
    CHECK(frame.frame.keyframe == (video == 0));
    ++video;
  }
  CHECK(video == 50);
  CHECK(audio == 10);
  const SessionFigures camera = scene.hub.camera.Figures();
  CHECK(camera.sent.frames == 50);
  CHECK(camera.sent.keyframes == 1);
  CHECK(camera.audio_packets == 10);
  CHECK(scene.hub.viewer.Figures().audio_packets == 10);
  CHECK(scene.hub.viewer.Figures().received.frames == 50);
  CHECK(scene.hub.viewer.Figures().dropped == 0);
}

TEST_CASE("session: a camera sends nothing that nobody could decode: a keyframe comes first") {
  Scene scene;
  scene.hub.camera.SendFrame(Vp8(0, false, scene.hub.now), scene.hub.now);
  scene.hub.Advance(milliseconds{40});
  CHECK(scene.hub.camera.Figures().sent.packets == 0);
  scene.Film(1, 3);
  CHECK(scene.hub.seen.size() == 2);
}

TEST_CASE("session: packets lost on the way to a viewer are asked for and repaired") {
  Scene scene;
  SeededRandom random(9);
  scene.hub.passes = [&](std::uint16_t, bool) { return !random.Chance(0.1); };
  scene.Film(0, 100);
  scene.hub.Advance(seconds{1});
  const ReceiveCounters received = scene.hub.viewer.Figures().received;
  CAPTURE(received.nacked, received.repaired, received.lost);
  CHECK(scene.hub.seen.size() >= 98);  // the very last packets may be lost unnoticed
  CHECK(received.repaired > 20);
  CHECK(received.lost == 0);
}

TEST_CASE("session: a viewer that asks for a keyframe gets the camera to make one") {
  Scene scene;
  (void)scene.hub.camera.TakeKeyframeRequest();
  scene.Film(0, 3);
  CHECK_FALSE(scene.hub.camera.TakeKeyframeRequest());
  scene.hub.viewer.RequestKeyframe();
  scene.hub.Advance(milliseconds{5});
  CHECK(scene.hub.plis_of_viewer == 1);
  CHECK(scene.hub.camera.TakeKeyframeRequest());
  CHECK(scene.hub.camera.Figures().sent.plis == 1);
}

TEST_CASE("session: both ends report once a second") {
  Scene scene;
  scene.Film(0, 125);
  CHECK(scene.hub.reports_of_camera >= 4);
  CHECK(scene.hub.reports_of_camera <= 6);
  CHECK(scene.hub.reports_of_viewer >= 4);
  CHECK(scene.hub.reports_of_viewer <= 6);
}

TEST_CASE("session: a hub that falls silent is noticed within three seconds") {
  Scene scene;
  scene.Film(0, 25);
  scene.hub.camera_end.silent = true;
  scene.hub.Advance(seconds{1});
  CHECK(scene.hub.camera.state() == TransportState::kConnected);
  scene.hub.Advance(seconds{2});
  CHECK(scene.hub.camera.state() == TransportState::kFailed);
  CHECK(scene.hub.camera.failure().find("no longer answers") != std::string::npos);
  CHECK(scene.hub.viewer.state() == TransportState::kConnected);
}

TEST_CASE("session: a hub that never answers is given up with a reason") {
  Tools hub_tools{1};
  Tools client_tools{2};
  MiniHub hub(hub_tools.ports(), client_tools.ports(), Scene::Media(false));
  REQUIRE(hub.AnswerCamera().has_value());
  hub.camera_end.silent = true;
  hub.Advance(seconds{16});
  CHECK(hub.camera.state() == TransportState::kFailed);
  CHECK(hub.camera.failure().find("did not answer") != std::string::npos);
}

TEST_CASE("session: a certificate other than the answer's is never talked to") {
  Tools hub_tools{1};
  Tools client_tools{2};
  MiniHub hub(hub_tools.ports(), client_tools.ports(), Scene::Media(false));
  const auto spoil = [](std::string sdp) {
    const auto at = sdp.find("a=fingerprint:sha-256 ");
    REQUIRE(at != std::string::npos);
    char& digit = sdp[at + std::string("a=fingerprint:sha-256 ").size()];
    digit = digit == '0' ? '1' : '0';
    return sdp;
  };
  REQUIRE(hub.AnswerCamera(spoil).has_value());
  hub.Advance(seconds{1});
  CHECK(hub.camera.state() == TransportState::kFailed);
  CHECK(hub.camera.failure().find("DTLS") != std::string::npos);
}

TEST_CASE("session: an answer that isn't one is refused before anything is sent") {
  Tools client_tools{2};
  RtcSession session(client_tools.ports());
  (void)session.MakeOffer({});
  CHECK_FALSE(session.HandleAnswer("<html>hello</html>", {}).has_value());
  DatagramBatch out;
  session.Drain({}, out);
  CHECK(out.empty());
}

TEST_CASE("session: goodbye ends the hub's side at once") {
  Scene scene;
  scene.Film(0, 3);
  scene.hub.viewer.Close();
  scene.hub.Advance(milliseconds{5});
  CHECK(scene.hub.viewer_end.transport->state() == peer::TransportState::kClosed);
  CHECK(scene.hub.camera_end.transport->state() == peer::TransportState::kConnected);
}

TEST_CASE("session: even authentic packets count only from where the hub answered") {
  Scene scene;
  scene.Film(0, 2);
  REQUIRE(scene.hub.seen.size() == 2);
  scene.hub.viewer_end.sends_from = SocketAddress{IpAddress::V4({198, 51, 100, 9}), 4000};
  scene.Film(2, 4);
  CHECK(scene.hub.seen.size() == 2);
}

TEST_CASE("session: a server's own check is answered, one that its password did not sign is not") {
  Scene scene;
  const SocketAddress from{IpAddress::V4({192, 0, 2, 1}), 47000};
  const auto hmac = [&](ByteView key, ByteView data) { return scene.hub_tools.crypto.HmacSha1(key, data); };
  const auto answers = [&](const std::string& password) {
    ByteVector room(wire::kStunMaxMessage);
    const wire::StunCheck check{.transaction = {}, .username = "a:b", .priority = 1, .controlling = false};
    const ByteView written = wire::WriteStunCheck(check, AsBytes(password), hmac, room);
    ByteVector datagram(written.begin(), written.end());
    DatagramBatch out;
    scene.hub.viewer.Drain(scene.hub.now, out);
    out.Clear();
    scene.hub.viewer.HandleDatagram(from, datagram, scene.hub.now, scene.hub.wall);
    scene.hub.viewer.Drain(scene.hub.now, out);
    std::size_t count = 0;
    for (const Outgoing& entry : out.entries()) {
      const auto message = wire::ParseStun(out.BytesOf(entry));
      if (!message || message->message_class != wire::StunClass::kSuccess) continue;
      ++count;
      CHECK(entry.to == from);
      CHECK(message->mapped_address == from);
      CHECK(wire::StunIntegrityVerifies(*message, AsBytes(password), hmac));
    }
    return count;
  };
  CHECK(answers(scene.hub.viewer_end.plan.transport.remote_password) == 1);
  CHECK(answers("not the password of anybody") == 0);
}

TEST_CASE("session: datagrams from elsewhere, and damaged ones, change nothing") {
  Scene scene;
  scene.Film(0, 5);
  SeededRandom random(3);
  const SocketAddress stranger{IpAddress::V4({198, 51, 100, 9}), 4000};
  for (int i = 0; i < 2000; ++i) {
    ByteVector junk(1 + random.U64() % 200);
    for (auto& byte : junk) byte = static_cast<std::uint8_t>(random.U64());
    junk[0] = std::array<std::uint8_t, 4>{0x00, 0x16, 0x80, 0x90}[random.U64() % 4];
    const SocketAddress from = i % 2 == 0 ? stranger : SocketAddress{IpAddress::V4({192, 0, 2, 1}), 47000};
    scene.hub.viewer.HandleDatagram(from, junk, scene.hub.now, scene.hub.wall);
  }
  CHECK(scene.hub.viewer.state() == TransportState::kConnected);
  CHECK(scene.hub.viewer.Figures().dropped > 1000);
  scene.Film(5, 10);
  CHECK(scene.hub.seen.size() == 10);
}

}  // namespace
}  // namespace latchkey::media::test
