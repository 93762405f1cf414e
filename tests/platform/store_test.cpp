// The registry on a real disk, with real SQLite: what it keeps, and for whom.
#include <sqlite3.h>
#include <sys/stat.h>

#include <array>
#include <string>

#include "tests/platform/store_folder.h"

namespace latchkey::platform {

TEST_CASE("store: what was added is there after opening again") {
  const Folder folder;
  {
    const auto registry = Open(folder);
    REQUIRE(registry.has_value());
    auto camera = Camera(1);
    camera.pin = Digest(9);
    camera.pin_state = ports::PinState::kConfirmed;
    camera.sdes = true;
    REQUIRE((*registry)->AddCamera(camera).has_value());
    REQUIRE((*registry)->AddViewer(Viewer(2)).has_value());
    REQUIRE((*registry)->AddGrant(Grant(3, 2, 1)).has_value());
    REQUIRE((*registry)->ReserveEpochs(camera.id, Epoch{64}).has_value());
    REQUIRE((*registry)->RenameCamera(camera.id, "Nursery").has_value());
    ports::SuspensionRecord suspension{
        MakeId<SuspensionId>(4), ports::SuspensionScope::kCamera, camera.id, "", "why", true,
        FromUnixSeconds(5)};
    REQUIRE((*registry)->AddSuspension(suspension).has_value());
  }
  const auto registry = Open(folder);
  REQUIRE(registry.has_value());
  const auto snapshot = (*registry)->Load();
  REQUIRE(snapshot.has_value());
  REQUIRE(snapshot->cameras.size() == 1);
  const auto& camera = snapshot->cameras[0];
  CHECK(camera.id == MakeId<CameraId>(1));
  CHECK(camera.name == "Nursery");
  CHECK(camera.model == "M1");
  CHECK(camera.token == Digest(1));
  CHECK(camera.pin == Digest(9));
  CHECK(camera.sdes);
  CHECK(camera.reserved_epoch == Epoch{64});
  CHECK(camera.added == FromUnixSeconds(1'700'000'000));
  REQUIRE(snapshot->viewers.size() == 1);
  CHECK(snapshot->viewers[0].token == Digest(2));
  REQUIRE(snapshot->grants.size() == 1);
  CHECK(snapshot->grants[0].camera == camera.id);
  CHECK(snapshot->grants[0].viewer == MakeId<ViewerId>(2));
  CHECK(snapshot->grants[0].rights == 3);
  CHECK(snapshot->grants[0].not_before == FromUnixSeconds(100));
  CHECK(snapshot->grants[0].not_after == FromUnixSeconds(200));
  REQUIRE(snapshot->suspensions.size() == 1);
  CHECK(snapshot->suspensions[0].camera == camera.id);
  CHECK(snapshot->suspensions[0].reason == "why");
  CHECK(snapshot->suspensions[0].automatic);
}

TEST_CASE("store: an id, token or pin is never taken twice, not even after its removal") {
  const Folder folder;
  const auto registry = Open(folder);
  REQUIRE(registry.has_value());
  auto& store = **registry;
  auto first = Camera(1);
  first.pin = Digest(50);
  REQUIRE(store.AddCamera(first).has_value());

  auto same_id = Viewer(1);
  same_id.token = Digest(90);
  const auto id = store.AddViewer(same_id);
  REQUIRE_FALSE(id.has_value());
  CHECK(id.error().code == ErrorCode::kConflict);

  auto same_token = Viewer(2);
  same_token.token = Digest(1);
  CHECK(store.AddViewer(same_token).error().code == ErrorCode::kConflict);

  auto same_pin = Camera(3);
  same_pin.pin = Digest(50);
  CHECK(store.AddCamera(same_pin).error().code == ErrorCode::kConflict);

  REQUIRE(store.RemoveCamera(first.id).has_value());
  CHECK(store.AddCamera(first).error().code == ErrorCode::kConflict);
  CHECK(store.AddViewer(same_id).error().code == ErrorCode::kConflict);  // one name space, for ever
  // Nothing of the refused ones stayed.
  const auto snapshot = store.Load();
  REQUIRE(snapshot.has_value());
  CHECK(snapshot->cameras.empty());
  CHECK(snapshot->viewers.empty());
  CHECK(store.AddViewer(Viewer(2)).has_value());
}

TEST_CASE("store: removing a camera or a viewer ends its grants, and a transfer all of the camera's") {
  const Folder folder;
  const auto registry = Open(folder);
  REQUIRE(registry.has_value());
  auto& store = **registry;
  for (const std::uint8_t camera : std::array<std::uint8_t, 3>{1, 2, 3})
    REQUIRE(store.AddCamera(Camera(camera)).has_value());
  for (const std::uint8_t viewer : std::array<std::uint8_t, 2>{11, 12})
    REQUIRE(store.AddViewer(Viewer(viewer)).has_value());
  std::uint8_t id = 100;
  for (const std::uint8_t camera : std::array<std::uint8_t, 3>{1, 2, 3}) {
    for (const std::uint8_t viewer : std::array<std::uint8_t, 2>{11, 12})
      REQUIRE(store.AddGrant(Grant(id++, viewer, camera)).has_value());
  }
  CHECK(store.AddGrant(Grant(id++, 99, 1)).error().code == ErrorCode::kConflict);

  REQUIRE(store.RemoveCamera(MakeId<CameraId>(1)).has_value());
  CHECK(store.Load()->grants.size() == 4);
  REQUIRE(store.TransferCamera(MakeId<CameraId>(2), Digest(77), {}).has_value());
  CHECK(store.Load()->grants.size() == 2);
  CHECK(store.Load()->cameras[0].token == Digest(77));
  REQUIRE(store.RemoveViewer(MakeId<ViewerId>(11)).has_value());
  const auto snapshot = store.Load();
  REQUIRE(snapshot->grants.size() == 1);
  CHECK(snapshot->grants[0].viewer == MakeId<ViewerId>(12));
  CHECK(snapshot->grants[0].camera == MakeId<CameraId>(3));
  CHECK(store.RemoveGrant(snapshot->grants[0].id).has_value());
  CHECK(store.RemoveGrant(snapshot->grants[0].id).error().code == ErrorCode::kNotFound);
  CHECK(store.RemoveViewer(MakeId<ViewerId>(11)).error().code == ErrorCode::kNotFound);
  CHECK(store.RenameCamera(MakeId<CameraId>(1), "x").error().code == ErrorCode::kNotFound);
}

TEST_CASE("store: a viewer's token is replaced alone, and no camera's goes by its id") {
  const Folder folder;
  const auto registry = Open(folder);
  REQUIRE(registry.has_value());
  auto& store = **registry;
  REQUIRE(store.AddCamera(Camera(1)).has_value());
  REQUIRE(store.AddViewer(Viewer(11)).has_value());
  REQUIRE(store.AddViewer(Viewer(12)).has_value());
  REQUIRE(store.AddGrant(Grant(100, 11, 1)).has_value());
  const auto before = store.Load();
  REQUIRE(store.ReplaceViewerToken(MakeId<ViewerId>(11), Digest(77)).has_value());
  const auto after = store.Load();
  CHECK(after->viewers[0].token == Digest(77));
  CHECK(after->viewers[1].token == before->viewers[1].token);
  CHECK(after->cameras[0].token == before->cameras[0].token);
  CHECK(after->grants.size() == 1);
  CHECK(store.ReplaceViewerToken(MakeId<ViewerId>(1), Digest(78)).error().code == ErrorCode::kNotFound);
  CHECK(store.ReplaceCameraToken(MakeId<CameraId>(11), Digest(78), {}).error().code == ErrorCode::kNotFound);
}

TEST_CASE("store: an epoch never goes back") {
  const Folder folder;
  const auto registry = Open(folder);
  REQUIRE(registry.has_value());
  auto& store = **registry;
  REQUIRE(store.AddCamera(Camera(1)).has_value());
  REQUIRE(store.ReserveEpochs(MakeId<CameraId>(1), Epoch{10}).has_value());
  CHECK_FALSE(store.ReserveEpochs(MakeId<CameraId>(1), Epoch{10}).has_value());
  CHECK_FALSE(store.ReserveEpochs(MakeId<CameraId>(1), Epoch{9}).has_value());
  CHECK(store.Load()->cameras[0].reserved_epoch == Epoch{10});
}

TEST_CASE("store: a lifted suspension no longer stands, and can't be lifted twice") {
  const Folder folder;
  const auto registry = Open(folder);
  REQUIRE(registry.has_value());
  auto& store = **registry;
  const auto id = MakeId<SuspensionId>(1);
  REQUIRE(
      store.AddSuspension({id, ports::SuspensionScope::kModel, {}, "M1", "recall", false, FromUnixSeconds(5)})
          .has_value());
  CHECK(store.Load()->suspensions.size() == 1);
  REQUIRE(store.LiftSuspension(id, "new firmware", FromUnixSeconds(6)).has_value());
  CHECK(store.Load()->suspensions.empty());
  CHECK(store.LiftSuspension(id, "again", FromUnixSeconds(7)).error().code == ErrorCode::kNotFound);
}

TEST_CASE("store: two daemons never share a state folder") {
  const Folder folder;
  auto first = Open(folder);
  REQUIRE(first.has_value());
  const auto second = Open(folder);
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == ErrorCode::kConflict);
  CHECK(second.error().message.find("another latchkeyd") != std::string::npos);
  first->reset();
  CHECK(Open(folder).has_value());
}

TEST_CASE("store: no other program writes to a registry in use") {
  const Folder folder;
  const auto registry = Open(folder);
  REQUIRE(registry.has_value());
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(folder.file("registry.db").c_str(), &db) == SQLITE_OK);
  CHECK(sqlite3_exec(db, "DELETE FROM meta", nullptr, nullptr, nullptr) == SQLITE_BUSY);
  sqlite3_close(db);
}

TEST_CASE("store: its turn rises with each change that stays, and with nothing else") {
  const Folder folder;
  std::uint64_t last = 0;
  {
    const auto registry = Open(folder);
    REQUIRE(registry.has_value());
    CHECK((*registry)->adopted());
    const auto rises = [&](const Status& done) {
      REQUIRE(done.has_value());
      const auto turn = (*registry)->Turn();
      REQUIRE(turn.has_value());
      const bool risen = *turn > last;
      last = *turn;
      return risen;
    };
    SqliteRegistry& store = **registry;
    CHECK(rises(store.AddCamera(Camera(1))));
    CHECK(rises(store.RenameCamera(MakeId<CameraId>(1), "Nursery")));
    CHECK(rises(store.AddViewer(Viewer(2))));
    CHECK(rises(store.AddGrant(Grant(3, 2, 1))));
    CHECK(rises(store.ReplaceCameraToken(MakeId<CameraId>(1), Digest(7), {})));
    CHECK(rises(store.ReplaceViewerToken(MakeId<ViewerId>(2), Digest(6))));
    CHECK(rises(store.SetPin(MakeId<CameraId>(1), ports::PinState::kConfirmed, Digest(8))));
    CHECK(rises(store.ReserveEpochs(MakeId<CameraId>(1), Epoch{32})));
    CHECK(rises(store.RemoveGrant(MakeId<GrantId>(3))));
    CHECK(rises(store.AddGrant(Grant(4, 2, 1))));
    CHECK(rises(store.TransferCamera(MakeId<CameraId>(1), Digest(9), {})));
    const ports::SuspensionRecord suspension{
        MakeId<SuspensionId>(5), ports::SuspensionScope::kAll, {}, "", "why", false, FromUnixSeconds(5)};
    CHECK(rises(store.AddSuspension(suspension)));
    CHECK(rises(store.LiftSuspension(suspension.id, "cause", FromUnixSeconds(6))));
    CHECK(rises(store.RemoveViewer(MakeId<ViewerId>(2))));
    CHECK(rises(store.RemoveCamera(MakeId<CameraId>(1))));
    // What fails changes nothing.
    REQUIRE_FALSE(store.AddCamera(Camera(1)).has_value());
    CHECK(store.Turn().value_or(0) == last);
  }
  const auto again = Open(folder);
  REQUIRE(again.has_value());
  CHECK((*again)->Turn().value_or(0) == last);
  CHECK_FALSE((*again)->adopted());
}

TEST_CASE("store: the files are the daemon's alone") {
  const Folder folder;
  const auto registry = Open(folder);
  REQUIRE(registry.has_value());
  REQUIRE((*registry)->AddCamera(Camera(1)).has_value());
  for (const char* name : {"registry.db", "registry.db-wal", "registry.id", "lock"}) {
    struct stat info {};
    INFO(name);
    REQUIRE(::stat(folder.file(name).c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0600U);
  }
}

}  // namespace latchkey::platform
