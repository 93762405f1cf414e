// SQLite behind two small types: a database that says what went wrong in words, and a statement.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/base/bytes.h"
#include "daemon/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace latchkey::platform {

// SQLITE_FULL is kLimit, a constraint kConflict, damage kCorrupt, anything else kSystem.
ErrorCode SqliteErrorCode(int sqlite_code);

class Database {
 public:
  // `path` must exist; it is never made here. Symbolic links are not followed.
  static Result<Database> Open(const std::string& path);

  // `sql` is one of our own constants.
  [[nodiscard]] Status Run(const char* sql);
  // First column of the first row, or nothing when there is no row.
  [[nodiscard]] Result<std::optional<std::int64_t>> Number(const char* sql);
  [[nodiscard]] Result<std::string> Text(const char* sql);
  // Whether closing folds the write-ahead log into the file; not while the file is only looked at.
  void SetCheckpointOnClose(bool on);
  [[nodiscard]] int changes() const;
  [[nodiscard]] sqlite3* raw() const { return handle_.get(); }
  [[nodiscard]] Error LastError(std::string_view doing) const;

 private:
  struct Closer {
    void operator()(sqlite3* db) const;
  };
  explicit Database(sqlite3* db) : handle_(db) {}
  std::unique_ptr<sqlite3, Closer> handle_;
};

// One prepared statement, bound from left to right. A failed bind or step makes it fail as a whole.
class Statement {
 public:
  Statement(Database& db, const char* sql);

  Statement& Blob(ByteView bytes);
  Statement& Text(std::string_view text);
  Statement& Number(std::int64_t value);
  Statement& Null();

  // For statements that return no rows.
  [[nodiscard]] Status Run();
  // True while there is a row; false at the end.
  [[nodiscard]] Result<bool> Step();

  // Columns of the current row, from 0.
  [[nodiscard]] std::int64_t NumberAt(int column) const;
  [[nodiscard]] std::string TextAt(int column) const;
  // False, and `out` untouched, when the column is not a blob of exactly that size.
  [[nodiscard]] bool BlobAt(int column, MutableByteView out) const;
  [[nodiscard]] bool IsNullAt(int column) const;

 private:
  struct Finalizer {
    void operator()(sqlite3_stmt* s) const;
  };
  Database& db_;
  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
  int code_ = 0;
  int next_ = 1;
};

// BEGIN IMMEDIATE … COMMIT; rolls back unless committed.
class Transaction {
 public:
  explicit Transaction(Database& db);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  [[nodiscard]] const Status& begun() const { return begun_; }
  [[nodiscard]] Status Commit();

 private:
  Database& db_;
  Status begun_;
  bool open_ = false;
};

}  // namespace latchkey::platform
