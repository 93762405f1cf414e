#include "daemon/audit/kinds.h"

#include <array>
#include <cstddef>

namespace latchkey::audit {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(Kind::kCount)> kNames{
    "none",          "started",       "stopped",     "camera added", "camera renamed",  "camera removed",
    "token rotated", "owner changed", "pin changed", "viewer added", "viewer removed",  "granted",
    "grant revoked", "key admitted",  "key refused", "epoch began",  "publisher ended", "view began",
    "view minute",   "view epoch",    "view ended",  "view refused", "suspended",       "resumed",
    "open failed",   "check failed",  "lane ended",  "front ended",  "tokens guessed",  "log cut",
    "log failing",   "records lost"};
static_assert(!kNames.back().empty());

}  // namespace

std::string_view NameOf(Kind kind) {
  return NameOf(static_cast<std::uint8_t>(kind));
}

std::string_view NameOf(std::uint8_t kind) {
  return kind > 0 && kind < kNames.size() ? kNames[kind] : "unknown";
}

}  // namespace latchkey::audit
