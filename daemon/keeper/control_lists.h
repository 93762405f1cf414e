// The lists of the control socket: pages of at most kControlPage items in order of ids, the rest behind
// "after".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/keeper/control_desk.h"
#include "daemon/keeper/control_fields.h"
#include "daemon/keeper/registry.h"

namespace latchkey::keeper {

// Where the camera publishes; `base_url` as in AnswerControl.
[[nodiscard]] std::string PublishUrl(std::string_view base_url, CameraId id);

[[nodiscard]] Result<Json> ListCameras(Fields& fields, const Registry& registry, std::string_view base_url);
[[nodiscard]] Result<Json> ListViewers(Fields& fields, const Registry& registry);
// Whether each holds is asked for the moment `wall`.
[[nodiscard]] Result<Json> ListGrants(Fields& fields, const Registry& registry, WallTime wall);
// `limit_kbit` null: the leg has shown no limit; `round_trip_ms` null: not measured.
[[nodiscard]] Result<Json> ListWatching(Fields& fields, const Registry& registry,
                                        std::vector<Watcher> watching);
// Every camera, in one piece: there are at most kMaxCameras.
[[nodiscard]] Result<Json> ListStatus(Fields& fields, const std::vector<wire::CameraView>& cameras);
// The certificate under which the front serves, for its owner to compare; kNotFound on loopback.
[[nodiscard]] Result<Json> ShowCertificate(Fields& fields, const HttpIdentity& http);
[[nodiscard]] Result<Json> ListSuspensions(Fields& fields, const Registry& registry);

}  // namespace latchkey::keeper
