// Suspensions: ordered by a person or tripped by the hub, durable, lifted only with a root cause.
//
// An order goes to the lanes first and to the disk then: a slow memory card must not keep pictures going. It
// is acknowledged when the disk has it, and every lane has said that nothing leaves it any more.
#pragma once

#include <optional>
#include <string>

#include "daemon/keeper/books.h"
#include "daemon/keeper/key_desk.h"

namespace latchkey::keeper {

// A page has proof of records that are not in the log.
constexpr const char* kLogLacking =
    "the audit log lacks records that a page has proof of: it was cut, or replaced by another one";

// A lane that is told to suspend and has not said by then that it has is ended.
constexpr Duration kDarkPatience = milliseconds(50);
// Whoever has not said so by then is asked once more, when all that was said meanwhile has been read.
constexpr Duration kDarkAgain = milliseconds(1);
// A suspension that the disk refused is written again after so long.
constexpr Duration kKeepRetry = seconds(5);

class SuspensionDesk {
 public:
  SuspensionDesk(Books& books, KeyDesk& keys) : books_(books), keys_(keys) {}

  // Told to the lanes, and on disk after Keep().
  Result<Registry::SuspendResult> Suspend(const NewSuspension& suspension, WallTime wall);
  // Writes what is not on disk, and says so where it can't be written.
  void Keep();
  // Some are to be written now: new ones, or ones that the disk refused kKeepRetry ago.
  [[nodiscard]] bool KeepDue() const;
  // Nothing when it is on disk, or stands no more.
  [[nodiscard]] const Registry::Unkept* WhyNotKept(SuspensionId id) const;
  Status Resume(SuspensionId id, const std::string& root_cause, WallTime wall);
  // The hub's own. Everything, unless that stands already.
  void TripAll(const std::string& what, WallTime wall);
  // One a camera, however often it trips.
  void Trip(CameraId camera, const std::string& what, WallTime wall);

  // A camera whose lane was told to suspend, has not said that it has, and is not gone.
  [[nodiscard]] std::optional<CameraId> NotDark() const;
  // Ends those that took too long, when it is called for the second time since; between the two, what lanes
  // have said is handled. When there will be one.
  void Watch();
  [[nodiscard]] std::optional<Instant> NextDeadline() const;

  // Lanes of suspended cameras are told so and forgotten; lanes of cameras no longer suspended begin anew,
  // because a suspended lane takes nothing more. After each change, and when a lane is ready.
  void Enforce();

 private:
  Books& books_;
  KeyDesk& keys_;
  std::optional<Instant> refused_at_;  // by the disk
};

}  // namespace latchkey::keeper
