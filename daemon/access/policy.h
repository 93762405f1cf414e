// Who may see what, decided anew at each question from what stands at that moment. Nothing is remembered
// between two calls (invariant 4), and no answer means no.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "daemon/base/ids.h"
#include "daemon/base/result.h"
#include "daemon/base/time.h"
#include "daemon/ports/store.h"
#include "daemon/wire/ipc_messages.h"

namespace latchkey::access {

enum class ViewRefusal : std::uint8_t {
  kNoGrant,     // no grant of this viewer names this camera
  kNotYet,      // one does, from a later moment on
  kExpired,     // one did
  kNoRight,     // one holds, without the right asked for
  kSuspended,   // one holds, but the camera is suspended
  kUnrecorded,  // one holds, but it could not be recorded who sees what
};

// For people: "your grant for this camera has ended".
std::string_view ViewRefusalText(ViewRefusal refusal);

struct ViewQuestion {
  ViewerId viewer;
  CameraId camera;
  wire::Rights right = wire::Rights::kLive;
  WallTime now{};
  bool suspended = false;   // the camera, its model or everything
  bool unrecorded = false;  // the audit log can't be written
};

constexpr bool HasRight(std::uint8_t rights, wire::Rights right) {
  return (rights & static_cast<std::uint8_t>(right)) != 0;
}
// not_before <= now < not_after.
constexpr bool HoldsAt(const ports::GrantRecord& grant, WallTime now) {
  return grant.not_before <= now && now < grant.not_after;
}

// The grant that allows it, or why not. Of several the one that ends last; rights of two grants are never
// added up. A suspension is told only to those whom a grant allows to ask.
tl::expected<ports::GrantRecord, ViewRefusal> DecideView(const ViewQuestion& question,
                                                         std::span<const ports::GrantRecord> grants);

// The same for a grant already chosen, nullptr when it is gone: a session lives by its own grant alone, and
// ends with it.
tl::expected<ports::GrantRecord, ViewRefusal> DecideAgain(const ViewQuestion& question,
                                                          const ports::GrantRecord* grant);

// The cameras that this viewer's grants name at this moment, with whatever right, each once, in order of ids.
std::vector<CameraId> VisibleCameras(ViewerId viewer, WallTime now,
                                     std::span<const ports::GrantRecord> grants);
// Those of them that it may watch, and so learn who else does.
std::vector<CameraId> WatchableCameras(ViewerId viewer, WallTime now,
                                       std::span<const ports::GrantRecord> grants);

}  // namespace latchkey::access
