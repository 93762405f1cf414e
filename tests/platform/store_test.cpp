// The registry on a real disk, with real SQLite.
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "platform/store/sqlite_registry.h"
#include "tests/support/catch.h"

namespace latchkey::platform {
namespace {

class SeededEntropy final : public ports::Entropy {
 public:
  explicit SeededEntropy(std::uint32_t seed) : engine_(seed) {}
  void Fill(std::span<std::uint8_t> out) override {
    for (auto& byte : out) byte = static_cast<std::uint8_t>(engine_() & 0xffU);
  }

 private:
  std::mt19937 engine_;
};

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "latchkey-store-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string path() const { return path_ + "/state"; }
  [[nodiscard]] std::string file(const std::string& name) const { return path() + "/" + name; }

 private:
  std::string path_;
};

Result<std::unique_ptr<SqliteRegistry>> Open(const Folder& folder, std::int64_t max_pages = 0) {
  static SeededEntropy entropy(7);
  return SqliteRegistry::Open({folder.path(), max_pages}, entropy);
}

std::string Slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}
void Spill(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

// Straight into the file, past every rule of ours.
void Sql(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  char* why = nullptr;
  const int code = sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &why);
  INFO((why == nullptr ? "" : why));
  CHECK(code == SQLITE_OK);
  sqlite3_free(why);
  sqlite3_close(db);
}

template <class IdType>
IdType MakeId(std::uint8_t seed) {
  typename IdType::Bytes bytes{};
  bytes.fill(seed);
  return IdType(bytes);
}
ports::TokenDigest Digest(std::uint8_t seed) {
  ports::TokenDigest digest{};
  digest.fill(seed);
  return digest;
}

