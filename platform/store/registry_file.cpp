#include "platform/store/registry_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <system_error>

#include "daemon/base/bytes.h"
#include "platform/store/sqlite_registry.h"

namespace latchkey::platform {
namespace {

// The first version; what came since is in kUpgrades, for new registries and old ones alike.
//
// `ids` is the one name space (invariant 6): a row is never deleted, so no id comes twice. `tokens` makes
// one token name one owner. Times are Unix seconds.
constexpr const char* kFirstSchema = R"(
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE ids (id BLOB PRIMARY KEY CHECK (length(id) = 16), kind TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE tokens (
  digest BLOB PRIMARY KEY CHECK (length(digest) = 32),
  owner BLOB NOT NULL UNIQUE REFERENCES ids (id)
) STRICT, WITHOUT ROWID;
CREATE TABLE cameras (
  number INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE REFERENCES ids (id),
  name TEXT NOT NULL,
  model TEXT NOT NULL,
  pin BLOB UNIQUE CHECK (pin IS NULL OR length(pin) = 32),
  sdes INTEGER NOT NULL CHECK (sdes IN (0, 1)),
  reserved_epoch INTEGER NOT NULL CHECK (reserved_epoch >= 0),
  added INTEGER NOT NULL
) STRICT;
CREATE TABLE viewers (
  number INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE REFERENCES ids (id),
  name TEXT NOT NULL,
  added INTEGER NOT NULL
) STRICT;
CREATE TABLE grants (
  number INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE REFERENCES ids (id),
  viewer BLOB NOT NULL REFERENCES viewers (id) ON DELETE CASCADE,
  camera BLOB NOT NULL REFERENCES cameras (id) ON DELETE CASCADE,
  rights INTEGER NOT NULL CHECK (rights BETWEEN 1 AND 15),
  not_before INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  added INTEGER NOT NULL
) STRICT;
CREATE INDEX grants_of_viewer ON grants (viewer);
CREATE INDEX grants_of_camera ON grants (camera);
CREATE TABLE suspensions (
  number INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE REFERENCES ids (id),
  scope INTEGER NOT NULL CHECK (scope BETWEEN 0 AND 2),
  camera BLOB REFERENCES ids (id),
  model TEXT NOT NULL,
  reason TEXT NOT NULL,
  automatic INTEGER NOT NULL CHECK (automatic IN (0, 1)),
  since INTEGER NOT NULL,
  lifted INTEGER,
  root_cause TEXT
) STRICT;
)";

// What each version lacks of the next, from 1 on.
constexpr std::array<const char*, kRegistrySchemaVersion - 1> kUpgrades{R"(
ALTER TABLE cameras ADD COLUMN pin_state INTEGER NOT NULL DEFAULT 0 CHECK (pin_state BETWEEN 0 AND 3);
ALTER TABLE cameras ADD COLUMN certificate BLOB CHECK (certificate IS NULL OR length(certificate) = 32);
UPDATE cameras SET pin_state = 3 WHERE pin IS NOT NULL;
CREATE TABLE used_keys (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  tag BLOB NOT NULL UNIQUE CHECK (length(tag) = 32),
  camera BLOB NOT NULL REFERENCES ids (id),
  since INTEGER NOT NULL
) STRICT;
)",
                                                                        R"(
ALTER TABLE cameras ADD COLUMN sdes_key BLOB CHECK (sdes_key IS NULL OR length(sdes_key) = 58);
ALTER TABLE cameras ADD COLUMN sdes_vp8 INTEGER NOT NULL DEFAULT 0 CHECK (sdes_vp8 IN (0, 1));
ALTER TABLE cameras ADD COLUMN sdes_tag BLOB CHECK (sdes_tag IS NULL OR length(sdes_tag) = 32);
ALTER TABLE cameras ADD COLUMN sdes_port INTEGER NOT NULL DEFAULT 0 CHECK (sdes_port BETWEEN 0 AND 65535);
CREATE TABLE sdes_sources (
  camera BLOB NOT NULL REFERENCES cameras (id) ON DELETE CASCADE,
  ssrc INTEGER NOT NULL,
  reserved INTEGER NOT NULL CHECK (reserved >= 0),
  PRIMARY KEY (camera, ssrc)
) STRICT, WITHOUT ROWID;
)"};

tl::unexpected<Error> NotOpened(const std::string& path, Error error) {
  std::string advice;
  switch (error.code) {
    case ErrorCode::kLimit: advice = ": the disk is full; free some space and start again"; break;
    case ErrorCode::kCorrupt:
      advice = ": the registry is damaged; restore it from a backup (nothing was changed)";
      break;
    case ErrorCode::kInvalid:
    case ErrorCode::kUnsupported:
    case ErrorCode::kNotFound:
    case ErrorCode::kConflict:
    case ErrorCode::kDenied:
    case ErrorCode::kSystem: advice = " (nothing was changed)"; break;
  }
  return Fail(error.code, path + ": " + error.message + advice);
}

std::string SetNumber(const char* pragma, std::int64_t value) {
  return "PRAGMA " + std::string(pragma) + " = " + std::to_string(value);
}

// To the present version, within a transaction of the caller's.
Status RunUpgrades(Database& db, std::int64_t from) {
  for (auto version = static_cast<std::size_t>(from); version < kRegistrySchemaVersion; ++version) {
    if (auto run = db.Run(kUpgrades.at(version - 1)); !run) return run;
  }
  return db.Run(SetNumber("user_version", kRegistrySchemaVersion).c_str());
}

// Complete in registry.new before it gets its name: a power cut never leaves half a registry.
Status MakeRegistry(const StateFolder& folder, std::int64_t max_pages, ports::Entropy& entropy) {
  if (auto made = folder.MakeNewFile(); !made) return made;
  const auto id = entropy.MakeId<RegistryId>();
  {
    auto db = Database::Open(folder.File("registry.new"));
    if (!db) return tl::unexpected(db.error());
    if (max_pages > 0) {
      if (auto set = db->Run(SetNumber("max_page_count", max_pages).c_str()); !set) return set;
    }
    if (auto set = db->Run("PRAGMA synchronous = FULL"); !set) return set;
    Transaction transaction(*db);
    if (!transaction.begun()) return transaction.begun();
    for (const std::string& sql :
         {std::string(kFirstSchema), SetNumber("application_id", kRegistryApplicationId)}) {
      if (auto run = db->Run(sql.c_str()); !run) return run;
    }
    if (auto run = RunUpgrades(*db, 1); !run) return run;
    Statement meta(*db, "INSERT INTO meta (key, value) VALUES ('registry', ?)");
    if (auto run = meta.Text(id.ToHex()).Run(); !run) return run;
    if (auto committed = transaction.Commit(); !committed) return committed;
  }
  return folder.AdoptNewFile();  // the marker follows once it has been opened
}

// What the first 100 bytes say, before SQLite may touch the file (a foreign database may have a log of
// its own that opening would play back).
//
//   0                16         60              68               100
//   | "SQLite format 3\0" | ... | user_version | … | application_id | ...
Status CheckHeader(const std::string& path) {
  std::array<std::uint8_t, 100> header{};
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) return Fail(ErrorCode::kSystem, "cannot read: " + std::generic_category().message(errno));
  const ssize_t n = ::read(fd.get(), header.data(), header.size());
  if (n < 0) return Fail(ErrorCode::kSystem, "cannot read: " + std::generic_category().message(errno));
  ByteReader reader(ByteView(header).first(static_cast<std::size_t>(n)));
  const bool sqlite = AsText(reader.Bytes(15)) == "SQLite format 3";
  reader.Skip(45);
  const std::int64_t version = reader.U32();
  reader.Skip(4);
  const std::int64_t application = reader.U32();
  if (!reader.ok() || !sqlite) return Fail(ErrorCode::kCorrupt, "not a database");
  if (application != kRegistryApplicationId) {
    return Fail(ErrorCode::kUnsupported, "not a Latchkey registry; move it away, or restore the right one");
  }
  if (version > kRegistrySchemaVersion) {
    return Fail(ErrorCode::kUnsupported, "made by a newer latchkeyd (schema " + std::to_string(version) +
                                             ", this one knows " + std::to_string(kRegistrySchemaVersion) +
                                             "); run that one");
  }
  return {};
}

