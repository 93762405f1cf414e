// The table of views, and questions about it.
#include <algorithm>

#include "platform/store/sqlite_audit_rows.h"

namespace latchkey::platform {
namespace {

using ports::AuditKind;

// The values are bound by BindViews().
std::string WhichViews(const AuditQuery& query) {
  std::string sql = "WHERE began < ? AND (ended IS NULL OR ended >= ?) ";
  if (query.loss_above_permille) sql += "AND max(camera_loss, viewer_loss) > ? ";
  return sql;
}

std::string OfCameras(const AuditQuery& query) {
  if (query.cameras.empty()) return "";
  std::string sql = "AND camera IN (?";
  for (std::size_t i = 1; i < query.cameras.size(); ++i) sql += ", ?";
  return sql + ") ";
}

void BindViews(Statement& statement, const AuditQuery& query) {
  statement.Number(ToNanoseconds(query.to)).Number(ToNanoseconds(query.from));
  if (query.loss_above_permille) statement.Number(*query.loss_above_permille);
  for (const CameraId& camera : query.cameras) statement.Blob(camera.bytes());
}

std::uint32_t SmallAt(const Statement& row, int column) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(row.NumberAt(column), 0, 0xffffffff));
}

Result<ports::AuditView> ViewAt(const Statement& row) {
  ports::AuditView view;
  view.number = static_cast<std::uint64_t>(row.NumberAt(0));
  if (!IdAt(row, 1, view.session) || !IdAt(row, 2, view.camera) || !IdAt(row, 3, view.viewer))
    return Fail(ErrorCode::kCorrupt, "the view of record " + std::to_string(view.number) + " is damaged");
  view.first_epoch = Epoch{static_cast<std::uint64_t>(row.NumberAt(4))};
  view.last_epoch = Epoch{static_cast<std::uint64_t>(row.NumberAt(5))};
  view.began = TimeAt(row, 6);
  if (!row.IsNullAt(7)) view.ended = TimeAt(row, 7);
  view.cut_short = row.NumberAt(8) != 0;
  view.packets = static_cast<std::uint64_t>(row.NumberAt(9));
  view.camera_loss_permille = SmallAt(row, 10);
  view.viewer_loss_permille = SmallAt(row, 11);
  view.camera_jitter_us = SmallAt(row, 12);
  view.viewer_jitter_us = SmallAt(row, 13);
  view.network = row.TextAt(14);
  return view;
}

constexpr const char* kViewColumns =
    "SELECT number, session, camera, viewer, first_epoch, last_epoch, began, ended, cut_short, packets, "
    "camera_loss, viewer_loss, camera_jitter, viewer_jitter, network FROM ";

Status Begin(Database& db, const std::string& name, const ports::AuditRecord& record) {
  Statement begin(db, ("INSERT INTO " + name +
                       " (number, last, session, camera, viewer, first_epoch, last_epoch, began, ended, "
                       "cut_short, packets, camera_loss, viewer_loss, camera_jitter, viewer_jitter, network) "
                       "VALUES (?1, ?1, ?2, ?3, ?4, ?5, ?5, ?6, NULL, 0, 0, 0, 0, 0, 0, '')")
                          .c_str());
  begin.Number(static_cast<std::int64_t>(record.number)).Blob(record.session.bytes());
  begin.Blob(record.camera.bytes()).Blob(record.viewer.bytes());
  begin.Number(static_cast<std::int64_t>(record.epoch.value)).Number(ToNanoseconds(record.at));
  return begin.Run();
}

Status GoOn(Database& db, const std::string& name, const ports::AuditRecord& record, bool ends) {
  const std::string worst = "max(ifnull(json_extract(?4, '$.";
  Statement note(db, ("UPDATE " + name +
                      " SET last = ?1, last_epoch = max(last_epoch, ?2), ended = ?3, packets = " + worst +
                      "packets'), 0), packets), camera_loss = " + worst +
                      "camera_loss_permille'), 0), camera_loss), viewer_loss = " + worst +
                      "viewer_loss_permille'), 0), viewer_loss), camera_jitter = " + worst +
                      "camera_jitter_us'), 0), camera_jitter), viewer_jitter = " + worst +
                      "viewer_jitter_us'), 0), viewer_jitter), "
                      "network = ifnull(json_extract(?4, '$.network'), network) "
                      "WHERE session = ?5 AND ended IS NULL")
                         .c_str());
  note.Number(static_cast<std::int64_t>(record.number)).Number(static_cast<std::int64_t>(record.epoch.value));
  if (ends) {
    note.Number(ToNanoseconds(record.at));
  } else {
    note.Null();
  }
  return note.Text(record.body).Blob(record.session.bytes()).Run();
}

Status EndAll(Database& db, const std::string& name, const ports::AuditRecord& record, bool cut_short) {
  Statement end(db,
                ("UPDATE " + name + " SET last = ?, ended = ?, cut_short = ? WHERE ended IS NULL").c_str());
  return end.Number(static_cast<std::int64_t>(record.number))
      .Number(ToNanoseconds(record.at))
      .Number(cut_short ? 1 : 0)
      .Run();
}

// The log as it is at this moment, whatever is written to it meanwhile, and room for a temporary table: to
// SQLite that is a write as well. Nothing of it stays.
class Snapshot {
 public:
  explicit Snapshot(Database& db)
      : db_(db), begun_(db.Run("PRAGMA query_only = OFF; PRAGMA temp_store = MEMORY; BEGIN")) {}
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  ~Snapshot() { (void)db_.Run("ROLLBACK; PRAGMA query_only = ON"); }
  [[nodiscard]] const Status& begun() const { return begun_; }

 private:
  Database& db_;
  Status begun_;
};

}  // namespace

