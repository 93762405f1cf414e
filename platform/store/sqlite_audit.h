// ports::AuditStore on SQLite: write-ahead log, synchronous=FULL, STRICT tables, records never updated.
//
// `views` is made of the records as they come, so that a question about who saw what is answered from a few
// thousand rows and not from millions of records. It proves nothing by itself: CheckViews() makes it again.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/ports/audit.h"
#include "daemon/ports/entropy.h"
#include "platform/store/sqlite.h"

namespace latchkey::platform {

// PRAGMA application_id: "LKau".
constexpr std::int64_t kAuditApplicationId = 0x4c4b6175;
// PRAGMA user_version. Another one was written by another program and is refused.
constexpr std::int64_t kAuditSchemaVersion = 1;

struct SqliteAuditOptions {
  std::string path;
  // No log was ever used here: one is made where there is none.
  bool make = false;
  // Largest size in pages of 4096 bytes; 0: the disk's. At the limit a write fails as on a full disk.
  std::int64_t max_pages = 0;
};

// Of which views, or of which other records.
struct AuditQuery {
  WallTime from{};
  WallTime to{};
  std::vector<CameraId> cameras;  // empty: of all
  // Only views in which a leg lost more than this in a minute.
  std::optional<std::uint32_t> loss_above_permille;
};

class SqliteAudit final : public ports::AuditStore {
 public:
  // Anything else than a sound log of this program's version is an error (one line: what, where, what to do)
  // and is left as it is.
  static Result<std::unique_ptr<SqliteAudit>> Open(const SqliteAuditOptions& options,
                                                   ports::Entropy& entropy);
  // To look at beside a daemon that writes: nothing can be changed by it.
  static Result<std::unique_ptr<SqliteAudit>> OpenToRead(const std::string& path);

  [[nodiscard]] const ports::AuditLogId& log() const { return log_; }
  [[nodiscard]] Result<std::optional<ports::AuditRecord>> Last() override;
  [[nodiscard]] Result<std::optional<ports::AuditHead>> LastHead() override;
  [[nodiscard]] Status Append(std::span<const ports::AuditRecord> records,
                              const ports::AuditHead& head) override;
  [[nodiscard]] Status Cut(std::uint64_t first_kept, const ports::AuditHead& checkpoint) override;

  // What records before the first one ended in; nothing: the first is number 1.
  [[nodiscard]] Result<std::optional<ports::AuditHead>> Checkpoint();
  // In order, from `first` on, at most `most`.
  [[nodiscard]] Result<std::vector<ports::AuditRecord>> Read(std::uint64_t first, std::size_t most);
  [[nodiscard]] Result<std::optional<ports::AuditRecord>> Find(std::uint64_t number);
  // The registry's turn as the log tells it last; nothing: it tells none.
  [[nodiscard]] Result<std::optional<std::uint64_t>> LastTurn();
  [[nodiscard]] Result<std::int64_t> Count();
  // On disk, without what a cut has left free.
  [[nodiscard]] Result<std::int64_t> Bytes();
  // The newest record that is to go so that what is older than `oldest` goes, and so that no more than
  // `most_bytes` stay; nothing: all may stay. Records are about equally long.
  [[nodiscard]] Result<std::optional<ports::AuditRecord>> FindCut(WallTime oldest, std::int64_t most_bytes);

  // Views that were under way between the times, in the order in which they began, after `after` (an
  // AuditView's number), at most `most`.
  [[nodiscard]] Result<std::vector<ports::AuditView>> Views(const AuditQuery& query, std::uint64_t after,
                                                            std::size_t most);
  [[nodiscard]] Result<std::int64_t> CountViews(const AuditQuery& query);
  // Records that are of no view, of any camera or of these, between the times, after number `after`.
  [[nodiscard]] Result<std::vector<ports::AuditRecord>> Events(const AuditQuery& query, std::uint64_t after,
                                                               std::size_t most);
  // Every start of the daemon and every name that was given, in order: of kinds kStarted, kCameraAdded,
  // kCameraRenamed and kViewerAdded. At most `most`, the newest.
  [[nodiscard]] Result<std::vector<ports::AuditRecord>> Names(std::size_t most);
  // Makes the table of views again and compares, of one moment. Of a connection that only reads. kCorrupt: it
  // says something else than the records.
  [[nodiscard]] Status CheckViews();

 private:
  SqliteAudit(Database db, const ports::AuditLogId& log) : db_(std::move(db)), log_(log) {}
  [[nodiscard]] Result<std::optional<ports::AuditHead>> HeadOf(const char* which);
  [[nodiscard]] Status PutHead(const char* which, const ports::AuditHead& head);
  [[nodiscard]] Result<std::optional<std::uint64_t>> FirstSince(WallTime oldest);

  Database db_;
  ports::AuditLogId log_;
};

}  // namespace latchkey::platform
