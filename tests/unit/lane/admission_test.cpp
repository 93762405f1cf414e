// A camera's key counts when the keeper has vouched for it, and for nothing before.
#include <algorithm>

#include "daemon/peer/transport.h"
#include "tests/support/catch.h"
#include "tests/unit/lane/world.h"

namespace latchkey::lane::test {
namespace {

// A camera whose handshake is over, as far as the lane is concerned.
struct Shown : World {
  Shown() : camera(camera_tools, Host(2), 0xCA1) {
    vouches = false;
    auto replies = Publish(camera);
    REQUIRE(Find<wire::PublishAnswer>(replies));
    Advance(milliseconds{500});
    auto messages = TakeMessages();
    auto found = Find<wire::KeyShown>(messages);
    REQUIRE(found);
    shown = std::move(*found);
    REQUIRE(std::count_if(messages.begin(), messages.end(),
                          [](const auto& m) { return std::holds_alternative<wire::KeyShown>(m); }) == 1);
  }
  std::vector<wire::LaneToKeeper> Vouch(const SessionId& session,
                                        const std::array<std::uint8_t, 32>& stream_key) {
    wire::KeyAdmitted admitted;
    admitted.session = session;
    admitted.stream_key = stream_key;
    return Tell(admitted);
  }
  Camera camera;
  wire::KeyShown shown;
};

TEST_CASE("admission: a camera is connected when its key was vouched for, and not before") {
  Shown world;
  CHECK(world.shown.session == world.camera_session);
  CHECK_FALSE(world.camera.peer.connected());
  world.Advance(seconds{3});
  CHECK_FALSE(world.camera.peer.connected());
  auto replies = world.Vouch(world.camera_session, world.shown.stream_key);
  CHECK_FALSE(world.Find<wire::SessionEnded>(replies));
  world.Connect(world.camera.peer);
  world.Film(world.camera, seconds{1});
  CHECK(world.status.frames_in > 10);
  CHECK(world.status.state == wire::CameraState::kLive);
}

TEST_CASE("admission: the word for another key, one bit apart too, ends the session") {
  for (const std::size_t byte : {std::size_t{0}, std::size_t{31}}) {
    Shown world;
    auto other = world.shown.stream_key;
    other[byte] ^= 1U;
    auto replies = world.Vouch(world.camera_session, other);
    const auto ended = world.Find<wire::SessionEnded>(replies);
    REQUIRE(ended);
    CHECK(ended->reason == wire::SessionEndReason::kKeyRefused);
    CHECK(ended->session == world.camera_session);
  }
}

TEST_CASE("admission: the word for another session is not this one's") {
  Shown world;
  (void)world.Vouch(world.hub.entropy.MakeId<SessionId>(), world.shown.stream_key);
  world.Advance(seconds{1});
  CHECK_FALSE(world.camera.peer.connected());
}

TEST_CASE("admission: a second word changes nothing") {
  Shown world;
  (void)world.Vouch(world.camera_session, world.shown.stream_key);
  world.Connect(world.camera.peer);
  auto replies = world.Vouch(world.camera_session, {});
  CHECK_FALSE(world.Find<wire::SessionEnded>(replies));
  world.Film(world.camera, milliseconds{400});
  CHECK(world.camera.peer.connected());
}

TEST_CASE("admission: a key for which nobody vouches ends with the handshake's time") {
  Shown world;
  world.Advance(peer::Transport::kHandshakeLimit);
  auto messages = world.TakeMessages();
  const auto ended = world.Find<wire::SessionEnded>(messages);
  REQUIRE(ended);
  CHECK(ended->reason == wire::SessionEndReason::kHandshakeTimeout);
  CHECK_FALSE(world.Find<wire::KeyShown>(messages));
}

TEST_CASE("admission: each session shows another key under the same certificate") {
  Shown world;
  const wire::KeyShown first = world.shown;
  (void)world.Vouch(world.camera_session, first.stream_key);
  world.Connect(world.camera.peer);
  world.Advance(seconds{10});
  Camera again(world.camera_tools, Host(2, 50001), 0xCA1);
  auto replies = world.Publish(again);
  REQUIRE(world.Find<wire::PublishAnswer>(replies));
  world.Advance(milliseconds{500});
  auto messages = world.TakeMessages();
  const auto second = world.Find<wire::KeyShown>(messages);
  REQUIRE(second);
  CHECK(second->session == world.camera_session);
  CHECK(second->public_key == first.public_key);
  CHECK(second->stream_key != first.stream_key);
}

TEST_CASE("admission: the SSRCs that a camera sends under are told as they change") {
  Shown world;
  (void)world.Vouch(world.camera_session, world.shown.stream_key);
  world.Connect(world.camera.peer);
  world.Film(world.camera, milliseconds{400});
  auto messages = world.TakeMessages();
  CHECK_FALSE(world.Find<wire::SourcesSeen>(messages));
  world.camera.ChangeSsrc();
  for (int i = 0; i < 20; ++i) {
    world.Film(world.camera, milliseconds{40});
    auto told = world.TakeMessages();
    if (world.Find<wire::EpochWanted>(told)) {
      wire::EpochBegin begin;
      begin.epoch = world.epoch = world.epoch.Next();
      world.hub.entropy.Fill(begin.content_key.RevealForWriting());
      told = world.Tell(std::move(begin));
    }
    messages.insert(messages.end(), std::make_move_iterator(told.begin()),
                    std::make_move_iterator(told.end()));
  }
  const auto seen = world.Find<wire::SourcesSeen>(messages);
  REQUIRE(seen);
  CHECK(seen->session == world.camera_session);
  const auto& before = world.shown.sources.items();
  const auto& after = seen->sources.items();
  REQUIRE_FALSE(after.empty());
  CHECK(std::find(before.begin(), before.end(), after.front()) == before.end());
}

}  // namespace
}  // namespace latchkey::lane::test
