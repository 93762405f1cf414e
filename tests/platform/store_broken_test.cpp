// Registries that are damaged, foreign, newer, gone or on a full disk: never replaced, never overwritten.
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <string>

#include "tests/platform/store_folder.h"

namespace latchkey::platform {
namespace {

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

TEST_CASE("store: a registry of a newer version is refused and left as it is") {
  const Folder folder;
  REQUIRE(Open(folder).has_value());
  Sql(folder.file("registry.db"), "PRAGMA user_version = 4");
  RefusedAndUntouched(folder, "newer latchkeyd (schema 4");
}

TEST_CASE("store: a newer version that is still in the write-ahead log alone is refused too") {
  const Folder folder;
  REQUIRE(Open(folder).has_value());
  // A program that dies before its log is folded in.
  const pid_t child = ::fork();
  if (child == 0) {
    sqlite3* db = nullptr;
    const bool ok = sqlite3_open(folder.file("registry.db").c_str(), &db) == SQLITE_OK &&
                    sqlite3_exec(db, "PRAGMA user_version = 5", nullptr, nullptr, nullptr) == SQLITE_OK;
    ::_exit(ok ? 0 : 1);
  }
  int status = 1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  REQUIRE(std::filesystem::file_size(folder.file("registry.db-wal")) > 0);
  const std::string log = Slurp(folder.file("registry.db-wal"));
  RefusedAndUntouched(folder, "newer latchkeyd (schema 5");
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

TEST_CASE("store: what was taken away stays so when the write-ahead log is lost or damaged") {
  const Folder folder;
  {
    const auto registry = Open(folder);
    REQUIRE(registry.has_value());
    REQUIRE((*registry)->AddCamera(Camera(1)).has_value());
    REQUIRE((*registry)->AddViewer(Viewer(3)).has_value());
    REQUIRE((*registry)->AddViewer(Viewer(4)).has_value());
    REQUIRE((*registry)->AddGrant(Grant(5, 3, 1)).has_value());
    REQUIRE((*registry)->AddGrant(Grant(6, 4, 1)).has_value());
  }
  const Folder after;
  {
    const auto registry = Open(folder);
    REQUIRE(registry.has_value());
    REQUIRE((*registry)->ReserveEpochs(MakeId<CameraId>(1), Epoch{32}).has_value());
    SECTION("a suspension") {
      ports::SuspensionRecord suspension;
      suspension.id = MakeId<SuspensionId>(9);
      suspension.reason = "recall";
      REQUIRE((*registry)->AddSuspension(suspension).has_value());
    }
    SECTION("a grant") {
      REQUIRE((*registry)->RemoveGrant(MakeId<GrantId>(5)).has_value());
    }
    SECTION("a viewer") {
      REQUIRE((*registry)->RemoveViewer(MakeId<ViewerId>(3)).has_value());
    }
    SECTION("a viewer's token") {
      REQUIRE((*registry)->ReplaceViewerToken(MakeId<ViewerId>(3), Digest(77)).has_value());
    }
    SECTION("a camera's token") {
      REQUIRE((*registry)->ReplaceCameraToken(MakeId<CameraId>(1), Digest(77), std::nullopt).has_value());
    }
    SECTION("an owner") {
      REQUIRE((*registry)->TransferCamera(MakeId<CameraId>(1), Digest(77), std::nullopt).has_value());
    }
    SECTION("a camera") {
      REQUIRE((*registry)->RemoveCamera(MakeId<CameraId>(1)).has_value());
    }
    // As a kill would leave it; then the log goes.
    std::filesystem::copy(folder.path(), after.path());
    const auto log = after.file("registry.db-wal");
    if (std::filesystem::exists(log)) Spill(log, std::string(std::filesystem::file_size(log), 'x'));
  }
  const auto expected = Open(folder);
  const auto found = Open(after);
  REQUIRE(expected.has_value());
  REQUIRE(found.has_value());
  const auto said = (*expected)->Load();
  const auto says = (*found)->Load();
  REQUIRE(says.has_value());
  CHECK(says->suspensions.size() == said->suspensions.size());
  CHECK(says->grants.size() == said->grants.size());
  CHECK(says->cameras.size() == said->cameras.size());
  REQUIRE(says->viewers.size() == said->viewers.size());
  for (std::size_t i = 0; i < says->viewers.size(); ++i)
    CHECK(says->viewers[i].token == said->viewers[i].token);
  for (std::size_t i = 0; i < says->cameras.size(); ++i)
    CHECK(says->cameras[i].token == said->cameras[i].token);
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
