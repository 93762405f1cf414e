// The lists of the control socket: pages of at most kControlPage items in order of ids, the rest behind
// "after".
#pragma once

#include <string>
#include <string_view>

#include "daemon/keeper/control_fields.h"
#include "daemon/keeper/registry.h"

namespace latchkey::keeper {

// Where the camera publishes; `base_url` as in AnswerControl.
[[nodiscard]] std::string PublishUrl(std::string_view base_url, CameraId id);

[[nodiscard]] Result<Json> ListCameras(Fields& fields, const Registry& registry, std::string_view base_url);
[[nodiscard]] Result<Json> ListViewers(Fields& fields, const Registry& registry);
// Whether each holds is asked for the moment `wall`.
[[nodiscard]] Result<Json> ListGrants(Fields& fields, const Registry& registry, WallTime wall);
[[nodiscard]] Result<Json> ListSuspensions(Fields& fields, const Registry& registry);

}  // namespace latchkey::keeper
