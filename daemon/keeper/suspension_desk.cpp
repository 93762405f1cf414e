#include "daemon/keeper/suspension_desk.h"

#include <algorithm>

namespace latchkey::keeper {

Result<Registry::SuspendResult> SuspensionDesk::Suspend(const NewSuspension& suspension, WallTime wall) {
  auto result = books_.registry.Suspend(suspension, wall);
  if (result) Enforce();
  return result;
}

Status SuspensionDesk::Resume(SuspensionId id, const std::string& root_cause, WallTime wall) {
  auto resumed = books_.registry.Resume(id, root_cause, wall);
  if (resumed) Enforce();
  return resumed;
}

void SuspensionDesk::Trip(CameraId camera, const std::string& what, WallTime wall) {
  books_.Tell(what + ": the camera is suspended", camera);
  const auto& standing = books_.registry.suspensions();
  const bool tripped = std::any_of(standing.begin(), standing.end(), [&](const auto& s) {
    return s.automatic && s.scope == ports::SuspensionScope::kCamera && s.camera == camera;
  });
  if (tripped) return Enforce();
  NewSuspension suspension;
  suspension.scope = ports::SuspensionScope::kCamera;
  suspension.camera = camera;
  suspension.reason = what;
  suspension.automatic = true;
  const auto result = Suspend(suspension, wall);
  // The camera is gone, or the system's randomness: neither may leave its lane as it is.
  if (!result)
    return books_.LaneViolation(camera, what + ", and it can't be suspended: " + result.error().message);
  if (!result->durable)
    books_.Tell("the suspension could not be written: " + result->durable.error().message, camera);
}

void SuspensionDesk::Enforce() {
  for (auto& [camera, lane] : books_.lanes) {
    const bool suspended = books_.registry.SuspensionOf(camera) != nullptr;
    if (suspended && lane.state == LaneState::kReady && !lane.told_to_suspend) {
      books_.ToLaneNow(camera, wire::Suspend{});
      lane.told_to_suspend = true;
      keys_.DropCamera(camera, Suspended());
      books_.lists_changed = true;
    }
    if (!suspended && lane.told_to_suspend && lane.state == LaneState::kReady) {
      books_.effects.emplace_back(RestartLane{camera});
      books_.lists_changed = true;
    }
  }
}

}  // namespace latchkey::keeper
