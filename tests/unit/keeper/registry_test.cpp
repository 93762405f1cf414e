#include "daemon/keeper/registry.h"

#include <algorithm>
#include <set>

#include "tests/unit/keeper/house.h"

namespace latchkey::keeper {

TEST_CASE("registry: a token is kept as its SHA-256 alone, and found by that exactly") {
  House house;
  const auto camera = house.Camera("One");
  const auto viewer = house.Viewer("Anna");
  const auto& record = house.store.state.cameras.at(0);
  CHECK_FALSE(std::equal(record.token.begin(), record.token.end(), camera.token.Reveal().begin()));
  CHECK(record.token == house.crypto.Sha256(camera.token.Reveal()));
  auto digest = access::DigestOf(house.crypto, camera.token);
  CHECK(house.registry->OwnerOf(digest) == TokenOwner(camera.id));
  CHECK(house.registry->OwnerOf(access::DigestOf(house.crypto, viewer.token)) == TokenOwner(viewer.id));
  digest[31] = static_cast<std::uint8_t>(digest[31] ^ 1U);
  CHECK_FALSE(house.registry->OwnerOf(digest).has_value());
  CHECK_FALSE(house.registry->OwnerOf({}).has_value());
}

TEST_CASE("registry: ids and tokens are all different, across kinds") {
  House house;
  std::set<std::array<std::uint8_t, 16>> ids;
  for (int i = 0; i < 40; ++i) {
    const auto camera = house.Camera("C" + std::to_string(i));
    const auto viewer = house.Viewer("V" + std::to_string(i));
    ids.insert(camera.id.bytes());
    ids.insert(viewer.id.bytes());
    ids.insert(house.Grant(viewer.id, camera.id).bytes());
  }
  CHECK(ids.size() == 120);
  CHECK(house.registry->IsConsistent());
}

TEST_CASE("registry: an id that comes twice is refused, and nothing is added") {
  House house;
  const auto viewer = house.Viewer("Anna");
  const auto camera = house.Camera("One");
  const GrantId grant = house.Grant(viewer.id, camera.id);
  (void)grant;
  house.entropy.RepeatOnce();  // the last 16 bytes drawn were the grant's id
  const auto again = house.owner().AddGrant({viewer.id, camera.id, 1, house.wall, ports::kNoEnd}, house.wall);
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error().code == ErrorCode::kConflict);
  CHECK(house.registry->grants().size() == 1);
  CHECK(house.store.state.grants.size() == 1);
}

TEST_CASE("registry: cameras, viewers, grants and suspensions share one name space") {
  House house;
  const auto camera = house.Camera("One");
  const auto viewer = house.Viewer("Anna");
  const GrantId grant = house.Grant(viewer.id, camera.id);
  const NewSuspension order{ports::SuspensionScope::kModel, {}, "X", "why", false};
  const auto suspension = house.registry->Suspend(order, house.wall);
  REQUIRE(suspension.has_value());
  for (const auto& taken : {camera.id.bytes(), viewer.id.bytes(), grant.bytes(), suspension->id.bytes()}) {
    house.entropy.GiveOnce(taken);
    CHECK(Failure(house.owner().AddCamera({"C", "", std::nullopt, false}, house.wall)) ==
          ErrorCode::kConflict);
    house.entropy.GiveOnce(taken);
    CHECK(Failure(house.owner().AddViewer("V", house.wall)) == ErrorCode::kConflict);
    house.entropy.GiveOnce(taken);
    CHECK(Failure(house.owner().AddGrant({viewer.id, camera.id, 1, house.wall, ports::kNoEnd}, house.wall)) ==
          ErrorCode::kConflict);
    house.entropy.GiveOnce(taken);
    CHECK(Failure(house.registry->Suspend(order, house.wall)) == ErrorCode::kConflict);
  }
  CHECK(house.registry->cameras().size() == 1);
  CHECK(house.registry->viewers().size() == 1);
  CHECK(house.registry->grants().size() == 1);
  CHECK(house.registry->suspensions().size() == 1);
}

