#include "daemon/access/policy.h"

#include <algorithm>
#include <optional>

namespace latchkey::access {
namespace {

// How far a grant got, so that of several failures the nearest to a yes is told.
int Nearness(ViewRefusal refusal) {
  switch (refusal) {
    case ViewRefusal::kNoGrant: return 0;
    case ViewRefusal::kExpired: return 1;
    case ViewRefusal::kNotYet: return 2;
    case ViewRefusal::kNoRight: return 3;
    case ViewRefusal::kUnrecorded: return 4;
    case ViewRefusal::kSuspended: return 5;
  }
  return 0;
}

std::optional<ViewRefusal> Against(const ViewQuestion& question, const ports::GrantRecord& grant) {
  if (grant.viewer != question.viewer || grant.camera != question.camera) return ViewRefusal::kNoGrant;
  if (question.now >= grant.not_after) return ViewRefusal::kExpired;
  if (question.now < grant.not_before) return ViewRefusal::kNotYet;
  if (!HasRight(grant.rights, question.right)) return ViewRefusal::kNoRight;
  if (question.suspended) return ViewRefusal::kSuspended;
  if (question.unrecorded) return ViewRefusal::kUnrecorded;
  return std::nullopt;
}

template <class Which>
std::vector<CameraId> NamedBy(ViewerId viewer, WallTime now, std::span<const ports::GrantRecord> grants,
                              Which&& which) {
  std::vector<CameraId> cameras;
  for (const ports::GrantRecord& grant : grants) {
    if (grant.viewer == viewer && HoldsAt(grant, now) && which(grant)) cameras.push_back(grant.camera);
  }
  std::sort(cameras.begin(), cameras.end());
  cameras.erase(std::unique(cameras.begin(), cameras.end()), cameras.end());
  return cameras;
}

}  // namespace

std::string_view ViewRefusalText(ViewRefusal refusal) {
  switch (refusal) {
    case ViewRefusal::kNoGrant: return "no grant lets this token see this camera";
    case ViewRefusal::kNotYet: return "the grant for this camera does not hold yet";
    case ViewRefusal::kExpired: return "the grant for this camera has ended";
    case ViewRefusal::kNoRight: return "the grant for this camera does not include this right";
    case ViewRefusal::kSuspended: return "the camera is suspended";
    case ViewRefusal::kUnrecorded: return "the hub can't write its log of who sees what";
  }
  return "refused";
}

tl::expected<ports::GrantRecord, ViewRefusal> DecideView(const ViewQuestion& question,
                                                         std::span<const ports::GrantRecord> grants) {
  const ports::GrantRecord* best = nullptr;
  ViewRefusal nearest = ViewRefusal::kNoGrant;
  for (const ports::GrantRecord& grant : grants) {
    if (const auto refusal = Against(question, grant)) {
      if (Nearness(*refusal) > Nearness(nearest)) nearest = *refusal;
    } else if (best == nullptr || grant.not_after > best->not_after) {
      best = &grant;
    }
  }
  if (best == nullptr) return tl::unexpected(nearest);
  return *best;
}

tl::expected<ports::GrantRecord, ViewRefusal> DecideAgain(const ViewQuestion& question,
                                                          const ports::GrantRecord* grant) {
  if (grant == nullptr) return tl::unexpected(ViewRefusal::kNoGrant);
  return DecideView(question, std::span(grant, 1));
}

std::vector<CameraId> VisibleCameras(ViewerId viewer, WallTime now,
                                     std::span<const ports::GrantRecord> grants) {
  return NamedBy(viewer, now, grants, [](const ports::GrantRecord&) { return true; });
}

std::vector<CameraId> WatchableCameras(ViewerId viewer, WallTime now,
                                       std::span<const ports::GrantRecord> grants) {
  return NamedBy(viewer, now, grants,
                 [](const ports::GrantRecord& grant) { return HasRight(grant.rights, wire::Rights::kLive); });
}

}  // namespace latchkey::access
