// What the registry keeps of cameras' keys, how an older one becomes the present one, and the secret beside
// it.
#include <sys/stat.h>

#include <filesystem>

#include "platform/store/secret_file.h"
#include "platform/store/text_file.h"
#include "tests/platform/store_folder.h"

namespace latchkey::platform {
namespace {

using ports::PinState;

std::optional<CameraId> UserOf(SqliteRegistry& registry, std::uint8_t stream_key) {
  const auto user = registry.UserOf(Digest(stream_key));
  REQUIRE(user.has_value());
  return *user;
}

ports::CameraRecord OnlyCamera(SqliteRegistry& registry) {
  const auto snapshot = registry.Load();
  REQUIRE(snapshot.has_value());
  REQUIRE(snapshot->cameras.size() == 1);
  return snapshot->cameras.front();
}

TEST_CASE("store: pins and their states are kept, and no two cameras have one pin") {
  const Folder folder;
  {
    const auto registry = Open(folder);
    REQUIRE((*registry)->AddCamera(Camera(1)).has_value());
    REQUIRE((*registry)->SetPin(MakeId<CameraId>(1), PinState::kFirstUse, Digest(8)).has_value());
  }
  const auto registry = Open(folder);
  CHECK(OnlyCamera(**registry).pin == Digest(8));
  CHECK(OnlyCamera(**registry).pin_state == PinState::kFirstUse);
  REQUIRE((*registry)->AddCamera(Camera(2)).has_value());
  CHECK((*registry)->SetPin(MakeId<CameraId>(2), PinState::kConfirmed, Digest(8)).error().code ==
        ErrorCode::kConflict);
  CHECK((*registry)->SetPin(MakeId<CameraId>(3), PinState::kConfirmed, Digest(9)).error().code ==
        ErrorCode::kNotFound);
  REQUIRE((*registry)->SetPin(MakeId<CameraId>(1), PinState::kAwaited, std::nullopt).has_value());
  CHECK((*registry)->SetPin(MakeId<CameraId>(2), PinState::kConfirmed, Digest(8)).has_value());
}

TEST_CASE("store: a used key stays used, whoever used it, also when the camera is gone") {
  const Folder folder;
  {
    const auto registry = Open(folder);
    REQUIRE((*registry)->AddCamera(Camera(1)).has_value());
    REQUIRE((*registry)->AddCamera(Camera(2)).has_value());
    CHECK_FALSE(UserOf(**registry, 5));
    REQUIRE((*registry)->UseKeys(MakeId<CameraId>(1), Digest(4), Digest(5), FromUnixSeconds(9)).has_value());
    CHECK((*registry)->UseKeys(MakeId<CameraId>(2), Digest(6), Digest(5), FromUnixSeconds(9)).error().code ==
          ErrorCode::kConflict);
    REQUIRE((*registry)->RemoveCamera(MakeId<CameraId>(2)).has_value());
    // Nothing of what failed stays.
    CHECK((*registry)->UseKeys(MakeId<CameraId>(2), Digest(6), Digest(7), FromUnixSeconds(9)).error().code ==
          ErrorCode::kNotFound);
    CHECK_FALSE(UserOf(**registry, 7));
  }
  const auto registry = Open(folder);
  CHECK(UserOf(**registry, 5) == MakeId<CameraId>(1));
  CHECK(OnlyCamera(**registry).certificate == Digest(4));
  REQUIRE((*registry)->RemoveCamera(MakeId<CameraId>(1)).has_value());
  CHECK(UserOf(**registry, 5) == MakeId<CameraId>(1));
}

TEST_CASE("store: of used keys the oldest are forgotten at the limit, and no other") {
  const Folder folder;
  const auto use = [](SqliteRegistry& registry, std::uint8_t key) {
    return registry.UseKeys(MakeId<CameraId>(1), Digest(1), Digest(key), FromUnixSeconds(9)).has_value();
  };
  {
    const auto registry = Open(folder);
    REQUIRE((*registry)->AddCamera(Camera(1)).has_value());
    REQUIRE(use(**registry, 5));
    REQUIRE(use(**registry, 6));
  }
  // As if all between the second and the next had been used.
  Sql(folder.file("registry.db"), "UPDATE sqlite_sequence SET seq = " + std::to_string(ports::kMaxUsedKeys) +
                                      " WHERE name = 'used_keys'");
  const auto registry = Open(folder);
  REQUIRE(use(**registry, 7));
  CHECK_FALSE(UserOf(**registry, 5));
  CHECK(UserOf(**registry, 6));
  CHECK(UserOf(**registry, 7));
}

TEST_CASE("store: a change of owner forgets pin and certificate") {
  const Folder folder;
  const auto registry = Open(folder);
  REQUIRE((*registry)->AddCamera(Camera(1)).has_value());
  REQUIRE((*registry)->SetPin(MakeId<CameraId>(1), PinState::kConfirmed, Digest(8)).has_value());
  REQUIRE((*registry)->UseKeys(MakeId<CameraId>(1), Digest(4), Digest(5), FromUnixSeconds(9)).has_value());
  REQUIRE((*registry)->TransferCamera(MakeId<CameraId>(1), Digest(77), {}).has_value());
  CHECK(OnlyCamera(**registry).pin_state == PinState::kNone);
  CHECK_FALSE(OnlyCamera(**registry).pin);
  CHECK_FALSE(OnlyCamera(**registry).certificate);
}

TEST_CASE("store: a registry of the first version is brought up to date, with all that is in it") {
  const Folder folder;
  {
    const auto registry = Open(folder);
    auto pinned = Camera(1);
    pinned.pin = Digest(9);
    pinned.pin_state = PinState::kConfirmed;
    REQUIRE((*registry)->AddCamera(pinned).has_value());
    REQUIRE((*registry)->AddViewer(Viewer(2)).has_value());
    REQUIRE((*registry)->AddGrant(Grant(3, 2, 1)).has_value());
  }
  // As the first version left it.
  Sql(folder.file("registry.db"),
      "DROP TABLE used_keys; DROP TABLE sdes_sources; ALTER TABLE cameras DROP COLUMN sdes_key; "
      "ALTER TABLE cameras DROP COLUMN sdes_vp8; ALTER TABLE cameras DROP COLUMN sdes_tag; "
      "ALTER TABLE cameras DROP COLUMN sdes_port; ALTER TABLE cameras DROP COLUMN certificate; "
      "ALTER TABLE cameras DROP COLUMN pin_state; DELETE FROM meta WHERE key = 'secret'; "
      "PRAGMA user_version = 1");
  for (int start = 0; start < 2; ++start) {
    const auto registry = Open(folder);
    REQUIRE(registry.has_value());
    CHECK(OnlyCamera(**registry).pin == Digest(9));
    CHECK(OnlyCamera(**registry).pin_state == PinState::kConfirmed);
    CHECK((*registry)->Load()->grants.size() == 1);
    CHECK((*registry)->SecretCheck()->has_value() == (start == 1));
    if (start == 0) REQUIRE((*registry)->KeepSecretCheck(Digest(3)).has_value());
  }
  const auto registry = Open(folder);
  CHECK((*registry)->SecretCheck()->value() == Digest(3));
  CHECK_FALSE((*registry)->KeepSecretCheck(Digest(4)).has_value());
}

TEST_CASE("store: a pin that contradicts its state is damage") {
  const Folder folder;
  {
    const auto registry = Open(folder);
    REQUIRE((*registry)->AddCamera(Camera(1)).has_value());
  }
  Sql(folder.file("registry.db"), "UPDATE cameras SET pin_state = 3");
  const auto registry = Open(folder);
  REQUIRE(registry.has_value());
  CHECK((*registry)->Load().error().code == ErrorCode::kCorrupt);
}

struct SecretPlace {
  Folder folder;
  SeededEntropy entropy{3};
  SecretPlace() { std::filesystem::create_directories(folder.path()); }
  Result<Secret32> Load(bool make, const std::string& credentials = "") {
    return LoadSecret({credentials, folder.path(), "registry.secret", make}, entropy);
  }
  std::string file() const { return folder.file("registry.secret"); }
};

TEST_CASE("secret file: it is made once, for its owner alone, and is the same ever after") {
  SecretPlace place;
  const auto made = place.Load(true);
  REQUIRE(made);
  struct stat info {};
  REQUIRE(::stat(place.file().c_str(), &info) == 0);
  CHECK((info.st_mode & 0777U) == 0600U);
  const auto again = place.Load(true);
  REQUIRE(again);
  CHECK(ConstantTimeEqual(made->Reveal(), again->Reveal()));
  CHECK(place.Load(false));
  Secret32 nothing;
  CHECK_FALSE(ConstantTimeEqual(made->Reveal(), nothing.Reveal()));
}

TEST_CASE("text file: what nobody ever writes to is no file, and is not waited for") {
  const SecretPlace place;
  const std::string path = place.folder.file("pipe");
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  CHECK(ReadTextFile(path, 100).error().code == ErrorCode::kCorrupt);
  CHECK(ReadSecretTextFile(path, 100, true).error().code == ErrorCode::kCorrupt);
  CHECK(ReadTextFile(place.folder.path(), 100).error().code == ErrorCode::kCorrupt);
  CHECK(*ReadTextFile(place.folder.file("missing"), 100) == std::nullopt);
}

TEST_CASE("text file: what an attempt left behind, or somebody put there, is not written to") {
  const SecretPlace place;
  const std::string path = place.folder.file("http.crt");
  const std::string other = place.folder.file("other");
  Spill(other, "theirs");
  SECTION("a file that others can read") {
    std::filesystem::permissions(other, std::filesystem::perms{0644});
    std::filesystem::create_hard_link(other, path + ".new");
  }
  SECTION("a link") {
    std::filesystem::create_symlink(other, path + ".new");
  }
  REQUIRE(WriteTextFile(place.folder.path(), path, "ours"));
  CHECK(Slurp(path) == "ours");
  CHECK(Slurp(other) == "theirs");
  struct stat info {};
  REQUIRE(::lstat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777U) == 0600U);
  CHECK(S_ISREG(info.st_mode));
}

TEST_CASE("secret file: one that was used and is missing is missed, and no other is made") {
  SecretPlace place;
  const auto missing = place.Load(false);
  CHECK(missing.error().code == ErrorCode::kNotFound);
  CHECK(missing.error().message.find("restore it from a backup") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(place.file()));
}

TEST_CASE("secret file: what others can read, or is no secret, is refused and left as it is") {
  SecretPlace place;
  REQUIRE(place.Load(true));
  SECTION("readable by the group") {
    std::filesystem::permissions(place.file(), std::filesystem::perms{0640});
    CHECK(place.Load(true).error().code == ErrorCode::kDenied);
  }
  SECTION("cut short") {
    std::filesystem::resize_file(place.file(), 63);
    CHECK(place.Load(true).error().code == ErrorCode::kCorrupt);
    CHECK(std::filesystem::file_size(place.file()) == 63);
  }
  SECTION("too long") {
    Spill(place.file(), Slurp(place.file()) + "00");
    CHECK(place.Load(true).error().code == ErrorCode::kCorrupt);
  }
  SECTION("empty") {
    Spill(place.file(), "");
    CHECK(place.Load(true).error().code == ErrorCode::kCorrupt);
  }
  SECTION("a folder") {
    std::filesystem::remove(place.file());
    std::filesystem::create_directory(place.file());
    CHECK_FALSE(place.Load(true));
  }
}

TEST_CASE("secret file: a credential of systemd counts before the state folder's") {
  SecretPlace place;
  const auto own = place.Load(true);
  const std::string credentials = place.folder.path() + "/credentials";
  std::filesystem::create_directories(credentials);
  REQUIRE(place.Load(false, credentials));
  Spill(credentials + "/registry.secret", std::string(64, 'a') + "\n");
  std::filesystem::permissions(credentials + "/registry.secret", std::filesystem::perms{0440});
  const auto given = place.Load(false, credentials);
  REQUIRE(given);
  CHECK_FALSE(ConstantTimeEqual(own->Reveal(), given->Reveal()));
  CHECK(given->Reveal()[0] == 0xaa);
}

}  // namespace
}  // namespace latchkey::platform