ports::CameraRecord Camera(std::uint8_t seed) {
  ports::CameraRecord camera;
  camera.id = MakeId<CameraId>(seed);
  camera.name = "Küche " + std::to_string(seed);
  camera.model = "M1";
  camera.token = Digest(seed);
  camera.added = FromUnixSeconds(1'700'000'000);
  return camera;
}
ports::ViewerRecord Viewer(std::uint8_t seed) {
  return {MakeId<ViewerId>(seed), "Tablet", Digest(seed), FromUnixSeconds(1'700'000'001)};
}
ports::GrantRecord Grant(std::uint8_t seed, std::uint8_t viewer, std::uint8_t camera) {
  ports::GrantRecord grant;
  grant.id = MakeId<GrantId>(seed);
  grant.viewer = MakeId<ViewerId>(viewer);
  grant.camera = MakeId<CameraId>(camera);
  grant.rights = 3;
  grant.not_before = FromUnixSeconds(100);
  grant.not_after = FromUnixSeconds(200);
  return grant;
}

void RefusedAndUntouched(const Folder& folder, const std::string& words) {
  const std::string before = Slurp(folder.file("registry.db"));
  const auto opened = Open(folder);
  REQUIRE_FALSE(opened.has_value());
  INFO(opened.error().message);
  CHECK(opened.error().message.find(words) != std::string::npos);
  CHECK(opened.error().message.find('\n') == std::string::npos);
  CHECK(Slurp(folder.file("registry.db")) == before);
}

}  // namespace

TEST_CASE("store: what was added is there after opening again") {
  const Folder folder;
  {
    const auto registry = Open(folder);
    REQUIRE(registry.has_value());
    auto camera = Camera(1);
    camera.pin = Digest(9);
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
  REQUIRE(store.TransferCamera(MakeId<CameraId>(2), Digest(77)).has_value());
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

TEST_CASE("store: a registry of a newer version is refused and left as it is") {
  const Folder folder;
  REQUIRE(Open(folder).has_value());
  Sql(folder.file("registry.db"), "PRAGMA user_version = 2");
  RefusedAndUntouched(folder, "newer latchkeyd (schema 2");
}

TEST_CASE("store: a newer version that is still in the write-ahead log alone is refused too") {
  const Folder folder;
  REQUIRE(Open(folder).has_value());
  // A program that dies before its log is folded in.
  const pid_t child = ::fork();
  if (child == 0) {
    sqlite3* db = nullptr;
    const bool ok = sqlite3_open(folder.file("registry.db").c_str(), &db) == SQLITE_OK &&
                    sqlite3_exec(db, "PRAGMA user_version = 3", nullptr, nullptr, nullptr) == SQLITE_OK;
    ::_exit(ok ? 0 : 1);
  }
  int status = 1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  REQUIRE(std::filesystem::file_size(folder.file("registry.db-wal")) > 0);
  const std::string log = Slurp(folder.file("registry.db-wal"));
  RefusedAndUntouched(folder, "newer latchkeyd (schema 3");
  CHECK(Slurp(folder.file("registry.db-wal")) == log);
}

TEST_CASE("store: a damaged registry is refused and left as it is") {
  const Folder folder;
  {
    const auto registry = Open(folder);
    REQUIRE(registry.has_value());
    for (std::uint8_t i = 1; i < 60; ++i) REQUIRE((*registry)->AddCamera(Camera(i)).has_value());
  }
  std::string bytes = Slurp(folder.file("registry.db"));
  const std::size_t size = bytes.size();
  SECTION("a page overwritten") {
    for (std::size_t page = 4096; page < size; page += 4096) {
      for (std::size_t i = 0; i < 64; ++i) bytes[page + i] = '\x55';
    }
    Spill(folder.file("registry.db"), bytes);
    RefusedAndUntouched(folder, "damaged");
  }
  SECTION("cut short") {
    Spill(folder.file("registry.db"), bytes.substr(0, size / 2));
    RefusedAndUntouched(folder, "damaged");
  }
  SECTION("cut inside the header") {
    Spill(folder.file("registry.db"), bytes.substr(0, 50));
    RefusedAndUntouched(folder, "not a database");
  }
  SECTION("rows gone that others name") {
    Sql(folder.file("registry.db"), "DELETE FROM ids");
    RefusedAndUntouched(folder, "damaged");
  }
  SECTION("a camera without its token") {
    Sql(folder.file("registry.db"), "DELETE FROM tokens");
    const auto registry = Open(folder);
    REQUIRE(registry.has_value());
    CHECK((*registry)->Load().error().code == ErrorCode::kCorrupt);
  }
}

TEST_CASE("store: a file that is empty, foreign or not a database never becomes a registry") {
  const Folder folder;
  REQUIRE(std::filesystem::create_directory(folder.path()));
  SECTION("empty") {
    Spill(folder.file("registry.db"), "");
    RefusedAndUntouched(folder, "is empty");
  }
  SECTION("text") {
    Spill(folder.file("registry.db"), std::string(8192, 'x'));
    RefusedAndUntouched(folder, "not a database");
  }
  SECTION("another program's database") {
    Sql(folder.file("registry.db"), "CREATE TABLE t (x); PRAGMA user_version = 1");
    RefusedAndUntouched(folder, "not a Latchkey registry");
  }
  SECTION("a folder") {
    REQUIRE(std::filesystem::create_directory(folder.file("registry.db")));
    CHECK_FALSE(Open(folder).has_value());
  }
}

TEST_CASE("store: a folder that lost its registry does not get an empty one") {
  const Folder folder;
  REQUIRE(Open(folder).has_value());
  std::filesystem::remove(folder.file("registry.db"));
  SECTION("the marker remembers") {}
  SECTION("a damaged marker too") {
    Spill(folder.file("registry.id"), "junk");
  }
  SECTION("or the log beside it") {
    std::filesystem::remove(folder.file("registry.id"));
    Spill(folder.file("registry.db-wal"), "log");
  }
  const auto opened = Open(folder);
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == ErrorCode::kCorrupt);
  CHECK(opened.error().message.find("missing") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(folder.file("registry.db")));
}

TEST_CASE("store: another folder's registry is refused where one was known") {
  const Folder folder;
  const Folder other;
  REQUIRE(Open(folder).has_value());
  REQUIRE(Open(other).has_value());
  std::filesystem::copy_file(other.file("registry.db"), folder.file("registry.db"),
                             std::filesystem::copy_options::overwrite_existing);
  RefusedAndUntouched(folder, "is not the registry that this folder had");
  std::filesystem::remove(folder.file("registry.id"));
  CHECK(Open(folder).has_value());
  CHECK(Slurp(folder.file("registry.id")) == Slurp(other.file("registry.id")));
}

TEST_CASE("store: a registry half made by a power cut is made anew") {
  const Folder folder;
  REQUIRE(std::filesystem::create_directory(folder.path()));
  Spill(folder.file("registry.new"), "half");
  const auto registry = Open(folder);
  REQUIRE(registry.has_value());
  CHECK((*registry)->Load()->cameras.empty());
  CHECK_FALSE(std::filesystem::exists(folder.file("registry.new")));
}

TEST_CASE("store: a folder that can't be written is one clear error") {
  const Folder folder;
  static SeededEntropy entropy(1);
  const auto missing = SqliteRegistry::Open({folder.path() + "/a/b", 0}, entropy);
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().message.find("state folder") != std::string::npos);
}

TEST_CASE("store: at the size limit an addition fails as on a full disk and the rest stays") {
  const Folder folder;
  REQUIRE(Open(folder).has_value());
  const auto pages = static_cast<std::int64_t>(std::filesystem::file_size(folder.file("registry.db")) / 4096);
  const auto registry = Open(folder, pages + 2);
  REQUIRE(registry.has_value());
  std::size_t added = 0;
  Status last;
  for (std::uint8_t i = 1; i < 250 && last; ++i) {
    last = (*registry)->AddCamera(Camera(i));
    if (last) ++added;
  }
  REQUIRE_FALSE(last.has_value());
  CHECK(last.error().code == ErrorCode::kLimit);
  CHECK(added > 0);
  CHECK((*registry)->Load()->cameras.size() == added);
}

TEST_CASE("store: a full disk stops the start with a clear line and keeps what is there") {
  const Folder folder;
  REQUIRE(std::filesystem::create_directory(folder.path()));
  if (::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=256k") != 0) {
    WARN("skipped: no right to mount a small file system");
    return;
  }
  struct Unmount {
    std::string path;
    ~Unmount() { (void)::umount2(path.c_str(), MNT_DETACH); }
  } const unmount{folder.path()};
  SECTION("with a registry") {
    {
      const auto registry = Open(folder);
      REQUIRE(registry.has_value());
      REQUIRE((*registry)->AddCamera(Camera(1)).has_value());
    }
    Spill(folder.file("ballast"), std::string(512 * 1024, 'x'));
    RefusedAndUntouched(folder, "disk is full");
    std::filesystem::remove(folder.file("ballast"));
    const auto registry = Open(folder);
    REQUIRE(registry.has_value());
    CHECK((*registry)->Load()->cameras.size() == 1);
  }
  SECTION("without one") {
    Spill(folder.file("ballast"), std::string(512 * 1024, 'x'));
    const auto opened = Open(folder);
    REQUIRE_FALSE(opened.has_value());
    INFO(opened.error().message);
    CHECK(opened.error().code == ErrorCode::kLimit);
    std::filesystem::remove(folder.file("ballast"));
    CHECK(Open(folder).has_value());
  }
}

TEST_CASE("store: whatever returned before a kill is there after it") {
  const Folder folder;
  REQUIRE(Open(folder).has_value());
  std::array<int, 2> pipe{};
  REQUIRE(::pipe(pipe.data()) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto registry = Open(folder);
    for (std::uint8_t i = 1; registry && i < 200; ++i) {
      if (!(*registry)->AddCamera(Camera(i)) || ::write(pipe[1], &i, 1) != 1) break;
    }
    ::_exit(0);
  }
  ::close(pipe[1]);
  std::uint8_t acknowledged = 0;
  while (acknowledged < 20 && ::read(pipe[0], &acknowledged, 1) == 1) {
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  while (::read(pipe[0], &acknowledged, 1) == 1) {
  }
  ::close(pipe[0]);
  REQUIRE(acknowledged >= 20);
  const auto registry = Open(folder);
  REQUIRE(registry.has_value());
  CHECK((*registry)->Load()->cameras.size() >= acknowledged);
}

}  // namespace latchkey::platform
