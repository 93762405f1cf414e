// What the files of the audit store share: columns, rows, and the table of views.
#pragma once

#include <string>
#include <vector>

#include "platform/store/sqlite_audit.h"

namespace latchkey::platform {

// Ids of a record may be null.
template <class IdType>
bool IdAt(const Statement& row, int column, IdType& out) {
  typename IdType::Bytes bytes{};
  if (!row.BlobAt(column, bytes)) return false;
  out = IdType(bytes);
  return true;
}
[[nodiscard]] inline WallTime TimeAt(const Statement& row, int column) {
  return WallTime(Duration(row.NumberAt(column)));
}
[[nodiscard]] inline std::int64_t ToNanoseconds(WallTime at) {
  return at.time_since_epoch().count();
}

// "SELECT …" of all columns of a record, and the record of such a row.
constexpr const char* kRecordColumns =
    "SELECT number, at, kind, camera, viewer, session, epoch, body, hash FROM records ";
[[nodiscard]] Result<ports::AuditRecord> RecordAt(const Statement& row);

// Every row that there is.
template <class Item>
Result<std::vector<Item>> AllRows(Statement& statement, Result<Item> (*item_at)(const Statement& row)) {
  std::vector<Item> items;
  for (;;) {
    const auto row = statement.Step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return items;
    auto item = item_at(statement);
    if (!item) return tl::unexpected(item.error());
    items.push_back(std::move(*item));
  }
}

// SQL of the table `name` ("views", or a temporary one), and what a record makes of it.
[[nodiscard]] std::string ViewsSchema(const std::string& name);
[[nodiscard]] Status NoteInViews(Database& db, const std::string& name, const ports::AuditRecord& record);

}  // namespace latchkey::platform
