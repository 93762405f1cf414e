#include "daemon/keeper/suspension_desk.h"

#include <algorithm>

namespace latchkey::keeper {
namespace {

std::string_view ScopeName(ports::SuspensionScope scope) {
  if (scope == ports::SuspensionScope::kCamera) return "camera";
  return scope == ports::SuspensionScope::kModel ? "model" : "all";
}

}  // namespace

Result<Registry::SuspendResult> SuspensionDesk::Suspend(const NewSuspension& suspension, WallTime wall) {
  auto result = books_.registry.Suspend(suspension, wall);
  if (result) {
    About about;
    about.camera = suspension.camera;
    Facts facts;
    facts.Text("id", result->id.ToHex()).Text("scope", ScopeName(suspension.scope));
    if (!suspension.model.empty()) facts.Text("model", suspension.model);
    facts.Text("reason", suspension.reason).Flag("automatic", suspension.automatic);
    facts.Flag("durable", result->durable.has_value());
    books_.Record(audit::Kind::kSuspended, about, facts);
    Enforce();
  }
  return result;
}

Status SuspensionDesk::Resume(SuspensionId id, const std::string& root_cause, WallTime wall) {
  const auto& standing = books_.registry.suspensions();
  const auto lifted =
      std::find_if(standing.begin(), standing.end(), [&](const auto& s) { return s.id == id; });
  About about;
  if (lifted != standing.end()) about.camera = lifted->camera;
  auto resumed = books_.registry.Resume(id, root_cause, wall);
  if (resumed) {
    Facts facts;
    facts.Text("id", id.ToHex()).Text("root_cause", root_cause);
    books_.Record(audit::Kind::kResumed, about, facts);
    Enforce();
  }
  return resumed;
}

void SuspensionDesk::TripAll(const std::string& what, WallTime wall) {
  books_.Tell(what + ": everything is suspended");
  const auto& standing = books_.registry.suspensions();
  const bool tripped = std::any_of(standing.begin(), standing.end(), [](const auto& s) {
    return s.automatic && s.scope == ports::SuspensionScope::kAll;
  });
  if (tripped) return Enforce();
  NewSuspension suspension;
  suspension.scope = ports::SuspensionScope::kAll;
  suspension.reason = what;
  suspension.automatic = true;
  const auto result = Suspend(suspension, wall);
  if (result && result->durable) return;
  books_.Tell("the suspension could not be written");
  if (result) return;
  for (const auto& [camera, lane] : books_.lanes)
    books_.LaneViolation(camera, what + ", and it can't be suspended");
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
      keys_.DropCamera(camera, Suspended(), "the camera was suspended");
      books_.lists_changed = true;
    }
    if (!suspended && lane.told_to_suspend && lane.state == LaneState::kReady) {
      books_.effects.emplace_back(RestartLane{camera});
      books_.lists_changed = true;
    }
  }
}

}  // namespace latchkey::keeper
