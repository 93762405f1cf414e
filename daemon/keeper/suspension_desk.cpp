#include "daemon/keeper/suspension_desk.h"

#include <algorithm>
#include <utility>
#include <vector>

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
    books_.Record(audit::Kind::kSuspended, about, facts);
    Enforce();
  }
  return result;
}

bool SuspensionDesk::KeepDue() const {
  const auto& unkept = books_.registry.unkept();
  const bool retry = refused_at_ && books_.now - *refused_at_ >= kKeepRetry;
  return std::any_of(unkept.begin(), unkept.end(), [&](const auto& u) { return retry || !u.why; });
}

void SuspensionDesk::Keep() {
  const std::vector<Registry::Unkept> before = books_.registry.unkept();
  books_.registry.KeepSuspensions();
  const auto& unkept = books_.registry.unkept();
  if (unkept.empty()) {
    if (refused_at_) books_.Tell("every suspension is on disk now");
    return refused_at_.reset();
  }
  refused_at_ = books_.now;
  for (const auto& [id, why] : unkept) {
    const auto told = [&, one = id](const auto& b) { return b.id == one && b.why.has_value(); };
    if (std::any_of(before.begin(), before.end(), told)) continue;
    books_.Tell(
        "a suspension could not be written, and holds only until the daemon restarts unless it can be: " +
        why->message);
    books_.Record(audit::Kind::kSuspended, {}, Facts().Text("id", id.ToHex()).Flag("durable", false));
  }
}

const Registry::Unkept* SuspensionDesk::WhyNotKept(SuspensionId id) const {
  const auto& unkept = books_.registry.unkept();
  const auto at = std::find_if(unkept.begin(), unkept.end(), [&](const auto& u) { return u.id == id; });
  return at == unkept.end() ? nullptr : &*at;
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
  if (Suspend(suspension, wall)) return;
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
  if (!result) books_.LaneViolation(camera, what + ", and it can't be suspended: " + result.error().message);
}

std::optional<CameraId> SuspensionDesk::NotDark() const {
  const auto lane = std::find_if(books_.lanes.begin(), books_.lanes.end(), [](const auto& l) {
    return l.second.state == LaneState::kReady && l.second.told_to_suspend && !l.second.dark;
  });
  return lane == books_.lanes.end() ? std::nullopt : std::optional(lane->first);
}

void SuspensionDesk::Watch() {
  for (auto& [camera, lane] : books_.lanes) {
    if (!lane.dark_by || books_.now < *lane.dark_by) continue;
    // Who waited for the disk hasn't read yet what lanes said meanwhile: they are asked first, and judged the
    // next time. That is later than now, because a loop may serve what is due over and over before it reads.
    if (!std::exchange(lane.overdue, true)) {
      lane.dark_by = books_.now + kDarkAgain;
      continue;
    }
    lane.dark_by.reset();
    books_.LaneViolation(camera, "it was told to suspend, and did not say that it has");
  }
}

std::optional<Instant> SuspensionDesk::NextDeadline() const {
  std::optional<Instant> next;
  for (const auto& [camera, lane] : books_.lanes) {
    if (lane.dark_by && (!next || *lane.dark_by < *next)) next = lane.dark_by;
  }
  return next;
}

void SuspensionDesk::Enforce() {
  for (auto& [camera, lane] : books_.lanes) {
    const bool suspended = books_.registry.SuspensionOf(camera) != nullptr;
    if (suspended && lane.state == LaneState::kReady && !lane.told_to_suspend) {
      books_.ToLaneNow(camera, wire::Suspend{});
      lane.told_to_suspend = true;
      lane.dark = false;
      lane.dark_by = books_.now + kDarkPatience;
      lane.overdue = false;
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