TEST_CASE("registry: a token that comes twice is refused, whoever has it, and nothing is changed") {
  House house;
  const auto camera = house.Camera("One");
  const auto other = house.Camera("Two");
  const auto viewer = house.Viewer("Anna");
  for (const Secret32* taken : {&camera.token, &viewer.token}) {
    house.entropy.GiveOnce(taken->Reveal());
    CHECK(Failure(house.owner().AddCamera({"C", "", std::nullopt, false}, house.wall)) ==
          ErrorCode::kConflict);
    house.entropy.GiveOnce(taken->Reveal());
    CHECK(Failure(house.owner().AddViewer("V", house.wall)) == ErrorCode::kConflict);
    house.entropy.GiveOnce(taken->Reveal());
    CHECK(Failure(house.owner().RotateCamera(other.id, house.now, house.wall)) == ErrorCode::kConflict);
    house.entropy.GiveOnce(taken->Reveal());
    CHECK(Failure(house.owner().TransferCamera(other.id, house.now, house.wall)) == ErrorCode::kConflict);
  }
  CHECK(house.registry->cameras().size() == 2);
  CHECK(house.registry->viewers().size() == 1);
  CHECK(house.registry->OwnerOf(access::DigestOf(house.crypto, other.token)) == TokenOwner(other.id));
}

TEST_CASE("registry: no two cameras and no two viewers have one name; a camera and a viewer may") {
  House house;
  const auto one = house.Camera("Garden");
  const auto viewer = house.Viewer("Garden");
  const int writes = house.store.writes;
  const auto again = house.owner().AddCamera({"Garden", "", std::nullopt, false}, house.wall);
  REQUIRE(Failure(again) == ErrorCode::kConflict);
  CHECK(again.error().message.find(one.id.ToHex()) != std::string::npos);
  CHECK(Failure(house.owner().AddViewer("Garden", house.wall)) == ErrorCode::kConflict);
  CHECK(house.store.writes == writes);
  const auto two = house.Camera("garden");
  CHECK(Failure(house.owner().RenameCamera(two.id, "Garden")) == ErrorCode::kConflict);
  CHECK(house.registry->FindCamera(two.id)->name == "garden");
  CHECK(house.owner().RenameCamera(one.id, "Garden").has_value());
  REQUIRE(house.owner().RenameCamera(one.id, "Gard").has_value());
  CHECK(house.owner().RenameCamera(two.id, "Garden").has_value());
  // A name is free again when its bearer is gone.
  REQUIRE(house.owner().RemoveViewer(viewer.id, house.wall).has_value());
  CHECK(house.owner().AddViewer("Garden", house.wall).has_value());
}

TEST_CASE("registry: names that come twice in a registry of old are believed") {
  House house;
  house.Camera("Garden");
  const auto two = house.Camera("Garten");
  for (auto& camera : house.store.state.cameras) camera.name = "Garden";
  const auto loaded = Registry::Load(house.store, house.crypto, house.entropy, house.secret);
  REQUIRE(loaded.has_value());
  CHECK((*loaded)->RenameCamera(two.id, "Garten").has_value());
}

TEST_CASE("registry: the same grant twice is refused with the id of the first, and changes nothing") {
  House house;
  const auto camera = house.Camera("Garden");
  const auto viewer = house.Viewer("Anna");
  const NewGrant grant{viewer.id, camera.id, 3, house.wall, house.wall + hours(24)};
  const auto first = house.owner().AddGrant(grant, house.wall);
  REQUIRE(first.has_value());
  const int writes = house.store.writes;
  for (const Duration later : {Duration(), Duration(seconds(600))}) {
    NewGrant same = grant;
    same.not_before += later;
    const auto again = house.owner().AddGrant(same, house.wall);
    REQUIRE(Failure(again) == ErrorCode::kConflict);
    CHECK(again.error().message.find(first->ToHex()) != std::string::npos);
  }
  CHECK(house.store.writes == writes);
  NewGrant other = grant;
  other.rights = 1;
  CHECK(house.owner().AddGrant(other, house.wall).has_value());
  other = grant;
  other.not_after += seconds(1);
  CHECK(house.owner().AddGrant(other, house.wall).has_value());
  other = grant;
  other.not_before -= seconds(1);
  CHECK(house.owner().AddGrant(other, house.wall).has_value());
  CHECK(house.registry->grants().size() == 4);
}

