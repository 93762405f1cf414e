#include "platform/store/sqlite_audit.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

#include "platform/loop/unique_fd.h"
#include "platform/store/sqlite_audit_rows.h"

namespace latchkey::platform {
namespace {

// Times are nanoseconds since 1970. `heads`: the newest, and what the records that were cut ended in.
constexpr const char* kSchema = R"(
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE records (
  number INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  camera BLOB NOT NULL CHECK (length(camera) = 16),
  viewer BLOB NOT NULL CHECK (length(viewer) = 16),
  session BLOB NOT NULL CHECK (length(session) = 16),
  epoch INTEGER NOT NULL,
  body TEXT NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TABLE heads (
  which TEXT PRIMARY KEY,
  number INTEGER NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  at INTEGER NOT NULL,
  signature BLOB NOT NULL CHECK (length(signature) = 64)
) STRICT, WITHOUT ROWID;
)";
// Records of views, which make up nearly all of a log, are not among its events.
constexpr const char* kIndexes =
    "CREATE INDEX events ON records (at) WHERE kind NOT BETWEEN 17 AND 20;"
    "CREATE INDEX names ON records (number) WHERE kind IN (1, 3, 4, 9);";
static_assert(static_cast<int>(ports::AuditKind::kStarted) == 1 &&
              static_cast<int>(ports::AuditKind::kCameraAdded) == 3 &&
              static_cast<int>(ports::AuditKind::kCameraRenamed) == 4 &&
              static_cast<int>(ports::AuditKind::kViewerAdded) == 9);
static_assert(static_cast<int>(ports::AuditKind::kViewBegan) == 17 &&
              static_cast<int>(ports::AuditKind::kViewEnded) == 20);

tl::unexpected<Error> LogNotOpened(const std::string& path, const Error& error) {
  const char* advice = " (nothing was changed)";
  if (error.code == ErrorCode::kLimit) advice = ": the disk is full; free some space and start again";
  if (error.code == ErrorCode::kCorrupt)
    advice = ": the audit log is damaged; restore it from a backup (nothing was changed)";
  return Fail(error.code, path + ": " + error.message + advice);
}

Result<std::optional<ports::AuditRecord>> OneRecord(Statement& statement) {
  const auto row = statement.Step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::optional<ports::AuditRecord>{};
  auto record = RecordAt(statement);
  if (!record) return tl::unexpected(record.error());
  return std::optional<ports::AuditRecord>(std::move(*record));
}

// An empty file that only its owner reads; SQLite makes none.
Status MakeFile(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (fd.valid()) return {};
  return Fail(ErrorCode::kSystem, "cannot make it: " + std::generic_category().message(errno));
}

Status MakeTables(Database& db, const ports::AuditLogId& log) {
  Transaction transaction(db);
  if (!transaction.begun()) return transaction.begun();
  for (const std::string& sql : {std::string(kSchema), ViewsSchema("views"), std::string(kIndexes),
                                 "PRAGMA application_id = " + std::to_string(kAuditApplicationId),
                                 "PRAGMA user_version = " + std::to_string(kAuditSchemaVersion)}) {
    if (auto run = db.Run(sql.c_str()); !run) return run;
  }
  Statement meta(db, "INSERT INTO meta (key, value) VALUES ('log', ?)");
  if (auto run = meta.Text(log.ToHex()).Run(); !run) return run;
  return transaction.Commit();
}

Status CheckFormat(Database& db) {
  const auto application = db.Number("PRAGMA application_id");
  if (!application) return tl::unexpected(application.error());
  if (**application != kAuditApplicationId)
    return Fail(ErrorCode::kUnsupported, "not a Latchkey audit log; move it away, or restore the right one");
  const auto version = db.Number("PRAGMA user_version");
  if (!version) return tl::unexpected(version.error());
  if (**version == kAuditSchemaVersion) return {};
  return Fail(ErrorCode::kUnsupported, "made by another latchkeyd (schema " + std::to_string(**version) +
                                           ", this one knows " + std::to_string(kAuditSchemaVersion) + ")");
}

Result<ports::AuditLogId> ReadLogId(Database& db) {
  const auto text = db.Text("SELECT value FROM meta WHERE key = 'log'");
  if (!text) return tl::unexpected(text.error());
  const auto id = ports::AuditLogId::FromHex(*text);
  if (!id) return Fail(ErrorCode::kCorrupt, "it has no identity");
  return *id;
}

}  // namespace

Result<ports::AuditRecord> RecordAt(const Statement& row) {
  ports::AuditRecord record;
  record.number = static_cast<std::uint64_t>(row.NumberAt(0));
  record.at = TimeAt(row, 1);
  record.kind = static_cast<std::uint8_t>(row.NumberAt(2));
  record.epoch = Epoch{static_cast<std::uint64_t>(row.NumberAt(6))};
  record.body = row.TextAt(7);
  if (!IdAt(row, 3, record.camera) || !IdAt(row, 4, record.viewer) || !IdAt(row, 5, record.session) ||
      !row.BlobAt(8, record.hash)) {
    return Fail(ErrorCode::kCorrupt, "record " + std::to_string(record.number) + " is damaged");
  }
  return record;
}

Result<std::unique_ptr<SqliteAudit>> SqliteAudit::Open(const SqliteAuditOptions& options,
                                                       ports::Entropy& entropy) {
  const std::string& path = options.path;
  const bool there = ::access(path.c_str(), F_OK) == 0;
  if (!there && !options.make) {
    return Fail(ErrorCode::kNotFound,
                path + " is missing, but the registry was used with an audit log: restore it from a backup");
  }
  if (!there) {
    if (auto made = MakeFile(path); !made) return LogNotOpened(path, made.error());
  }
  auto db = Database::Open(path);
  if (!db) return LogNotOpened(path, db.error());
  const auto tables = db->Number("SELECT count(*) FROM sqlite_schema");
  if (!tables) return LogNotOpened(path, tables.error());
  if (options.make && **tables == 0) {
    if (auto made = MakeTables(*db, entropy.MakeId<ports::AuditLogId>()); !made)
      return LogNotOpened(path, made.error());
  }
  if (auto known = CheckFormat(*db); !known) return LogNotOpened(path, known.error());
  for (const char* sql : {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
                          "PRAGMA wal_autocheckpoint = 256", "PRAGMA temp_store = MEMORY"}) {
    if (auto run = db->Run(sql); !run) return LogNotOpened(path, run.error());
  }
  if (options.max_pages > 0) {
    const std::string limit = "PRAGMA max_page_count = " + std::to_string(options.max_pages);
    if (auto run = db->Run(limit.c_str()); !run) return LogNotOpened(path, run.error());
  }
  const auto log = ReadLogId(*db);
  if (!log) return LogNotOpened(path, log.error());
  return std::unique_ptr<SqliteAudit>(new SqliteAudit(std::move(*db), *log));
}

Result<std::unique_ptr<SqliteAudit>> SqliteAudit::OpenToRead(const std::string& path) {
  auto db = Database::Open(path);
  if (!db) return LogNotOpened(path, db.error());
  if (auto run = db->Run("PRAGMA query_only = ON"); !run) return LogNotOpened(path, run.error());
  if (auto known = CheckFormat(*db); !known) return LogNotOpened(path, known.error());
  const auto log = ReadLogId(*db);
  if (!log) return LogNotOpened(path, log.error());
  return std::unique_ptr<SqliteAudit>(new SqliteAudit(std::move(*db), *log));
}

Result<std::optional<ports::AuditRecord>> SqliteAudit::Last() {
  Statement last(db_, (std::string(kRecordColumns) + "ORDER BY number DESC LIMIT 1").c_str());
  return OneRecord(last);
}

Result<std::optional<ports::AuditRecord>> SqliteAudit::Find(std::uint64_t number) {
  Statement find(db_, (std::string(kRecordColumns) + "WHERE number = ?").c_str());
  return OneRecord(find.Number(static_cast<std::int64_t>(number)));
}

Result<std::optional<std::uint64_t>> SqliteAudit::LastTurn() {
  // From the end: every start tells it. A name can't look like it, because its quotes are escaped.
  const auto turn = db_.Number(
      "SELECT json_extract(body, '$.registry_turn') FROM records WHERE instr(body, '\"registry_turn\":') > 0 "
      "ORDER BY number DESC LIMIT 1");
  if (!turn) return tl::unexpected(turn.error());
  if (!*turn) return std::optional<std::uint64_t>{};
  return std::optional<std::uint64_t>(static_cast<std::uint64_t>(**turn));
}

Result<std::vector<ports::AuditRecord>> SqliteAudit::Read(std::uint64_t first, std::size_t most) {
  Statement all(db_, (std::string(kRecordColumns) + "WHERE number >= ? ORDER BY number LIMIT ?").c_str());
  all.Number(static_cast<std::int64_t>(first)).Number(static_cast<std::int64_t>(most));
  return AllRows(all, RecordAt);
}

Result<std::int64_t> SqliteAudit::Count() {
  const auto count = db_.Number("SELECT count(*) FROM records");
  if (!count) return tl::unexpected(count.error());
  return **count;
}

Result<std::int64_t> SqliteAudit::Bytes() {
  std::int64_t numbers[3] = {};
  std::size_t i = 0;
  for (const char* sql : {"PRAGMA page_count", "PRAGMA freelist_count", "PRAGMA page_size"}) {
    const auto number = db_.Number(sql);
    if (!number) return tl::unexpected(number.error());
    numbers[i++] = **number;
  }
  return (numbers[0] - numbers[1]) * numbers[2];
}

// By halves: the numbers have no holes, and times grow with them but for a clock that was set.
Result<std::optional<std::uint64_t>> SqliteAudit::FirstSince(WallTime oldest) {
  const auto last = Last();
  if (!last) return tl::unexpected(last.error());
  const auto first = db_.Number("SELECT min(number) FROM records");
  if (!first) return tl::unexpected(first.error());
  if (!*last) return std::optional<std::uint64_t>{};
  auto low = static_cast<std::uint64_t>(**first);
  std::uint64_t high = (*last)->number;  // kept in any case
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    const auto record = Find(middle);
    if (!record) return tl::unexpected(record.error());
    if (!*record) return Fail(ErrorCode::kCorrupt, "record " + std::to_string(middle) + " is missing");
    if ((*record)->at < oldest) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return std::optional<std::uint64_t>(low);
}

Result<std::optional<ports::AuditRecord>> SqliteAudit::FindCut(WallTime oldest, std::int64_t most_bytes) {
  const auto since = FirstSince(oldest);
  if (!since) return tl::unexpected(since.error());
  if (!*since) return std::optional<ports::AuditRecord>{};
  std::uint64_t first_kept = **since;
  const auto bytes = Bytes();
  if (!bytes) return tl::unexpected(bytes.error());
  const auto count = Count();
  if (!count) return tl::unexpected(count.error());
  const auto last = Last();
  if (!last) return tl::unexpected(last.error());
  if (*bytes > most_bytes) {
    // A tenth more than there has to, so that it is not done all the time.
    const auto kept =
        static_cast<double>(*count) * 0.9 * static_cast<double>(most_bytes) / static_cast<double>(*bytes);
    first_kept = std::max(first_kept, (*last)->number - static_cast<std::uint64_t>(kept) + 1);
    first_kept = std::min(first_kept, (*last)->number);
  }
  if (first_kept <= 1) return std::optional<ports::AuditRecord>{};
  return Find(first_kept - 1);
}

Result<std::optional<ports::AuditHead>> SqliteAudit::HeadOf(const char* which) {
  Statement find(db_, "SELECT number, hash, at, signature FROM heads WHERE which = ?");
  const auto row = find.Text(which).Step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::optional<ports::AuditHead>{};
  ports::AuditHead head;
  head.log = log_;
  head.number = static_cast<std::uint64_t>(find.NumberAt(0));
  head.at = TimeAt(find, 2);
  if (!find.BlobAt(1, head.hash) || !find.BlobAt(3, head.signature))
    return Fail(ErrorCode::kCorrupt, "a head is damaged");
  return std::optional<ports::AuditHead>(head);
}

Status SqliteAudit::PutHead(const char* which, const ports::AuditHead& head) {
  Statement put(db_,
                "INSERT INTO heads (which, number, hash, at, signature) VALUES (?1, ?2, ?3, ?4, ?5) ON "
                "CONFLICT (which) DO UPDATE SET number = ?2, hash = ?3, at = ?4, signature = ?5");
  put.Text(which).Number(static_cast<std::int64_t>(head.number)).Blob(head.hash);
  return put.Number(ToNanoseconds(head.at)).Blob(head.signature).Run();
}

Result<std::optional<ports::AuditHead>> SqliteAudit::LastHead() {
  return HeadOf("last");
}

Result<std::optional<ports::AuditHead>> SqliteAudit::Checkpoint() {
  return HeadOf("checkpoint");
}

Status SqliteAudit::Append(std::span<const ports::AuditRecord> records, const ports::AuditHead& head) {
  Transaction transaction(db_);
  if (!transaction.begun()) return transaction.begun();
  for (const ports::AuditRecord& record : records) {
    Statement add(db_,
                  "INSERT INTO records (number, at, kind, camera, viewer, session, epoch, body, hash) VALUES "
                  "(?, ?, ?, ?, ?, ?, ?, ?, ?)");
    add.Number(static_cast<std::int64_t>(record.number)).Number(ToNanoseconds(record.at)).Number(record.kind);
    add.Blob(record.camera.bytes()).Blob(record.viewer.bytes()).Blob(record.session.bytes());
    add.Number(static_cast<std::int64_t>(record.epoch.value)).Text(record.body).Blob(record.hash);
    if (auto added = add.Run(); !added) return added;
    if (auto noted = NoteInViews(db_, "views", record); !noted) return noted;
  }
  if (auto put = PutHead("last", head); !put) return put;
  return transaction.Commit();
}

Status SqliteAudit::Cut(std::uint64_t first_kept, const ports::AuditHead& checkpoint) {
  Transaction transaction(db_);
  if (!transaction.begun()) return transaction.begun();
  Statement cut(db_, "DELETE FROM records WHERE number < ?");
  if (auto run = cut.Number(static_cast<std::int64_t>(first_kept)).Run(); !run) return run;
  Statement views(db_, "DELETE FROM views WHERE last < ? AND ended IS NOT NULL");
  if (auto run = views.Number(static_cast<std::int64_t>(first_kept)).Run(); !run) return run;
  if (auto put = PutHead("checkpoint", checkpoint); !put) return put;
  return transaction.Commit();
}

}  // namespace latchkey::platform
