// What a lane does when the network, or its own memory, is against it.
#include <algorithm>
#include <array>

#include "daemon/lane/lane.h"
#include "daemon/wire/rtcp_feedback.h"
#include "daemon/wire/rtcp_source.h"
#include "daemon/wire/rtp.h"
#include "daemon/wire/stun.h"
#include "tests/support/bytes.h"
#include "tests/support/catch.h"
#include "tests/unit/lane/watched.h"

namespace latchkey::lane {

struct LaneTestAccess {
  static cache::JitterCache& Cache(Lane& lane) { return lane.cache_; }
};

}  // namespace latchkey::lane

namespace latchkey::cache {

struct SealedFrameTestAccess {
  static void Damage(const SealedFrame& frame) { const_cast<SealedFrame&>(frame).bytes_.front() ^= 1U; }
};

}  // namespace latchkey::cache

namespace latchkey::lane::test {
namespace {

TEST_CASE("lane: what nobody vouches for is counted, and neither answered nor believed") {
  Watched world;
  const std::uint64_t seed = latchkey::test::Seed();
  INFO("LATCHKEY_SEED=" << seed);
  latchkey::test::Dice dice(seed);
  std::vector<ByteVector> seeds;
  for (const ByteVector& packet : world.viewer.peer.protected_rtp) seeds.push_back(packet);
  seeds.resize(std::min<std::size_t>(seeds.size(), 40));
  // A check with the right fragment and a wrong password.
  const auto& plan = world.viewer.peer.plan().transport;
  std::array<std::uint8_t, 300> room{};
  const auto hmac = [&](ByteView key, ByteView data) {
    return world.viewer_tools.crypto.HmacSha1(key, data);
  };
  const std::string username = plan.remote_ufrag + ":abcd";
  const ByteView check =
      wire::WriteStunCheck({{}, username, 1, true, 1, true}, AsBytes("wrong password here!!!!"), hmac, room);
  seeds.emplace_back(check.begin(), check.end());
  seeds.push_back(latchkey::test::Hex(
      "16 fe fd 0000 0000 0000 0000 0010 01 00 00 04 00 00 00 00 00 00 00 04 00 00 00 00"));

  const std::uint64_t drops = world.lane->drops().total();
  const std::size_t sent = world.datagrams;
  const std::size_t count = 4000;
  for (std::size_t i = 0; i < count; ++i) {
    ByteVector bytes = dice.Coin() ? dice.Bytes(dice.Below(200)) : seeds[dice.Below(seeds.size())];
    for (std::size_t flips = dice.Below(4); flips > 0 && !bytes.empty(); --flips) {
      bytes[dice.Below(bytes.size())] ^= static_cast<std::uint8_t>(1U << dice.Below(8));
    }
    if (dice.Below(8) == 0) bytes.resize(dice.Below(bytes.size() + 1));
    // From strangers, and under the camera's and the viewer's own addresses.
    const SocketAddress from = dice.Below(3) == 0   ? Host(2)
                               : dice.Below(2) == 0 ? Host(3)
                                                    : Host(99, static_cast<std::uint16_t>(dice.U16() | 1U));
    // A genuine DTLS alert can't be among them: every record is under the handshake's keys.
    world.Inject(bytes, from);
  }
  CHECK(world.datagrams == sent);
  // DTLS records under a proved address are DTLS's to drop: they are not counted here.
  CHECK(world.lane->drops().total() > drops + count * 9 / 10);
  CHECK(world.TakeMessages().empty());
  world.Film(world.camera, milliseconds{400});
  CHECK(world.viewer.Pictures().size() == world.camera.pictures);
}

TEST_CASE("lane: an empty datagram and one over the bound are nothing, whatever they begin with") {
  Watched world;
  const std::uint64_t empty = world.lane->drops().of(DropReason::kEmpty);
  const std::uint64_t too_long = world.lane->drops().of(DropReason::kTooLong);
  for (const std::uint8_t first : std::array<std::uint8_t, 4>{0x00, 0x16, 0x80, 0xff}) {
    ByteVector bytes(kMaxDatagram + 1, first);
    world.Inject(bytes, world.camera.peer.address());
  }
  world.Inject({}, world.camera.peer.address());
  CHECK(world.lane->drops().of(DropReason::kTooLong) == too_long + 4);
  CHECK(world.lane->drops().of(DropReason::kEmpty) == empty + 1);
}

TEST_CASE("lane: media before a check, or from another address than the proved one, is dropped unopened") {
  Watched world;
  world.Advance(milliseconds{600});
  const std::uint64_t frames = world.status.frames_in;
  ByteVector packet(200, 0x41);
  wire::WriteRtpHeader({true, 96, 1, 1, 0x1000 + 0xCA1}, {}, packet);
  world.camera.peer.SendRtp(packet);
  const ByteVector genuine = world.camera.peer.out.back();
  world.camera.peer.out.clear();
  const std::uint64_t before = world.lane->drops().of(DropReason::kUnknownPeer);
  world.Inject(genuine, Host(77));
  CHECK(world.lane->drops().of(DropReason::kUnknownPeer) == before + 1);
  world.Advance(milliseconds{600});
  CHECK(world.status.frames_in == frames);
}

TEST_CASE("lane: a viewer's RTP is dropped, whatever it is") {
  Watched world;
  const std::uint64_t before = world.lane->drops().of(DropReason::kWrongDirection);
  ByteVector packet(200, 0x41);
  wire::WriteRtpHeader({true, 96, 1, 1, 7}, {}, packet);
  world.viewer.peer.SendRtp(packet);
  world.Settle();
  CHECK(world.lane->drops().of(DropReason::kWrongDirection) == before + 1);
}

TEST_CASE("lane: one frame that does not open stops everything and is reported") {
  Watched world;
  world.camera.SendPicture(false, 3000, world.now);
  ViewerEnd late(world.viewer_tools, Host(4));
  auto replies = world.View(late);
  REQUIRE(world.Find<wire::ViewerAnswer>(replies));
  auto& cache = LaneTestAccess::Cache(*world.lane);
  const auto start = cache.StartForNewViewer();
  REQUIRE(start);
  cache::SealedFrameTestAccess::Damage(*cache.Find(start->Next()));
  const std::size_t before = world.viewer.peer.rtp.size();
  (void)world.TakeMessages();
  for (int i = 0; i < 20 && !late.peer.closed() && world.status.state != wire::CameraState::kSuspended; ++i) {
    world.Advance(milliseconds{10});
  }
  auto messages = world.TakeMessages();
  const auto failed = world.Find<wire::OpenFailed>(messages);
  REQUIRE(failed);
  CHECK(failed->epoch == world.epoch);
  CHECK(failed->frame == start->Next());
  CHECK(world.status.state == wire::CameraState::kSuspended);
  CHECK(world.lane->viewer_count() == 0);
  CHECK(cache.size() == 0);
  const std::size_t after = world.viewer.peer.rtp.size();
  world.Advance(seconds{1});
  CHECK(world.viewer.peer.rtp.size() == after);
  CHECK(after <= before + 3);
  CHECK(late.peer.rtp.empty());
}

TEST_CASE("lane: a lost packet is made again for the viewer that asks, as RTX with its number in front") {
  Watched world;
  const auto& video = world.viewer.video();
  REQUIRE(video.rtx_payload_type);
  const std::size_t count = world.viewer.peer.rtp.size();
  const auto original = wire::ParseRtp(world.viewer.peer.rtp[count - 3]);
  REQUIRE(original);
  world.SendNack({original->header.sequence, static_cast<std::uint16_t>(original->header.sequence + 1)});
  REQUIRE(world.viewer.peer.rtp.size() == count + 2);
  const auto again = wire::ParseRtp(world.viewer.peer.rtp[count]);
  REQUIRE(again);
  CHECK(again->header.payload_type == *video.rtx_payload_type);
  CHECK(again->header.timestamp == original->header.timestamp);
  CHECK(again->header.marker == original->header.marker);
  const auto payload = wire::ParseRtx(again->payload);
  REQUIRE(payload);
  CHECK(payload->original_sequence == original->header.sequence);
  CHECK(std::equal(payload->payload.begin(), payload->payload.end(), original->payload.begin(),
                   original->payload.end()));
  // What was never sent is not made up.
  world.SendNack({static_cast<std::uint16_t>(original->header.sequence + 3000)});
  CHECK(world.viewer.peer.rtp.size() == count + 2);
}

TEST_CASE("lane: a viewer's wish for a keyframe reaches the camera once, not at each repetition") {
  Watched world;
  world.Film(world.camera, milliseconds{600});
  (void)world.camera.TakeKeyframeRequests();
  for (int i = 0; i < 10; ++i) world.SendPli();
  world.Advance(milliseconds{40});
  CHECK(world.camera.TakeKeyframeRequests() == 1);
}

TEST_CASE(
    "lane: a camera that sends keyframes on request alone is asked for one before its group grows old") {
  Watched world;
  (void)world.camera.TakeKeyframeRequests();
  world.Film(world.camera, cache::CacheLimits{}.renew - seconds{1}, 100000);
  CHECK(world.camera.TakeKeyframeRequests() == 0);
  world.Film(world.camera, seconds{2}, 100000);
  CHECK(world.camera.TakeKeyframeRequests() >= 1);
}

TEST_CASE("lane: a new SSRC under the same key is a new epoch, and viewers go on with its pictures") {
  Watched world;
  const Epoch before = world.epoch;
  world.camera.ChangeSsrc();
  (void)world.TakeMessages();
  // The camera's first pictures under the new number are lost: the old one must be silent first.
  world.camera.pictures = 50;
  world.Film(world.camera, milliseconds{400});
  auto messages = world.TakeMessages();
  const auto wanted = world.Find<wire::EpochWanted>(messages);
  REQUIRE(wanted);
  CHECK(wanted->current == before);
  CHECK(messages.size() == 1);  // and asked for once
  const std::size_t count = world.viewer.peer.rtp.size();
  world.BeginNextEpoch();
  world.camera.pictures = 100;
  world.Film(world.camera, milliseconds{200});
  CHECK(world.viewer.peer.rtp.size() == count);
  world.RenewAll();
  world.Film(world.camera, milliseconds{200});
  const auto pictures = world.viewer.Pictures();
  REQUIRE_FALSE(pictures.empty());
  CHECK(pictures.back().number == world.camera.pictures - 1);
}

TEST_CASE("lane: a camera that has used up the SSRCs of its key is ended, so that it publishes anew") {
  Watched world;
  std::optional<wire::SessionEnded> ended;
  for (std::size_t i = 0; i < platform::kSrtpMaxSsrcs + 2 && !ended; ++i) {
    world.camera.ChangeSsrc();
    (void)world.TakeMessages();
    world.Film(world.camera, milliseconds{400});
    auto messages = world.TakeMessages();
    ended = world.Find<wire::SessionEnded>(messages);
    if (!ended) world.BeginNextEpoch();
  }
  REQUIRE(ended);
  CHECK(ended->session == world.camera_session);
  CHECK(ended->reason == wire::SessionEndReason::kLimit);
  CHECK(world.camera.peer.closed());
}

TEST_CASE("lane: PATCH follows RFC 9725's rules of If-Match") {
  Watched world;
  const std::string fragment =
      "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n";
  const auto refused = [&](const std::string& match, const std::string& text) {
    auto replies = world.Patch(world.viewer_session, match, text);
    const auto found = world.Find<wire::Refused>(replies);
    return found ? found->http_status : 0;
  };
  CHECK(refused("", fragment) == 428);
  CHECK(refused("\"another\"", fragment) == 412);
  CHECK(refused("\"" + world.etag + "\"", "no fragment") == 400);
  auto replies = world.Patch(world.viewer_session, "\"" + world.etag + "\"", fragment);
  auto answer = world.Find<wire::PatchAnswer>(replies);
  REQUIRE(answer);
  CHECK(answer->fragment.str().empty());
  CHECK(answer->etag.str() == world.etag);
  replies = world.Patch(world.viewer_session, "*", fragment);
  answer = world.Find<wire::PatchAnswer>(replies);
  REQUIRE(answer);
  CHECK(answer->fragment.str().find("a=ice-ufrag:") != std::string::npos);
  CHECK(answer->etag.str() != world.etag);
  CHECK(refused("\"" + world.etag + "\"", fragment) == 412);
  replies = world.Patch(world.hub.entropy.MakeId<SessionId>(), "*", fragment);
  const auto unknown = world.Find<wire::Refused>(replies);
  REQUIRE(unknown);
  CHECK(unknown->http_status == 404);
  // Media goes on over a restart.
  world.Film(world.camera, milliseconds{200});
  CHECK(world.viewer.Pictures().size() == world.camera.pictures);
}

TEST_CASE("lane: when the camera's session ends its pictures are gone at once") {
  Watched world;
  REQUIRE(world.status.cache_frames > 0);
  (void)world.Tell(wire::SessionEnd{world.camera_session});
  CHECK(world.camera.peer.closed());
  CHECK(world.status.state == wire::CameraState::kUnavailable);
  CHECK(world.status.reason == wire::UnavailableReason::kCameraOffline);
  CHECK(world.status.cache_frames == 0);
  CHECK(world.lane->viewer_count() == 1);  // stays attached for the camera's return
}

TEST_CASE("lane: a peer that proves its address and then never shows its certificate is ended in time") {
  Watched world;
  ViewerEnd silent(world.viewer_tools, Host(9));
  silent.peer.no_dtls = true;
  auto replies = world.View(silent);
  const auto answer = world.Find<wire::ViewerAnswer>(replies);
  REQUIRE(answer);
  world.Film(world.camera, seconds{9});
  CHECK(world.lane->viewer_count() == 2);
  (void)world.TakeMessages();
  world.Film(world.camera, seconds{2});
  auto messages = world.TakeMessages();
  const auto ended = world.Find<wire::SessionEnded>(messages);
  REQUIRE(ended);
  CHECK(ended->session == answer->session);
  CHECK(ended->reason == wire::SessionEndReason::kHandshakeTimeout);
}

TEST_CASE("lane: a peer with another certificate than its offer's gets nothing") {
  Watched world;
  ViewerEnd liar(world.viewer_tools, Host(9));
  liar.peer.certificate = &world.camera_tools;
  auto replies = world.View(liar);
  REQUIRE(world.Find<wire::ViewerAnswer>(replies));
  world.Film(world.camera, seconds{1});
  CHECK(liar.peer.rtp.empty());
  CHECK(world.lane->viewer_count() == 1);
}

TEST_CASE("lane: a peer that falls silent is ended when its consent has run out") {
  Watched world;
  world.viewer.peer.mute = true;
  (void)world.TakeMessages();
  world.Film(world.camera, seconds{14});
  CHECK(world.lane->viewer_count() == 1);
  world.Film(world.camera, seconds{2});
  auto messages = world.TakeMessages();
  const auto ended = world.Find<wire::SessionEnded>(messages);
  REQUIRE(ended);
  CHECK(ended->session == world.viewer_session);
  CHECK(ended->reason == wire::SessionEndReason::kConsentExpired);
}

TEST_CASE("lane: a whole group of pictures reaches a new viewer soon, and never all at once") {
  World world;
  Camera camera(world.camera_tools, Host(2), 1);
  auto replies = world.Publish(camera);
  world.Connect(camera.peer);
  // Ten seconds of 2 Mbit/s without a keyframe between.
  world.Film(camera, seconds{10}, 1000, 100000, 10000);
  (void)camera.TakeKeyframeRequests();
  ViewerEnd viewer(world.viewer_tools, Host(3));
  world.largest_turn = 0;
  const Instant asked = world.now;
  replies = world.View(viewer);
  world.Connect(viewer.peer);
  world.Advance(milliseconds{300});
  REQUIRE(viewer.Pictures().size() == camera.pictures);
  CHECK(viewer.peer.rtp_at.back() - asked < milliseconds{300});
  // A burst, and a report beside it.
  CHECK(world.largest_turn <= static_cast<std::size_t>(egress::Pacer::kBurst) + 1);
  // A player that goes by the timestamps is at the live edge, not ten seconds behind it.
  const auto first = wire::ParseRtp(viewer.peer.rtp.front());
  const auto last = wire::ParseRtp(viewer.peer.rtp.back());
  REQUIRE(first);
  REQUIRE(last);
  CHECK(last->header.timestamp - first->header.timestamp < 90U * 500U);
  // From there the camera's clock is followed tick by tick.
  world.Film(camera, milliseconds{80}, 1000, 100000, 1000);
  const auto live = wire::ParseRtp(viewer.peer.rtp.back());
  const auto before = wire::ParseRtp(*(viewer.peer.rtp.end() - 2));
  REQUIRE(live);
  REQUIRE(before);
  CHECK(live->header.timestamp - before->header.timestamp == 3600);
  CHECK(camera.TakeKeyframeRequests() == 0);
}

TEST_CASE("lane: a camera hears of its bitrate, and is asked for a picture at the start") {
  World world;
  Camera camera(world.camera_tools, Host(2), 1);
  auto replies = world.Publish(camera);
  world.Connect(camera.peer);
  camera.SendPicture(false, 2000, world.now);
  world.Advance(milliseconds{100});
  std::size_t rembs = 0;
  for (const ByteVector& compound : camera.peer.rtcp) {
    const auto parsed = wire::ParseRtcp(compound);
    REQUIRE(parsed);
    for (const auto& block : *parsed) rembs += block.kind == wire::RtcpKind::kRemb ? 1U : 0U;
  }
  CHECK(rembs == 1);
  CHECK(camera.TakeKeyframeRequests() == 1);
}

}  // namespace
}  // namespace latchkey::lane::test
