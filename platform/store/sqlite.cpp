#include "platform/store/sqlite.h"

#include <sqlite3.h>

#include <algorithm>

namespace latchkey::platform {

ErrorCode SqliteErrorCode(int sqlite_code) {
  switch (sqlite_code & 0xff) {
    case SQLITE_FULL: return ErrorCode::kLimit;
    case SQLITE_CONSTRAINT: return ErrorCode::kConflict;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return ErrorCode::kCorrupt;
    default: return ErrorCode::kSystem;
  }
}

void Database::Closer::operator()(sqlite3* db) const {
  (void)sqlite3_close_v2(db);
}

Result<Database> Database::Open(const std::string& path) {
  sqlite3* raw = nullptr;
  const int flags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOFOLLOW;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  Database db(raw);
  if (raw == nullptr) return Fail(ErrorCode::kSystem, "no memory for the registry");
  if (code != SQLITE_OK) return tl::unexpected(db.LastError("cannot open"));
  (void)sqlite3_extended_result_codes(raw, 1);
  // Nothing in the file may run code of its own, or name functions of ours.
  (void)sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  (void)sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  (void)sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  (void)sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  return db;
}

Error Database::LastError(std::string_view doing) const {
  const int code = sqlite3_extended_errcode(handle_.get());
  return Error{SqliteErrorCode(code), std::string(doing) + ": " + sqlite3_errmsg(handle_.get())};
}

Status Database::Run(const char* sql) {
  if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return tl::unexpected(LastError("cannot write"));
  }
  return {};
}

Result<std::optional<std::int64_t>> Database::Number(const char* sql) {
  Statement statement(*this, sql);
  const auto row = statement.Step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::optional<std::int64_t>{};
  return std::optional<std::int64_t>{statement.NumberAt(0)};
}

Result<std::string> Database::Text(const char* sql) {
  Statement statement(*this, sql);
  const auto row = statement.Step();
  if (!row) return tl::unexpected(row.error());
  return *row ? statement.TextAt(0) : std::string();
}

void Database::SetCheckpointOnClose(bool on) {
  (void)sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, on ? 0 : 1, nullptr);
}

int Database::changes() const {
  return sqlite3_changes(handle_.get());
}

void Statement::Finalizer::operator()(sqlite3_stmt* s) const {
  (void)sqlite3_finalize(s);
}

Statement::Statement(Database& db, const char* sql) : db_(db) {
  sqlite3_stmt* raw = nullptr;
  code_ = sqlite3_prepare_v2(db.raw(), sql, -1, &raw, nullptr);
  statement_.reset(raw);
}

Statement& Statement::Blob(ByteView bytes) {
  if (code_ == SQLITE_OK) {
    code_ = sqlite3_bind_blob(statement_.get(), next_++, bytes.data(), static_cast<int>(bytes.size()),
                              SQLITE_TRANSIENT);
  }
  return *this;
}

Statement& Statement::Text(std::string_view text) {
  if (code_ == SQLITE_OK) {
    code_ = sqlite3_bind_text(statement_.get(), next_++, text.data(), static_cast<int>(text.size()),
                              SQLITE_TRANSIENT);
  }
  return *this;
}

Statement& Statement::Number(std::int64_t value) {
  if (code_ == SQLITE_OK) code_ = sqlite3_bind_int64(statement_.get(), next_++, value);
  return *this;
}

Statement& Statement::Null() {
  if (code_ == SQLITE_OK) code_ = sqlite3_bind_null(statement_.get(), next_++);
  return *this;
}

Status Statement::Run() {
  const auto row = Step();
  if (!row) return tl::unexpected(row.error());
  return {};
}

Result<bool> Statement::Step() {
  if (code_ == SQLITE_OK) {
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    code_ = code;
  }
  return tl::unexpected(db_.LastError("registry"));
}

std::int64_t Statement::NumberAt(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::TextAt(int column) const {
  const void* text = sqlite3_column_text(statement_.get(), column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  return text == nullptr ? std::string() : std::string(static_cast<const char*>(text), size);
}

bool Statement::BlobAt(int column, MutableByteView out) const {
  const auto* bytes = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_.get(), column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  if (bytes == nullptr || size != out.size()) return false;
  std::copy_n(bytes, size, out.begin());
  return true;
}

bool Statement::IsNullAt(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

Transaction::Transaction(Database& db)
    : db_(db), begun_(db.Run("BEGIN IMMEDIATE")), open_(begun_.has_value()) {}

Transaction::~Transaction() {
  if (open_) (void)db_.Run("ROLLBACK");
}

Status Transaction::Commit() {
  if (auto done = db_.Run("COMMIT"); !done) return done;  // still open: the destructor rolls back
  open_ = false;
  return {};
}

}  // namespace latchkey::platform
