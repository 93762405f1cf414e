// What one peer, or a stranger, can make a lane do by sending much of it.
#include <array>

#include "daemon/egress/viewer_session.h"
#include "daemon/wire/rtp.h"
#include "daemon/wire/stun.h"
#include "tests/support/bytes.h"
#include "tests/unit/lane/watched.h"

namespace latchkey::lane::test {
namespace {

// Checks of `by`, genuine but for the address that they come from.
void CheckFrom(World& world, const Peer& by, const SocketAddress& from, std::uint8_t count) {
  const auto& plan = by.plan().transport;
  const auto hmac = [&](ByteView key, ByteView data) {
    return world.viewer_tools.crypto.HmacSha1(key, data);
  };
  const std::string username = plan.remote_ufrag + ":abcd";
  std::array<std::uint8_t, 300> room{};
  for (std::uint8_t i = 0; i < count; ++i) {
    const wire::StunTransactionId id{{0xee, i}};
    world.Inject(
        wire::WriteStunCheck({id, username, 1, true, 1, true}, AsBytes(plan.remote_password), hmac, room),
        from);
  }
}

TEST_CASE("lane: a viewer that checks under the camera's address does not get the camera's packets") {
  Watched world;
  for (int round = 0; round < 10; ++round) {
    CheckFrom(world, world.viewer.peer, world.camera.peer.address(), 2);
    const std::uint64_t before = world.lane->drops().of(DropReason::kWrongDirection);
    world.Film(world.camera, milliseconds{80});
    CHECK(world.lane->drops().of(DropReason::kWrongDirection) == before);
  }
  CHECK(world.viewer.Pictures().size() == world.camera.pictures);
}

TEST_CASE("lane: a viewer that checks under another viewer's address does not get that one's packets") {
  Watched world;
  ViewerEnd ben(world.viewer_tools, Host(4));
  auto replies = world.View(ben);
  REQUIRE(world.Find<wire::ViewerAnswer>(replies));
  world.Connect(ben.peer);
  CheckFrom(world, ben.peer, world.viewer.peer.address(), 3);
  const std::size_t count = world.viewer.peer.rtp.size();
  const auto last = wire::ParseRtp(world.viewer.peer.rtp.back());
  REQUIRE(last);
  world.SendNack({last->header.sequence});
  CHECK(world.viewer.peer.rtp.size() == count + 1);
  world.Film(world.camera, milliseconds{400});
  CHECK(world.viewer.Pictures().size() == world.camera.pictures);
}

// The fragment stands in every check in the clear; the password does not.
TEST_CASE("lane: checks with the right fragment and a wrong password push out no proved address") {
  Watched world;
  const auto hmac = [&](ByteView key, ByteView data) {
    return world.viewer_tools.crypto.HmacSha1(key, data);
  };
  std::array<std::uint8_t, 300> room{};
  for (const Peer* peer : {&world.camera.peer, &world.viewer.peer}) {
    const std::string username = peer->plan().transport.remote_ufrag + ":abcd";
    for (std::uint8_t i = 0; i < 2 * peer::kMaxPairs; ++i) {
      const wire::StunTransactionId id{{0xdd, i}};
      world.Inject(wire::WriteStunCheck({id, username, 1, true, 1, true}, AsBytes("wrong password here!!!!"),
                                        hmac, room),
                   Host(99, static_cast<std::uint16_t>(40000 + i)));
    }
  }
  const std::uint64_t before = world.lane->drops().of(DropReason::kUnknownPeer);
  world.Film(world.camera, milliseconds{400});
  world.SendPli();
  CHECK(world.viewer.Pictures().size() == world.camera.pictures);
  CHECK(world.lane->drops().of(DropReason::kUnknownPeer) == before);
}

TEST_CASE("lane: an address that a viewer left is another's once its consent has run out") {
  Watched world;
  const SocketAddress address = world.viewer.peer.address();
  world.viewer.peer.mute = true;
  world.Film(world.camera, peer::kConsentLife + seconds{1});
  ViewerEnd heir(world.viewer_tools, address);
  auto replies = world.View(heir);
  REQUIRE(world.Find<wire::ViewerAnswer>(replies));
  world.Connect(heir.peer);
  world.Film(world.camera, milliseconds{400});
  CHECK_FALSE(heir.Pictures().empty());
}

TEST_CASE("lane: a flood of NACKs is served together now and then, no packet twice within a round trip") {
  Watched world;
  const std::size_t count = world.viewer.peer.rtp.size();
  const auto original = wire::ParseRtp(world.viewer.peer.rtp[count - 30]);
  REQUIRE(original);
  const std::uint16_t first = original->header.sequence;
  const auto next = static_cast<std::uint16_t>(first + 1);
  world.SendNack({first, next});
  for (int i = 0; i < 50; ++i) world.SendNack({next, static_cast<std::uint16_t>(first + 2)});
  CHECK(world.viewer.peer.rtp.size() == count + 2);
  // What came meanwhile is not forgotten, and nobody is woken for it before its time.
  CHECK(world.lane->NextDeadline() > world.now);
  world.Advance(egress::ViewerSession::kResendInterval);
  CHECK(world.viewer.peer.rtp.size() == count + 3);
  world.Advance(milliseconds{20});
  CHECK(world.viewer.peer.rtp.size() == count + 3);
  // In one request as well.
  world.SendNack({first, first, first});
  CHECK(world.viewer.peer.rtp.size() == count + 4);
}

TEST_CASE("lane: whoever asks for everything again and again draws half of the stream once more, no flood") {
  Watched world;
  world.Film(world.camera, seconds{1});
  const std::uint64_t sent = world.viewer.peer.rtp.size();
  std::vector<std::uint16_t> sequences;
  for (std::size_t i = sent - 120; i < sent; ++i) {
    sequences.push_back(wire::ParseRtp(world.viewer.peer.rtp[i])->header.sequence);
  }
  for (int i = 0; i < 100; ++i) {
    world.SendNack(sequences);
    world.Advance(milliseconds{10});
  }
  const std::uint64_t again = world.viewer.peer.rtp.size() - sent;
  CHECK(again > 100);
  CHECK(again <= sent / 2 + egress::ResendBudget::kFirst);
}

TEST_CASE("lane: what viewers ask for in one turn is bounded, and the rest is ignored") {
  Watched world;
  world.Film(world.camera, seconds{2});
  const std::size_t count = world.viewer.peer.rtp.size();
  constexpr std::size_t kAsked = 2 * egress::ViewerSession::kMaxResend;
  REQUIRE(count > kAsked + 20);
  std::vector<std::uint16_t> sequences;
  for (std::size_t i = count - 10 - kAsked; i < count - 10; ++i) {
    const auto packet = wire::ParseRtp(world.viewer.peer.rtp[i]);
    REQUIRE(packet);
    sequences.push_back(packet->header.sequence);
  }
  world.SendNack(sequences);
  world.Advance(milliseconds{200});
  const std::size_t again = world.viewer.peer.rtp.size() - count;
  CHECK(again > 0);
  CHECK(again <= egress::ViewerSession::kMaxResend);
}

TEST_CASE("lane: a keyframe for many viewers leaves in turns of bounded bytes") {
  Watched world;
  std::vector<std::unique_ptr<ViewerEnd>> others;
  for (std::uint8_t i = 0; i < 7; ++i) {
    others.push_back(
        std::make_unique<ViewerEnd>(world.viewer_tools, Host(static_cast<std::uint8_t>(10 + i))));
    auto replies = world.View(*others.back());
    REQUIRE(world.Find<wire::ViewerAnswer>(replies));
    world.Connect(others.back()->peer);
  }
  world.Film(world.camera, milliseconds{400});
  world.turn_bytes = 0;
  world.camera.SendPicture(true, 100'000, world.now);
  world.Advance(milliseconds{200});
  for (const auto& other : others) CHECK(other->Pictures().back().number + 1 == world.camera.pictures);
  CHECK(world.turn_bytes > kTurnBytes / 2);
  CHECK(world.turn_bytes <= kTurnBytes + kMaxDatagram);
}

TEST_CASE("lane: junk from strangers does not make a paced frame leave in driblets") {
  Watched world;
  world.camera.SendPicture(true, 100'000, world.now);
  const std::size_t before = world.viewer.peer.rtp.size();
  world.Settle();
  REQUIRE(world.viewer.peer.rtp.size() - before >= 48);
  // Each go at a begun frame opens all of it again, so a datagram from anybody must not be reason enough.
  std::size_t goes = 0;
  for (int i = 0; i < 200; ++i) {
    world.now += microseconds{30};
    const std::size_t sent = world.viewer.peer.rtp.size();
    world.Inject(latchkey::test::Hex("ff"), Host(99));
    if (world.viewer.peer.rtp.size() > sent) ++goes;
  }
  CHECK(goes <= 4);
  world.Advance(milliseconds{10});
  CHECK(world.viewer.Pictures().back().number == world.camera.pictures - 1);
}

}  // namespace
}  // namespace latchkey::lane::test
