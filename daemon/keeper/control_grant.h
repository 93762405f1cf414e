// A grant as `grant add` says it.
#pragma once

#include "daemon/base/result.h"
#include "daemon/base/time.h"
#include "daemon/keeper/control_fields.h"
#include "daemon/keeper/registry.h"

namespace latchkey::keeper {

// viewer and camera, "rights" (live,still when missing), "not_before" (now when missing), and its end: "for"
// or "not_after", or none. `wall`: now.
[[nodiscard]] Result<NewGrant> ReadGrant(Fields& fields, WallTime wall);

}  // namespace latchkey::keeper
