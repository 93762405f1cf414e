// Records, heads and views as JSON, for the control socket and for exports. Exact: what is read back has the
// hash that it had.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "daemon/base/result.h"
#include "daemon/ports/audit.h"

namespace latchkey::audit {

using Json = nlohmann::ordered_json;

// {"number", "at" (nanoseconds since 1970), "kind", "name", "camera", "viewer", "session", "epoch", "body"
// (text), "hash"}; ids that are null are left out. "name" is for people and not read back.
[[nodiscard]] Json ToJson(const ports::AuditRecord& record);
// kInvalid for anything else.
[[nodiscard]] Result<ports::AuditRecord> RecordFromJson(const Json& json);

[[nodiscard]] Json ToJson(const ports::AuditView& view);
[[nodiscard]] Result<ports::AuditView> ViewFromJson(const Json& json);

}  // namespace latchkey::audit
