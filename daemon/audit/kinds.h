// What the audit log records (DESIGN section 6), in words.
#pragma once

#include <cstdint>
#include <string_view>

#include "daemon/ports/audit.h"

namespace latchkey::audit {

using Kind = ports::AuditKind;

// "view began"; "unknown" for a number that no version gave out.
[[nodiscard]] std::string_view NameOf(Kind kind);
[[nodiscard]] std::string_view NameOf(std::uint8_t kind);

}  // namespace latchkey::audit