Status CheckVersion(Database& db) {
  const auto version = db.Number("PRAGMA user_version");
  if (!version) return tl::unexpected(version.error());
  if (**version >= 1 && **version <= kRegistrySchemaVersion) return {};
  if (**version < 1)
    return Fail(ErrorCode::kCorrupt, "schema " + std::to_string(**version) + " never existed");
  return Fail(ErrorCode::kUnsupported, "made by a newer latchkeyd (schema " + std::to_string(**version) +
                                           ", this one knows " + std::to_string(kRegistrySchemaVersion) +
                                           "); run that one");
}

Status CheckSoundness(Database& db) {
  const auto verdict = db.Text("PRAGMA quick_check(1)");
  if (!verdict) return tl::unexpected(verdict.error());
  if (*verdict != "ok") {
    std::string line = *verdict;  // several lines of SQLite's are one of ours
    std::replace(line.begin(), line.end(), '\n', ' ');
    return Fail(ErrorCode::kCorrupt, line);
  }
  const auto orphan = db.Number("SELECT 1 FROM pragma_foreign_key_check LIMIT 1");
  if (!orphan) return tl::unexpected(orphan.error());
  if (orphan->has_value()) return Fail(ErrorCode::kCorrupt, "a row names another that is not there");
  return {};
}

