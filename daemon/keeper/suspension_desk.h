// Suspensions: ordered by a person or tripped by the hub, durable, lifted only with a root cause.
#pragma once

#include <string>

#include "daemon/keeper/books.h"
#include "daemon/keeper/key_desk.h"

namespace latchkey::keeper {

// A page has proof of records that are not in the log.
constexpr const char* kLogLacking =
    "the audit log lacks records that a page has proof of: it was cut, or replaced by another one";

class SuspensionDesk {
 public:
  SuspensionDesk(Books& books, KeyDesk& keys) : books_(books), keys_(keys) {}

  Result<Registry::SuspendResult> Suspend(const NewSuspension& suspension, WallTime wall);
  Status Resume(SuspensionId id, const std::string& root_cause, WallTime wall);
  // The hub's own: one a camera, however often it trips.
  // Everything, by itself, unless that stands already.
  void TripAll(const std::string& what, WallTime wall);
  void Trip(CameraId camera, const std::string& what, WallTime wall);

  // Lanes of suspended cameras are told so and forgotten; lanes of cameras no longer suspended begin anew,
  // because a suspended lane takes nothing more. After each change, and when a lane is ready.
  void Enforce();

 private:
  Books& books_;
  KeyDesk& keys_;
};

}  // namespace latchkey::keeper
