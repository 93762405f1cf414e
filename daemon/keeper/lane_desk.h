// What the lanes say: answers to questions, news of their camera, and what they want.
#pragma once

#include "daemon/keeper/admission_desk.h"
#include "daemon/keeper/books.h"
#include "daemon/keeper/key_desk.h"
#include "daemon/keeper/sdes_desk.h"
#include "daemon/keeper/suspension_desk.h"

namespace latchkey::keeper {

// From the start of a lane or front to its being ready; then it is ended.
constexpr Duration kStartLimit = seconds(15);
// A lane speaks twice a second. One that has been silent for so long is ended.
constexpr Duration kLaneSilence = seconds(10);

// Epochs that a lane may want within kEpochWindow: a camera that begins anew needs one for each stream. One
// more ends the camera's session: each costs the disk a write sooner or later, and every viewer a wrap.
constexpr std::uint32_t kEpochsWanted = 8;
constexpr Duration kEpochWindow = seconds(10);

class LaneDesk {
 public:
  LaneDesk(Books& books, KeyDesk& keys, SuspensionDesk& suspensions, AdmissionDesk& admissions,
           SdesDesk& sdes)
      : books_(books), keys_(keys), suspensions_(suspensions), admissions_(admissions), sdes_(sdes) {}

  // The process runs: it is told who it is.
  void HandleStart(CameraId camera, Instant now);
  void Handle(CameraId camera, wire::LaneToKeeper message, Instant now, WallTime wall);
  // The process has ended.
  void HandleEnd(CameraId camera, Instant now);
  // Ends lanes that never got ready, or fell silent.
  void Watch(Instant now);

 private:
  void On(const wire::LaneReady& m);
  void On(wire::PublishAnswer m);
  void On(const wire::ViewerParsed& m);
  void On(wire::ViewerAnswer m);
  void On(wire::PatchAnswer m);
  void On(wire::Refused m);
  void On(const wire::SessionEnded& m);
  void On(const wire::LaneStatus& m);
  void On(const wire::EpochWanted& m);
  void On(const wire::OpenFailed& m);
  void On(const wire::KeyShown& m);
  void On(const wire::SourcesSeen& m);
  void On(const wire::IndexWanted& m);

  // The question that this lane's reply answers: known, of this principal, of this camera. Counts otherwise.
  Question* FindOwn(const wire::Ticket& ticket);
  // The same, for a reply that names its session.
  Question* FindOwn(const wire::Ticket& ticket, SessionId session);
  // A reply came too late: what it speaks of is nobody's.
  void EndUnheard(SessionId session);

  Books& books_;
  KeyDesk& keys_;
  SuspensionDesk& suspensions_;
  AdmissionDesk& admissions_;
  SdesDesk& sdes_;
  CameraId camera_;
  LaneSlot* lane_ = nullptr;  // of the message being handled
  Instant now_{};
  WallTime wall_{};
};

}  // namespace latchkey::keeper
