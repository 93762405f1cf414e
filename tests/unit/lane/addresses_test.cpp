// Whose a 5-tuple is, against a peer that writes other peers' addresses on its checks, and against recorded
// ones.
#include <array>
#include <deque>

#include "daemon/wire/stun.h"
#include "tests/support/catch.h"
#include "tests/unit/lane/watched.h"

namespace latchkey::lane::test {
namespace {

// A check of the session to which `peer` belongs, as its owner would write it.
ByteVector CheckOf(const Peer& peer, PeerTools& tools, bool controlling = true) {
  wire::StunTransactionId transaction;
  tools.entropy.Fill(transaction.bytes);
  const std::string username = peer.plan().transport.remote_ufrag + ":abcd";
  const auto hmac = [&](ByteView key, ByteView data) { return tools.crypto.HmacSha1(key, data); };
  std::array<std::uint8_t, 300> room{};
  wire::StunWriter writer(wire::StunClass::kRequest, transaction, room);
  writer.Username(username);
  writer.Priority(1);
  controlling ? writer.IceControlling(1) : writer.IceControlled(1);
  writer.UseCandidate();
  writer.Sign(AsBytes(peer.plan().transport.remote_password), hmac);
  const ByteView bytes = writer.Finish();
  return {bytes.begin(), bytes.end()};
}

// Beside the viewer another one, at Host(4), which shows its certificate only when it is told to connect.
struct Joining : Watched {
  Joining() : other(viewer_tools, Host(4)) {
    other.peer.no_dtls = true;
    auto replies = View(other);
    REQUIRE(Find<wire::ViewerAnswer>(replies));
    Settle();
  }
  void ConnectOther() {
    other.peer.no_dtls = false;
    Connect(other.peer);
  }
  void CheckOtherSees() {
    Film(camera, milliseconds{400});
    CHECK(other.Pictures().size() == camera.pictures);
  }
  // A check of the first viewer's session that claims to come from there.
  void Claim(const SocketAddress& from, bool controlling = true) {
    Inject(CheckOf(viewer.peer, viewer_tools, controlling), from);
  }
  ViewerEnd other;
};

TEST_CASE("lane: recorded checks from many ports keep no camera dark") {
  Watched world;
  std::vector<ByteVector> recorded;
  for (std::size_t i = 0; i < peer::kRememberedTransactions + 50; ++i) {
    recorded.push_back(CheckOf(world.camera.peer, world.camera_tools));
    world.Inject(recorded.back(), world.camera.peer.address());
  }
  for (std::size_t i = 0; i < recorded.size(); ++i) {
    world.Inject(recorded[i], Host(66, static_cast<std::uint16_t>(1000 + i % peer::kMaxPairs)));
  }
  world.Film(world.camera, milliseconds{200});
  CHECK(world.viewer.Pictures().size() == world.camera.pictures);
}

TEST_CASE("lane: a session that nominates another's address before that connects does not keep it out") {
  Watched world;
  world.Inject(CheckOf(world.viewer.peer, world.viewer_tools), Host(4));
  ViewerEnd late(world.viewer_tools, Host(4));
  auto replies = world.View(late);
  REQUIRE(world.Find<wire::ViewerAnswer>(replies));
  world.Connect(late.peer);
  world.Film(world.camera, milliseconds{400});
  CHECK(late.Pictures().size() == world.camera.pictures);
}

TEST_CASE("lane: a session does not take the address of one that is connected") {
  Joining world;
  world.ConnectOther();
  const std::uint64_t before = world.lane->drops().of(DropReason::kUnknownPeer);
  world.Claim(Host(4));
  world.Claim(world.camera.peer.address());
  CHECK(world.lane->drops().of(DropReason::kUnknownPeer) == before + 2);
  world.CheckOtherSees();
}

TEST_CASE("lane: a session does not take the address of one that is connecting") {
  Joining world;
  world.Claim(Host(4));
  world.ConnectOther();
  world.CheckOtherSees();
}

TEST_CASE("lane: a check that is refused takes nobody's address") {
  Joining world;
  world.Claim(Host(4), false);
  world.ConnectOther();
  world.CheckOtherSees();
}

TEST_CASE("lane: one check, repeated, keeps no connecting peer out") {
  Joining world;
  const ByteVector one = CheckOf(world.viewer.peer, world.viewer_tools);
  world.other.peer.no_dtls = false;
  for (int i = 0; i < 100; ++i) {
    world.Inject(one, Host(4));
    world.Film(world.camera, milliseconds{40});
  }
  CHECK_FALSE(world.other.Pictures().empty());
}

TEST_CASE("lane: what anybody writes during a handshake undoes no hold") {
  Joining world;
  world.Inject(CheckOf(world.other.peer, world.viewer_tools), Host(5));  // its own second address
  world.Inject(CheckOf(world.other.peer, world.viewer_tools), Host(4));
  world.Inject(ByteVector{20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0}, Host(5));
  world.ConnectOther();
  const std::uint64_t before = world.lane->drops().of(DropReason::kUnknownPeer);
  world.Claim(Host(4));
  CHECK(world.lane->drops().of(DropReason::kUnknownPeer) == before + 1);
}

TEST_CASE("lane: a camera that roamed keeps its new path") {
  Watched world;
  const ByteVector one = CheckOf(world.viewer.peer, world.viewer_tools);
  world.Inject(CheckOf(world.camera.peer, world.camera_tools), Host(7));
  const std::size_t seen = world.viewer.Pictures().size();
  for (int i = 0; i < 50; ++i) {
    world.camera.SendPicture(i % 10 == 0, 3000, world.now);
    std::deque<ByteVector> out;
    out.swap(world.camera.peer.out);
    if (i > 0) world.Inject(one, Host(7));
    for (const ByteVector& datagram : out) world.Inject(datagram, Host(7));
    world.Advance(milliseconds{40});
  }
  CHECK(world.viewer.Pictures().size() > seen + 40);
}

TEST_CASE("lane: reports under ever new SSRCs end no camera") {
  Watched world;
  (void)world.TakeMessages();
  for (std::uint32_t i = 0; i < 30; ++i) {
    std::array<std::uint8_t, 100> bytes{};
    ByteWriter writer(bytes);
    wire::WriteReceiverReport(0x5000 + i, {}, writer);
    wire::WriteSdesCname(0x5000 + i, "x", writer);
    world.camera.peer.SendRtcp(writer.Written());
    world.Film(world.camera, milliseconds{200});
  }
  auto messages = world.TakeMessages();
  CHECK_FALSE(world.Find<wire::SessionEnded>(messages));
}

TEST_CASE("lane: what came to an address that the lane does not name is nobody's") {
  Watched world;
  ByteVector check = CheckOf(world.viewer.peer, world.viewer_tools);
  SocketAddress elsewhere = kHub;
  elsewhere.ip = IpAddress::V4({192, 0, 2, 254});
  const std::array<ReceivedDatagram, 1> one{ReceivedDatagram{world.viewer.peer.address(), elsewhere, check}};
  const std::size_t sent = world.datagrams;
  const std::uint64_t before = world.lane->drops().of(DropReason::kUnknownPeer);
  world.lane->HandleDatagrams(one, world.now, world.wall);
  CHECK(world.lane->datagrams().empty());
  CHECK(world.datagrams == sent);
  CHECK(world.lane->drops().of(DropReason::kUnknownPeer) == before + 1);
}

}  // namespace
}  // namespace latchkey::lane::test