TEST_CASE("registry: two cameras never have one pin, and a change of owner lets it go") {
  House house;
  NewCamera camera{"One", "", ports::KeyPin{1}, false};
  const auto one = house.owner().AddCamera(camera, house.wall);
  REQUIRE(one.has_value());
  camera.name = "Two";
  CHECK(Failure(house.owner().AddCamera(camera, house.wall)) == ErrorCode::kConflict);
  REQUIRE(house.owner().TransferCamera(one->id, house.now, house.wall).has_value());
  CHECK(house.owner().AddCamera(camera, house.wall).has_value());
}

TEST_CASE("registry: at each limit one more is refused and the rest stays") {
  House house;
  for (std::size_t i = 0; i < kMaxCameras; ++i) house.Camera("C" + std::to_string(i));
  CHECK(Failure(house.owner().AddCamera({"C", "", std::nullopt, false}, house.wall)) == ErrorCode::kLimit);
  CHECK(house.registry->cameras().size() == kMaxCameras);
  for (std::size_t i = 0; i < kMaxViewers; ++i)
    REQUIRE(house.registry->AddViewer("V" + std::to_string(i), house.wall).has_value());
  CHECK(Failure(house.owner().AddViewer("V", house.wall)) == ErrorCode::kLimit);
  const ViewerId viewer = house.registry->viewers()[0].id;
  const CameraId camera = house.registry->cameras()[0].id;
  for (std::size_t i = 0; i < kMaxGrants; ++i) {
    const WallTime end = house.wall + seconds(i + 1);
    REQUIRE(house.registry->AddGrant({viewer, camera, 1, house.wall, end}, house.wall).has_value());
  }
  CHECK(Failure(house.registry->AddGrant({viewer, camera, 1, house.wall, ports::kNoEnd}, house.wall)) ==
        ErrorCode::kLimit);
  NewSuspension order{ports::SuspensionScope::kModel, {}, "X", "why", false};
  for (std::size_t i = 0; i < kMaxSuspensions; ++i)
    REQUIRE(house.registry->Suspend(order, house.wall).has_value());
  CHECK(Failure(house.registry->Suspend(order, house.wall)) == ErrorCode::kLimit);
  // The hub's own always finds room.
  order.automatic = true;
  CHECK(house.registry->Suspend(order, house.wall).has_value());
}

TEST_CASE("registry: what the disk refuses has not happened") {
  House house;
  const auto camera = house.Camera("One");
  const auto viewer = house.Viewer("Anna");
  const GrantId grant = house.Grant(viewer.id, camera.id);
  house.store.failing = true;
  CHECK_FALSE(house.owner().AddCamera({"Two", "", std::nullopt, false}, house.wall).has_value());
  CHECK_FALSE(house.owner().AddViewer("Ben", house.wall).has_value());
  CHECK_FALSE(house.owner().RenameCamera(camera.id, "Other").has_value());
  CHECK_FALSE(house.owner().RemoveCamera(camera.id).has_value());
  CHECK_FALSE(house.owner().RotateCamera(camera.id, house.now, house.wall).has_value());
  CHECK_FALSE(house.owner().TransferCamera(camera.id, house.now, house.wall).has_value());
  CHECK_FALSE(house.owner().RotateViewer(viewer.id).has_value());
  CHECK_FALSE(house.owner().RemoveViewer(viewer.id, house.wall).has_value());
  CHECK_FALSE(house.owner().RevokeGrant(grant, house.wall).has_value());
  CHECK_FALSE(house.registry->NextEpoch(camera.id).has_value());
  CHECK(house.registry->cameras().size() == 1);
  CHECK(house.registry->cameras()[0].name == "One");
  CHECK(house.registry->viewers().size() == 1);
  CHECK(house.registry->grants().size() == 1);
  CHECK(house.registry->OwnerOf(access::DigestOf(house.crypto, camera.token)) == TokenOwner(camera.id));
  CHECK(house.registry->OwnerOf(access::DigestOf(house.crypto, viewer.token)) == TokenOwner(viewer.id));
  CHECK(house.registry->IsConsistent());
}

