// Times as people write and read them: RFC 3339 in UTC, or how long ago.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "daemon/base/time.h"

namespace latchkey::ctl {

// "2026-11-03T18:00:00Z".
[[nodiscard]] std::string FormatTime(WallTime at);
// The same, "2026-11-03" (its beginning), "now", or "2h ago" written as "-2h" (s, m, h, d). Nothing for
// anything else.
[[nodiscard]] std::optional<WallTime> ParseTime(std::string_view text, WallTime now);

}  // namespace latchkey::ctl