// Exclusive before the first read: then SQLite needs no shared memory, and no other program gets in.
Status Prepare(Database& db, std::int64_t max_pages) {
  db.SetCheckpointOnClose(false);
  if (auto run = db.Run("PRAGMA locking_mode = EXCLUSIVE"); !run) return run;
  if (auto sound = CheckVersion(db); !sound) return sound;
  if (auto sound = CheckSoundness(db); !sound) return sound;
  const auto mode = db.Text("PRAGMA journal_mode = WAL");
  if (!mode) return tl::unexpected(mode.error());
  if (*mode != "wal") return Fail(ErrorCode::kSystem, "the file system can't hold a write-ahead log");
  for (const char* sql :
       {"PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON", "PRAGMA wal_autocheckpoint = 64",
        "PRAGMA secure_delete = ON", "PRAGMA temp_store = MEMORY"}) {
    if (auto run = db.Run(sql); !run) return run;
  }
  if (max_pages > 0) {
    if (auto run = db.Run(SetNumber("max_page_count", max_pages).c_str()); !run) return run;
  }
  return {};
}

// From an earlier version to this one, all or nothing.
Status Upgrade(Database& db) {
  const auto version = db.Number("PRAGMA user_version");
  if (!version) return tl::unexpected(version.error());
  if (**version == kRegistrySchemaVersion) return {};
  Transaction transaction(db);
  if (!transaction.begun()) return transaction.begun();
  if (auto run = RunUpgrades(db, **version); !run) return run;
  return transaction.Commit();
}

// From now on each change of a row counts one turn more, in the transaction of the change. Triggers of this
// connection alone: the file has nothing of them.
Status CountTurns(Database& db) {
  for (const char* table : {"cameras", "tokens", "viewers", "grants", "suspensions", "sdes_sources"}) {
    for (const char* change : {"INSERT", "UPDATE", "DELETE"}) {
      const std::string sql =
          std::string("CREATE TEMP TRIGGER turn_") + change + "_" + table + " AFTER " + change + " ON main." +
          table +
          " BEGIN UPDATE meta SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE key = "
          "'turn'; END";
      if (auto run = db.Run(sql.c_str()); !run) return run;
    }
  }
  return {};
}

// A start is written down, which shows at once whether anything can be.
Status TryWriting(Database& db) {
  Transaction transaction(db);
  if (!transaction.begun()) return transaction.begun();
  Statement count(db,
                  "INSERT INTO meta (key, value) VALUES ('starts', '1') "
                  "ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)");
  if (auto run = count.Run(); !run) return run;
  if (auto run = db.Run("INSERT OR IGNORE INTO meta (key, value) VALUES ('turn', '0')"); !run) return run;
  return transaction.Commit();
}

}  // namespace

Result<Database> OpenRegistryFile(const StateFolder& folder, std::int64_t max_pages,
                                  ports::Entropy& entropy) {
  const std::string path = folder.File("registry.db");
  const auto found = folder.Look();
  if (!found) return tl::unexpected(found.error());
  if (!found->registry && (found->marker || found->log)) {
    return Fail(ErrorCode::kCorrupt, path + " is missing, but " +
                                         folder.File(found->marker ? "registry.id" : "registry.db-wal") +
                                         " says that it was there: restore it from a backup, or remove that "
                                         "file too to enrol everything anew");
  }
  if (!found->registry) {
    if (auto made = MakeRegistry(folder, max_pages, entropy); !made) return NotOpened(path, made.error());
  } else if (found->size == 0) {
    return Fail(ErrorCode::kCorrupt, path + " is empty: restore it from a backup (nothing was changed)");
  }
  if (auto known = CheckHeader(path); !known) return NotOpened(path, known.error());
  auto db = Database::Open(path);
  if (!db) return NotOpened(path, db.error());
  if (auto ready = Prepare(*db, max_pages); !ready) return NotOpened(path, ready.error());
  const auto text = db->Text("SELECT value FROM meta WHERE key = 'registry'");
  if (!text) return NotOpened(path, text.error());
  const auto id = RegistryId::FromHex(*text);
  if (!id) return NotOpened(path, Error{ErrorCode::kCorrupt, "it has no identity"});
  if (found->marker && *found->marker != *id) {
    return Fail(ErrorCode::kConflict,
                path + " is not the registry that this folder had: restore that one, or remove " +
                    folder.File("registry.id") + " to use this one");
  }
  if (!found->marker) {
    if (auto marked = folder.WriteMarker(*id); !marked) return tl::unexpected(marked.error());
  }
  if (auto upgraded = Upgrade(*db); !upgraded) return NotOpened(path, upgraded.error());
  if (auto written = TryWriting(*db); !written) return NotOpened(path, written.error());
  if (auto counting = CountTurns(*db); !counting) return NotOpened(path, counting.error());
  db->SetCheckpointOnClose(true);
  return std::move(*db);
}

}  // namespace latchkey::platform
