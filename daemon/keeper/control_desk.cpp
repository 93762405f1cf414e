#include "daemon/keeper/control_desk.h"

#include <string_view>
#include <utility>

#include "daemon/access/policy.h"
#include "daemon/keeper/words.h"

namespace latchkey::keeper {
namespace {

// Of what was begun under the old one while the order was under way.
constexpr std::string_view kTokenReplaced = "its token was replaced";

}  // namespace

void ControlDesk::Note(audit::Kind kind, CameraId camera, const Facts& facts) {
  About about;
  about.camera = camera;
  books_.Record(kind, about, facts);
}

Result<Enrolled<CameraId>> ControlDesk::AddCamera(const NewCamera& camera, WallTime wall) {
  auto enrolled = books_.registry.AddCamera(camera, wall);
  if (enrolled) {
    Facts facts;
    facts.Text("name", camera.name).Text("model", camera.model).Flag("sdes", camera.sdes);
    Note(audit::Kind::kCameraAdded, enrolled->id, facts);
    books_.lanes[enrolled->id];
    books_.effects.emplace_back(StartLane{enrolled->id});
  }
  return enrolled;
}

Status ControlDesk::RenameCamera(CameraId id, const std::string& name) {
  auto renamed = books_.registry.RenameCamera(id, name);
  if (!renamed) return renamed;
  Note(audit::Kind::kCameraRenamed, id, Facts().Text("name", name));
  books_.lists_changed = true;
  return renamed;
}

Status ControlDesk::RemoveCamera(CameraId id) {
  if (auto removed = books_.registry.RemoveCamera(id); !removed) return removed;
  keys_.RefuseQuestions(id, UnknownCamera());
  keys_.DropCamera(id, UnknownCamera(), "the camera was removed");
  Note(audit::Kind::kCameraRemoved, id);
  books_.lanes.erase(id);
  books_.effects.emplace_back(StopLane{id});
  books_.lists_changed = true;
  return {};
}

Status ControlDesk::PinCamera(CameraId id, ports::PinState state, const std::optional<ports::KeyPin>& pin) {
  return admissions_.Pin(id, state, pin);
}

Status ControlDesk::ConfirmPin(CameraId id) {
  return admissions_.Confirm(id);
}

void ControlDesk::ForgetRefusals(CameraId id) {
  LaneSlot* lane = books_.Lane(id);
  if (lane == nullptr) return;
  lane->key_refused.clear();
  lane->sdes_refused = false;
  lane->sdes_failed.reset();
}

Result<Enrolled<CameraId>> ControlDesk::RotateCamera(CameraId id, Instant now, WallTime wall) {
  auto renewed = books_.registry.RotateCamera(id);
  if (!renewed) return renewed;
  Note(audit::Kind::kTokenRotated, id);
  keys_.EndPublisher(id, UnknownToken(), kTokenReplaced);
  ForgetRefusals(id);
  sdes_.BeginAll(now, wall);
  return renewed;
}

Result<Enrolled<CameraId>> ControlDesk::TransferCamera(CameraId id, Instant now, WallTime wall) {
  auto renewed = books_.registry.TransferCamera(id);
  if (!renewed) return renewed;
  Note(audit::Kind::kOwnerChanged, id);
  keys_.EndPublisher(id, UnknownToken(), kTokenReplaced);
  keys_.RefuseQuestions(id, NotGranted("the camera has a new owner"));
  keys_.Recheck(wall);
  ForgetRefusals(id);
  books_.lists_changed = true;
  // What the old owner's viewers were sealed for opens to nobody any more. Where no epoch can be made the
  // lane begins anew instead, without memory.
  LaneSlot* lane = books_.Lane(id);
  if (lane != nullptr && lane->state == LaneState::kReady && lane->epoch.value != 0 &&
      !keys_.Begin(id, now, wall)) {
    books_.effects.emplace_back(RestartLane{id});
    return renewed;
  }
  sdes_.BeginAll(now, wall);
  return renewed;
}

Result<Enrolled<ViewerId>> ControlDesk::AddViewer(const std::string& name, WallTime wall) {
  auto viewer = books_.registry.AddViewer(name, wall);
  About about;
  if (viewer) about.viewer = viewer->id;
  if (viewer) books_.Record(audit::Kind::kViewerAdded, about, Facts().Text("name", name));
  return viewer;
}

Result<Secret32> ControlDesk::RotateViewer(ViewerId id) {
  auto token = books_.registry.RotateViewer(id);
  if (!token) return token;
  About about;
  about.viewer = id;
  books_.Record(audit::Kind::kTokenRotated, about);
  keys_.EndViewer(id, UnknownToken(), kTokenReplaced);
  // Pages that were opened with the old one are told so.
  books_.lists_changed = true;
  return token;
}

Status ControlDesk::RemoveViewer(ViewerId id, WallTime wall) {
  auto removed = books_.registry.RemoveViewer(id);
  About about;
  about.viewer = id;
  if (removed) books_.Record(audit::Kind::kViewerRemoved, about);
  keys_.Recheck(wall);
  if (removed) books_.lists_changed = true;
  return removed;
}

Result<GrantId> ControlDesk::AddGrant(const NewGrant& grant, WallTime wall) {
  auto id = books_.registry.AddGrant(grant, wall);
  if (!id) return id;
  About about;
  about.camera = grant.camera;
  about.viewer = grant.viewer;
  Facts facts;
  facts.Text("grant", id->ToHex()).Text("rights", FormatRights(grant.rights));
  facts.Text("not_before", FormatMoment(grant.not_before));
  if (grant.not_after != ports::kNoEnd) facts.Text("not_after", FormatMoment(grant.not_after));
  books_.Record(audit::Kind::kGranted, about, facts);
  books_.lists_changed = true;
  return id;
}

Status ControlDesk::RevokeGrant(GrantId id, WallTime wall) {
  About about;
  if (const auto* grant = books_.registry.FindGrant(id)) {
    about.camera = grant->camera;
    about.viewer = grant->viewer;
  }
  auto revoked = books_.registry.RevokeGrant(id);
  if (revoked) books_.Record(audit::Kind::kGrantRevoked, about, Facts().Text("grant", id.ToHex()));
  keys_.Recheck(wall);
  if (revoked) books_.lists_changed = true;
  return revoked;
}

void ControlDesk::EndViews(GrantId grant) {
  for (const SessionId id : books_.sessions.Pick([&](const Session& s) { return s.grant == grant; }))
    keys_.EndSession(id, access::ViewRefusalText(access::ViewRefusal::kNoGrant));
}

void ControlDesk::EndViewer(ViewerId viewer, std::string_view why) {
  keys_.EndViewer(viewer, BeingChanged(), why);
}

void ControlDesk::EndPublisher(CameraId camera, std::string_view why) {
  keys_.EndPublisher(camera, BeingChanged(), why);
}

void ControlDesk::EndMedia(CameraId camera, std::string_view why) {
  for (const SessionId id : books_.sessions.Pick([&](const Session& s) { return s.camera == camera; }))
    keys_.EndSession(id, why);
}

Result<Registry::SuspendResult> ControlDesk::Suspend(const NewSuspension& suspension, WallTime wall) {
  return suspensions_.Suspend(suspension, wall);
}

Status ControlDesk::Resume(SuspensionId id, const std::string& root_cause, WallTime wall) {
  return suspensions_.Resume(id, root_cause, wall);
}

std::vector<wire::CameraView> ControlDesk::Cameras(Instant now) const {
  std::vector<wire::CameraView> views;
  for (const auto& camera : books_.registry.cameras()) views.push_back(pages_.View(camera, now));
  return views;
}

std::vector<Watcher> ControlDesk::Watchers(Instant now) const {
  std::vector<Watcher> watchers;
  for (const auto& camera : books_.registry.cameras()) {
    const LaneSlot* lane = books_.Lane(camera.id);
    if (lane == nullptr || !lane->status_at || now - *lane->status_at > kStatusFresh) continue;
    for (const wire::ViewerLeg& leg : lane->status.legs.items()) {
      // A session that ended since is nobody's any more; whose it is, is the keeper's knowledge alone.
      const Session* session = books_.sessions.Find(leg.session);
      if (session == nullptr || !session->is_viewer() || session->camera != camera.id) continue;
      watchers.push_back({leg.session, camera.id, std::get<ViewerId>(session->owner), leg});
    }
  }
  return watchers;
}

}  // namespace latchkey::keeper
