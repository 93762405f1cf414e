// A home with one camera more, whose key the hub made.
#pragma once

#include <string>

#include "tests/unit/keeper/house.h"

namespace latchkey::keeper {

using Digest = std::array<std::uint8_t, 32>;

inline Digest Filled(std::uint8_t fill) {
  Digest digest{};
  digest.fill(fill);
  return digest;
}

inline NewCamera SdesCamera(const std::string& name) {
  NewCamera camera;
  camera.name = name;
  camera.sdes = true;
  return camera;
}

// A home with one more camera, which was added with SDES.
struct SdesHome : Home {
  SdesHome() {
    auto added = house.owner().AddCamera(SdesCamera("Gate"), house.wall);
    REQUIRE(added.has_value());
    gate.id = added->id;
    gate.token = std::move(added->token);
    gate.sdes_key = std::move(added->sdes_key);
    house.Settle();
    house.StartLane(gate.id);
  }
  std::optional<wire::SdesBegin> Begun() { return house.ToLane<wire::SdesBegin>(gate.id); }
  void Show(CameraId id, SessionId session, wire::Keying keying, const Digest& stream) {
    wire::KeyShown shown;
    shown.session = session;
    shown.keying = keying;
    if (keying == wire::Keying::kDtls) shown.public_key = Filled(0xd7);
    shown.stream_key = stream;
    house.Lane(id, std::move(shown));
  }
  // As the lane makes it of what SdesBegin brought.
  Digest DigestOf(const ports::SdesKey& key) {
    return ports::DigestOfMasterKey(house.crypto, key.Reveal().first(16));
  }
  Digest Own() { return DigestOf(*gate.sdes_key); }
  // The session that stands now, admitted.
  SessionId Admit() {
    const auto begin = Begun();
    REQUIRE(begin);
    Show(gate.id, begin->session, wire::Keying::kEnrolled, DigestOf(begin->key));
    const auto admitted = house.ToLane<wire::KeyAdmitted>(gate.id);
    REQUIRE(admitted);
    CHECK(admitted->session == begin->session);
    return begin->session;
  }
  void Want(SessionId session, std::uint32_t ssrc, std::uint64_t up_to) {
    wire::IndexWanted wanted;
    wanted.session = session;
    wanted.ssrc = ssrc;
    wanted.up_to = up_to;
    house.Lane(gate.id, wanted);
  }
  [[nodiscard]] const ports::CameraRecord& Record() const { return *house.registry->FindCamera(gate.id); }
  Enrolled<CameraId> gate;
};

}  // namespace latchkey::keeper
