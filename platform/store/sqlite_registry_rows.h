// What the two halves of the registry have in common: rows, transactions and their errors.
#pragma once

#include <mutex>
#include <string>
#include <utility>

#include "platform/store/sqlite.h"
#include "platform/store/sqlite_registry.h"

namespace latchkey::platform {

class SqliteRegistry::Use {
 public:
  explicit Use(SqliteRegistry& registry) : registry_(registry), lock_(registry.in_use_) {}
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  // A turn that can't be read is read at the end of the next use.
  ~Use() { (void)registry_.ReadTurn(); }

 private:
  SqliteRegistry& registry_;
  const std::lock_guard<std::mutex> lock_;
};

// False for what is no id.
template <class IdType>
bool KnownIdAt(const Statement& statement, int column, IdType& out) {
  typename IdType::Bytes bytes{};
  if (!statement.BlobAt(column, bytes)) return false;
  out = IdType(bytes);
  return !out.IsNull();
}

inline Status Damaged(const char* what) {
  return Fail(ErrorCode::kCorrupt,
              std::string("registry: ") + what + " has a damaged row; restore it from a backup");
}

// Runs `work` between BEGIN and COMMIT; nothing of it stays when any part fails.
template <class Work>
Status Atomically(Database& db, Work&& work) {
  Transaction transaction(db);
  if (!transaction.begun()) return transaction.begun();
  if (Status done = work(); !done) return done;
  return transaction.Commit();
}

// What takes something away from somebody is folded into the file as soon as it stands in the write-ahead
// log: a log that is lost or damaged afterwards brings nothing back. Where that can't be done, the log alone
// has it.
inline Status FoldedIn(Database& db, Status done) {
  if (done) (void)db.Run("PRAGMA wal_checkpoint(TRUNCATE)");
  return done;
}
template <class Work>
Status TakeAway(Database& db, Work&& work) {
  return FoldedIn(db, Atomically(db, std::forward<Work>(work)));
}

// A statement that must have changed exactly one row.
inline Status ExactlyOne(Database& db, Status ran, const char* missing) {
  if (!ran) return ran;
  if (db.changes() != 1) return Fail(ErrorCode::kNotFound, missing);
  return {};
}

inline constexpr const char* kNoCamera = "no camera with this id";

}  // namespace latchkey::platform
