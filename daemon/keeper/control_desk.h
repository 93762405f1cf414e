// What the owner orders over the control socket, as typed calls (control.h speaks JSON).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/keeper/admission_desk.h"
#include "daemon/keeper/books.h"
#include "daemon/keeper/key_desk.h"
#include "daemon/keeper/page_desk.h"
#include "daemon/keeper/sdes_desk.h"
#include "daemon/keeper/suspension_desk.h"

namespace latchkey::keeper {

struct Watcher {
  SessionId id;
  CameraId camera;
  ViewerId viewer;
  wire::ViewerLeg leg;
};

// Each change takes effect at once: what a session no longer has a right to, it loses before the call
// returns.
class ControlDesk {
 public:
  ControlDesk(Books& books, KeyDesk& keys, PageDesk& pages, SuspensionDesk& suspensions,
              AdmissionDesk& admissions, SdesDesk& sdes)
      : books_(books),
        keys_(keys),
        pages_(pages),
        suspensions_(suspensions),
        admissions_(admissions),
        sdes_(sdes) {}

  Result<Enrolled<CameraId>> AddCamera(const NewCamera& camera, WallTime wall);
  Status RenameCamera(CameraId id, const std::string& name);
  Status RemoveCamera(CameraId id);
  Status PinCamera(CameraId id, ports::PinState state, const std::optional<ports::KeyPin>& pin);
  Status ConfirmPin(CameraId id);
  Result<Enrolled<CameraId>> RotateCamera(CameraId id, Instant now, WallTime wall);
  Result<Enrolled<CameraId>> TransferCamera(CameraId id, Instant now, WallTime wall);
  Result<Enrolled<ViewerId>> AddViewer(const std::string& name, WallTime wall);
  // Its sessions end, and whoever comes back needs the new token; its grants stand.
  Result<Secret32> RotateViewer(ViewerId id);
  Status RemoveViewer(ViewerId id, WallTime wall);
  Result<GrantId> AddGrant(const NewGrant& grant, WallTime wall);
  Status RevokeGrant(GrantId id, WallTime wall);
  // End what is to end by an order: the views that live by the grant; whatever the viewer's token opened; the
  // camera's publisher; all that it sends and all that is seen of it. To be carried out before the order
  // itself, which waits for the disk; what ended although that fails may begin again. So `why` is what is
  // under way, and questions are told to come again.
  void EndViews(GrantId grant);
  void EndViewer(ViewerId viewer, std::string_view why);
  void EndPublisher(CameraId camera, std::string_view why);
  void EndMedia(CameraId camera, std::string_view why);
  // As SuspensionDesk::Suspend(): told to the lanes now, on disk when the effects have been carried out.
  Result<Registry::SuspendResult> Suspend(const NewSuspension& suspension, WallTime wall);
  [[nodiscard]] const Registry::Unkept* WhyNotKept(SuspensionId id) const {
    return suspensions_.WhyNotKept(id);
  }
  Status Resume(SuspensionId id, const std::string& root_cause, WallTime wall);

  [[nodiscard]] const Registry& registry() const { return books_.registry; }
  // Of every camera, in order of addition.
  [[nodiscard]] std::vector<wire::CameraView> Cameras(Instant now) const;
  // Who is connected to which camera right now, as the lanes told last.
  [[nodiscard]] std::vector<Watcher> Watchers(Instant now) const;

 private:
  void Note(audit::Kind kind, CameraId camera, const Facts& facts = {});
  // Its token and its key are others now.
  void ForgetRefusals(CameraId id);

  Books& books_;
  KeyDesk& keys_;
  PageDesk& pages_;
  SuspensionDesk& suspensions_;
  AdmissionDesk& admissions_;
  SdesDesk& sdes_;
};

}  // namespace latchkey::keeper
