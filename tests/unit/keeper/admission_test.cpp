// Whether a camera's key is admitted: by its certificate, by what other cameras have, by what was used
// before.
#include <algorithm>

#include "tests/unit/keeper/house.h"

namespace latchkey::keeper {
namespace {

using Digest = std::array<std::uint8_t, 32>;

Digest Filled(std::uint8_t fill) {
  Digest digest{};
  digest.fill(fill);
  return digest;
}

struct Keys {
  std::uint8_t certificate = 1;
  std::uint8_t stream = 1;
  std::vector<std::uint32_t> sources;
};

struct Admissions : Home {
  Admissions() { house.ForgetMessages(); }
  // The lane says what the camera's session showed.
  void Show(CameraId id, SessionId session, const Keys& keys) {
    wire::KeyShown shown;
    shown.session = session;
    shown.public_key = Filled(keys.certificate);
    shown.stream_key = Filled(keys.stream);
    for (const std::uint32_t ssrc : keys.sources) REQUIRE(shown.sources.TryPush(ssrc));
    house.Lane(id, std::move(shown));
  }
  // A new session with these keys: whether it is admitted, by its own key.
  bool Admits(const Enrolled<CameraId>& who, const Keys& keys) {
    const SessionId session = house.Publish(who);
    Show(who.id, session, keys);
    const auto admitted = house.ToLane<wire::KeyAdmitted>(who.id);
    if (!admitted) {
      const auto end = house.ToLane<wire::SessionEnd>(who.id);
      CHECK(end.has_value());
      if (end) CHECK(end->session == session);
      return false;
    }
    CHECK(admitted->session == session);
    CHECK(admitted->stream_key == Filled(keys.stream));
    return true;
  }
  // Whether the hub's log got a line with these words since the last question.
  [[nodiscard]] bool Told(std::string_view words) {
    bool told = false;
    while (const auto notice = house.Effect<keeper::Notice>())
      told |= notice->text.find(words) != std::string::npos;
    return told;
  }
  [[nodiscard]] bool Suspended(const Enrolled<CameraId>& who) const {
    return house.registry->SuspensionOf(who.id) != nullptr;
  }
  [[nodiscard]] const ports::CameraRecord& Record(const Enrolled<CameraId>& who) const {
    return *house.registry->FindCamera(who.id);
  }
  // The keeper and its registry, from what is on disk.
  void Restart() {
    house.StartKeeper();
    house.StartFront();
    house.StartLane(camera.id);
    house.StartLane(other_camera.id);
  }
};

TEST_CASE(
    "admission: a camera's fresh key is admitted, session by session, under any certificate of its own") {
  Admissions home;
  CHECK(home.Admits(home.camera, {1, 1, {}}));
  CHECK(home.Admits(home.camera, {1, 2, {}}));
  CHECK(home.Admits(home.camera, {2, 3, {}}));
  CHECK(home.Admits(home.other_camera, {3, 4, {}}));
  CHECK(home.house.keeper->counters().keys_admitted == 4);
  CHECK_FALSE(home.Suspended(home.camera));
}

TEST_CASE("admission: a stream key of another camera suspends both, and says which they are") {
  Admissions home;
  REQUIRE(home.Admits(home.camera, {1, 1, {}}));
  CHECK_FALSE(home.Admits(home.other_camera, {2, 1, {}}));
  CHECK(home.Suspended(home.camera));
  CHECK(home.Suspended(home.other_camera));
  const auto* first = home.house.registry->SuspensionOf(home.camera.id);
  const auto* second = home.house.registry->SuspensionOf(home.other_camera.id);
  CHECK(first->reason.find(home.other_camera.id.ToHex()) != std::string::npos);
  CHECK(second->reason.find(home.camera.id.ToHex()) != std::string::npos);
  CHECK(first->automatic);
  CHECK(home.house.ToLane<wire::Suspend>(home.camera.id));
  CHECK(home.house.ToLane<wire::Suspend>(home.other_camera.id));
}

TEST_CASE("admission: a key is used once, also by its own camera, also after a restart of the hub") {
  Admissions home;
  REQUIRE(home.Admits(home.camera, {1, 1, {}}));
  CHECK_FALSE(home.Admits(home.camera, {1, 1, {}}));
  CHECK(home.Told("its key was used before"));
  CHECK_FALSE(home.Suspended(home.camera));
  home.Restart();
  CHECK_FALSE(home.Admits(home.camera, {1, 1, {}}));
  CHECK(home.Told("its key was used before"));
  CHECK(home.Admits(home.camera, {1, 2, {}}));
  CHECK_FALSE(home.Admits(home.other_camera, {2, 2, {}}));
  CHECK(home.Suspended(home.camera));
}

TEST_CASE("admission: the key of a camera that is gone is nobody's") {
  Admissions home;
  REQUIRE(home.Admits(home.camera, {1, 1, {}}));
  REQUIRE(home.house.owner().RemoveCamera(home.camera.id));
  home.house.Settle();
  CHECK_FALSE(home.Admits(home.other_camera, {2, 1, {}}));
  CHECK_FALSE(home.Suspended(home.other_camera));
}

TEST_CASE("admission: a certificate that another camera showed last, or is pinned to, suspends both") {
  Admissions home;
  SECTION("shown") {
    REQUIRE(home.Admits(home.camera, {1, 1, {}}));
  }
  SECTION("pinned") {
    REQUIRE(home.house.owner().PinCamera(home.camera.id, ports::PinState::kConfirmed, Filled(1)));
  }
  SECTION("shown before a restart") {
    REQUIRE(home.Admits(home.camera, {1, 1, {}}));
    home.Restart();
  }
  CHECK_FALSE(home.Admits(home.other_camera, {1, 2, {}}));
  CHECK(home.Suspended(home.camera));
  CHECK(home.Suspended(home.other_camera));
}

TEST_CASE("admission: another certificate than the pinned one is refused, and the page says so") {
  Admissions home;
  REQUIRE(home.house.owner().PinCamera(home.camera.id, ports::PinState::kConfirmed, Filled(7)));
  CHECK_FALSE(home.Admits(home.camera, {1, 1, {}}));
  CHECK_FALSE(home.Suspended(home.camera));
  wire::LaneStatus offline;
  offline.reason = wire::UnavailableReason::kCameraOffline;
  home.house.Lane(home.camera.id, offline);
  CHECK(home.house.owner().Cameras(home.house.now).front().reason == wire::UnavailableReason::kKeyRefused);
  home.house.ForgetMessages();
  home.house.Front(home.house.ViewRequest(home.camera.id, home.viewer.token));
  const auto refused = home.house.ToFront<wire::Refused>();
  REQUIRE(refused);
  CHECK(refused->http_status == 503);
  CHECK(refused->detail.str().find("refused the camera's key") != std::string::npos);
  // The refused key is not used up: it never counted.
  CHECK(home.Admits(home.camera, {7, 1, {}}));
  home.house.Lane(home.camera.id, offline);
  CHECK(home.house.owner().Cameras(home.house.now).front().reason == wire::UnavailableReason::kCameraOffline);
}

TEST_CASE("admission: a pin of first use holds from the first session on, until its owner says otherwise") {
  Admissions home;
  REQUIRE(home.house.owner().PinCamera(home.camera.id, ports::PinState::kAwaited, std::nullopt));
  CHECK(Failure(home.house.owner().ConfirmPin(home.camera.id)) == ErrorCode::kInvalid);
  REQUIRE(home.Admits(home.camera, {5, 1, {}}));
  CHECK(home.Record(home.camera).pin_state == ports::PinState::kFirstUse);
  CHECK(home.Record(home.camera).pin == Filled(5));
  CHECK_FALSE(home.Admits(home.camera, {6, 2, {}}));
  home.Restart();
  CHECK_FALSE(home.Admits(home.camera, {6, 3, {}}));
  REQUIRE(home.house.owner().ConfirmPin(home.camera.id));
  CHECK(home.Record(home.camera).pin_state == ports::PinState::kConfirmed);
  CHECK(home.Admits(home.camera, {5, 4, {}}));
  REQUIRE(home.house.owner().PinCamera(home.camera.id, ports::PinState::kNone, std::nullopt));
  CHECK(home.Admits(home.camera, {6, 5, {}}));
}

TEST_CASE("admission: a pin that the running session does not have ends it") {
  Admissions home;
  REQUIRE(home.Admits(home.camera, {1, 1, {}}));
  REQUIRE(home.house.owner().PinCamera(home.camera.id, ports::PinState::kConfirmed, Filled(1)));
  home.house.Settle();
  CHECK_FALSE(home.house.ToLane<wire::SessionEnd>(home.camera.id));
  REQUIRE(home.house.owner().PinCamera(home.camera.id, ports::PinState::kConfirmed, Filled(2)));
  home.house.Settle();
  CHECK(home.house.ToLane<wire::SessionEnd>(home.camera.id));
}

TEST_CASE("admission: two cameras never have one pin, and one that another camera shows is taken") {
  Admissions home;
  REQUIRE(home.Admits(home.camera, {1, 1, {}}));
  const auto pin = [&](std::uint8_t fill) {
    return Failure(
        home.house.owner().PinCamera(home.other_camera.id, ports::PinState::kConfirmed, Filled(fill)));
  };
  CHECK(pin(1) == ErrorCode::kConflict);
  CHECK_FALSE(pin(2));
  CHECK(Failure(home.house.owner().PinCamera(home.camera.id, ports::PinState::kConfirmed, Filled(2))) ==
        ErrorCode::kConflict);
}

TEST_CASE("admission: an SSRC that another camera sends under costs the newcomer its session alone") {
  Admissions home;
  REQUIRE(home.Admits(home.camera, {1, 1, {10, 11}}));
  CHECK_FALSE(home.Admits(home.other_camera, {2, 2, {12, 11}}));
  CHECK_FALSE(home.Suspended(home.camera));
  CHECK_FALSE(home.Suspended(home.other_camera));
  // Declared by nobody, shown by packets.
  const SessionId session = home.house.Publish(home.other_camera);
  home.Show(home.other_camera.id, session, {2, 3, {}});
  REQUIRE(home.house.ToLane<wire::KeyAdmitted>(home.other_camera.id));
  wire::SourcesSeen seen;
  seen.session = session;
  REQUIRE(seen.sources.TryPush(12));
  home.house.Lane(home.other_camera.id, seen);
  CHECK_FALSE(home.house.ToLane<wire::SessionEnd>(home.other_camera.id));
  REQUIRE(seen.sources.TryPush(10));
  home.house.Lane(home.other_camera.id, seen);
  CHECK(home.house.ToLane<wire::SessionEnd>(home.other_camera.id));
  // And free again when the camera is gone.
  home.house.EndLane(home.camera.id);
  home.house.StartLane(home.camera.id);
  CHECK(home.Admits(home.other_camera, {2, 4, {10}}));
}

TEST_CASE("admission: what can't be written down is not admitted") {
  Admissions home;
  REQUIRE(home.house.owner().PinCamera(home.other_camera.id, ports::PinState::kAwaited, std::nullopt));
  const SessionId session = home.house.Publish(home.camera);
  const SessionId awaited = home.house.Publish(home.other_camera);
  home.house.store.failing = true;
  home.Show(home.camera.id, session, {1, 1, {}});
  CHECK_FALSE(home.house.ToLane<wire::KeyAdmitted>(home.camera.id));
  CHECK(home.house.ToLane<wire::SessionEnd>(home.camera.id));
  home.Show(home.other_camera.id, awaited, {2, 2, {}});
  CHECK_FALSE(home.house.ToLane<wire::KeyAdmitted>(home.other_camera.id));
  CHECK_FALSE(home.Record(home.other_camera).pin);
  home.house.store.failing = false;
  CHECK(home.Admits(home.camera, {1, 1, {}}));
}

TEST_CASE("admission: a key shown for a session that is over, or twice, admits nothing") {
  Admissions home;
  const SessionId before = home.house.Publish(home.camera);
  const SessionId session = home.house.Publish(home.camera);
  home.Show(home.camera.id, before, {1, 1, {}});
  CHECK_FALSE(home.house.ToLane<wire::KeyAdmitted>(home.camera.id));
  home.Show(home.camera.id, session, {1, 1, {}});
  CHECK(home.house.ToLane<wire::KeyAdmitted>(home.camera.id));
  home.Show(home.camera.id, session, {1, 2, {}});
  CHECK_FALSE(home.house.ToLane<wire::KeyAdmitted>(home.camera.id));
  CHECK(home.house.Effect<EndLane>());
}

TEST_CASE("admission: a lane that has packets under a key that nobody admitted is ended") {
  Admissions home;
  wire::SourcesSeen seen;
  seen.session = home.house.Publish(home.camera);
  home.house.Lane(home.camera.id, seen);
  CHECK(home.house.Effect<EndLane>());
}

TEST_CASE("admission: a change of owner forgets pin and certificate, and no used key") {
  Admissions home;
  REQUIRE(home.house.owner().PinCamera(home.camera.id, ports::PinState::kConfirmed, Filled(1)));
  REQUIRE(home.Admits(home.camera, {1, 1, {}}));
  const auto token = home.house.owner().TransferCamera(home.camera.id, home.house.now, home.house.wall);
  REQUIRE(token.has_value());
  home.house.Settle();
  home.camera.token = token->token.Duplicate();
  home.house.ForgetMessages();
  CHECK_FALSE(home.Admits(home.camera, {2, 1, {}}));
  CHECK(home.Admits(home.camera, {2, 2, {}}));
}

TEST_CASE("registry: another secret than the one that its keys were noted under is refused") {
  Admissions home;
  Secret32 other;
  other.RevealForWriting()[0] = 1;
  const auto loaded = Registry::Load(home.house.store, home.house.crypto, home.house.entropy, other);
  CHECK(Failure(loaded) == ErrorCode::kConflict);
  CHECK(Registry::Load(home.house.store, home.house.crypto, home.house.entropy, home.house.secret));
}

}  // namespace
}  // namespace latchkey::keeper