TEST_CASE("registry: an epoch is never given twice, over restarts and crashes too") {
  House house;
  const auto camera = house.Camera("One");
  std::set<std::uint64_t> seen;
  for (int start = 0; start < 5; ++start) {
    const auto registry = Registry::Load(house.store, house.crypto, house.entropy, house.secret);
    REQUIRE(registry.has_value());
    const int writes = house.store.writes;
    for (int i = 0; i < 40; ++i) {
      const auto epoch = (*registry)->NextEpoch(camera.id);
      REQUIRE(epoch.has_value());
      CHECK(epoch->value > 0);
      CHECK(seen.insert(epoch->value).second);
      CHECK(epoch->value == *seen.rbegin());
    }
    CHECK(house.store.writes - writes == 2);
  }
}

TEST_CASE("registry: one that contradicts itself is not believed") {
  House house;
  const auto camera = house.Camera("One");
  const auto viewer = house.Viewer("Anna");
  house.Grant(viewer.id, camera.id);
  auto& state = house.store.state;
  SECTION("a grant for nobody") {
    state.viewers.clear();
  }
  SECTION("a grant for no camera") {
    state.grants[0].camera = CameraId(CameraId::Bytes{9});
  }
  SECTION("an id twice") {
    state.cameras.push_back(state.cameras[0]);
  }
  SECTION("an id in two kinds") {
    state.viewers[0].id = ViewerId(camera.id.bytes());
  }
  SECTION("a token twice") {
    state.viewers[0].token = state.cameras[0].token;
  }
  SECTION("an id that is none") {
    state.cameras[0].id = CameraId();
  }
  SECTION("more than there may be") {
    while (state.cameras.size() <= kMaxCameras) {
      auto more = state.cameras[0];
      more.id = house.entropy.MakeId<CameraId>();
      house.entropy.Fill(more.token);
      state.cameras.push_back(more);
    }
  }
  const auto again = Registry::Load(house.store, house.crypto, house.entropy, house.secret);
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error().code == ErrorCode::kCorrupt);
}

TEST_CASE("registry: a suspension covers exactly its camera, its model or everything") {
  House house;
  const auto one = house.Camera("One", "M1");
  const auto two = house.Camera("Two", "M1 ");
  const auto three = house.Camera("Three");
  const auto suspended = [&](const Enrolled<CameraId>& c) {
    return house.registry->SuspensionOf(c.id) != nullptr;
  };
  const auto model =
      house.registry->Suspend({ports::SuspensionScope::kModel, {}, "M1", "why", false}, house.wall);
  CHECK(suspended(one));
  CHECK_FALSE(suspended(two));
  CHECK_FALSE(suspended(three));
  // A camera of that model that is added later is suspended from its start.
  CHECK(suspended(house.Camera("Four", "M1")));
  const auto all = house.registry->Suspend({ports::SuspensionScope::kAll, {}, "", "why", false}, house.wall);
  CHECK(suspended(three));
  REQUIRE(house.registry->Resume(model->id, "cause", house.wall).has_value());
  CHECK(suspended(one));
  REQUIRE(house.registry->Resume(all->id, "cause", house.wall).has_value());
  CHECK_FALSE(suspended(one));
  CHECK(Failure(house.registry->Resume(all->id, "cause", house.wall)) == ErrorCode::kNotFound);
}

}  // namespace latchkey::keeper