std::string ViewsSchema(const std::string& name) {
  // A view's number is that of its first record, `last` that of its newest.
  constexpr const char* kColumns = R"( (
  number INTEGER PRIMARY KEY,
  last INTEGER NOT NULL,
  session BLOB NOT NULL CHECK (length(session) = 16),
  camera BLOB NOT NULL CHECK (length(camera) = 16),
  viewer BLOB NOT NULL CHECK (length(viewer) = 16),
  first_epoch INTEGER NOT NULL,
  last_epoch INTEGER NOT NULL,
  began INTEGER NOT NULL,
  ended INTEGER,
  cut_short INTEGER NOT NULL,
  packets INTEGER NOT NULL,
  camera_loss INTEGER NOT NULL,
  viewer_loss INTEGER NOT NULL,
  camera_jitter INTEGER NOT NULL,
  viewer_jitter INTEGER NOT NULL,
  network TEXT NOT NULL
) STRICT;
)";
  // An index lives in its table's database, and names the table without that.
  return "CREATE TABLE " + name + kColumns + "CREATE INDEX " + name + "_under_way ON " +
         name.substr(name.find('.') + 1) + " (session) WHERE ended IS NULL;";
}

Status NoteInViews(Database& db, const std::string& name, const ports::AuditRecord& record) {
  const auto kind = static_cast<AuditKind>(record.kind);
  if (kind == AuditKind::kViewBegan) return Begin(db, name, record);
  if (ports::IsOfView(kind)) return GoOn(db, name, record, kind == AuditKind::kViewEnded);
  if (kind == AuditKind::kStarted || kind == AuditKind::kStopped)
    return EndAll(db, name, record, kind == AuditKind::kStarted);
  return {};
}

Result<std::vector<ports::AuditView>> SqliteAudit::Views(const AuditQuery& query, std::uint64_t after,
                                                         std::size_t most) {
  Statement find(db_, (kViewColumns + std::string("views ") + WhichViews(query) + OfCameras(query) +
                       "AND number > ? ORDER BY number LIMIT ?")
                          .c_str());
  BindViews(find, query);
  find.Number(static_cast<std::int64_t>(after)).Number(static_cast<std::int64_t>(most));
  return AllRows(find, ViewAt);
}

Result<std::int64_t> SqliteAudit::CountViews(const AuditQuery& query) {
  Statement count(db_, ("SELECT count(*) FROM views " + WhichViews(query) + OfCameras(query)).c_str());
  BindViews(count, query);
  const auto row = count.Step();
  if (!row) return tl::unexpected(row.error());
  return count.NumberAt(0);
}

Result<std::vector<ports::AuditRecord>> SqliteAudit::Events(const AuditQuery& query, std::uint64_t after,
                                                            std::size_t most) {
  // Of no camera: of the hub as a whole.
  std::string cameras = OfCameras(query);
  if (!cameras.empty()) cameras = "AND (camera = zeroblob(16) OR " + cameras.substr(4) + ") ";
  Statement find(db_,
                 (kRecordColumns +
                  std::string("INDEXED BY events WHERE kind NOT BETWEEN 17 AND 20 AND at >= ? AND at < ? ") +
                  cameras + "AND number > ? ORDER BY number LIMIT ?")
                     .c_str());
  find.Number(ToNanoseconds(query.from)).Number(ToNanoseconds(query.to));
  for (const CameraId& camera : query.cameras) find.Blob(camera.bytes());
  find.Number(static_cast<std::int64_t>(after)).Number(static_cast<std::int64_t>(most));
  return AllRows(find, RecordAt);
}

Result<std::vector<ports::AuditRecord>> SqliteAudit::Names(std::size_t most) {
  Statement find(
      db_, (kRecordColumns + std::string("INDEXED BY names WHERE kind IN (1, 3, 4, 9) ORDER BY number DESC "
                                         "LIMIT ?"))
               .c_str());
  find.Number(static_cast<std::int64_t>(most));
  auto records = AllRows(find, RecordAt);
  if (records) std::reverse(records->begin(), records->end());
  return records;
}

Status SqliteAudit::CheckViews() {
  constexpr std::size_t kBatch = 10'000;
  const Snapshot snapshot(db_);
  if (!snapshot.begun()) return snapshot.begun();
  if (auto run = db_.Run(ViewsSchema("temp.made_again").c_str()); !run) return run;
  std::uint64_t next = 1;
  std::uint64_t first = 0;
  for (;;) {
    const auto records = Read(next, kBatch);
    if (!records) return tl::unexpected(records.error());
    if (records->empty()) break;
    if (first == 0) first = records->front().number;
    for (const ports::AuditRecord& record : *records) {
      if (auto noted = NoteInViews(db_, "temp.made_again", record); !noted)
        return Fail(ErrorCode::kCorrupt,
                    "record " + std::to_string(record.number) + ": " + noted.error().message);
    }
    next = records->back().number + 1;
  }
  // A view whose beginning was cut off can't be made again, nor compared.
  Statement differing(
      db_,
      "SELECT min(number) FROM (SELECT number FROM (SELECT * FROM views WHERE number >= ?1 EXCEPT "
      "SELECT * FROM temp.made_again) UNION ALL SELECT number FROM (SELECT * FROM "
      "temp.made_again EXCEPT SELECT * FROM views))");
  const auto row = differing.Number(static_cast<std::int64_t>(first)).Step();
  if (!row) return tl::unexpected(row.error());
  const bool same = differing.IsNullAt(0);
  const std::string number = std::to_string(differing.NumberAt(0));
  if (same) return {};
  return Fail(ErrorCode::kCorrupt, "the table of views was changed: the view of record " + number +
                                       " is not what the records say");
}

}  // namespace latchkey::platform
