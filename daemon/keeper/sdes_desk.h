// Sessions of cameras whose key the hub made and showed to the owner once (DESIGN section 4, "enrolled
// SDES"). Such a camera makes no offer: its session begins with its lane, and stands until something ends it.
#pragma once

#include "daemon/keeper/books.h"
#include "daemon/keeper/key_desk.h"

namespace latchkey::keeper {

// After a session could not be begun (a full disk), before the next try.
constexpr Duration kSdesRetry = seconds(60);
// Blocks of indices that a lane may want within kIndexWindow, and that may wait for a slow disk; each is a
// write. One more ends the session.
constexpr std::uint32_t kIndexBlocks = 64;
constexpr Duration kIndexWindow = seconds(10);

class SdesDesk {
 public:
  SdesDesk(Books& books, KeyDesk& keys) : books_(books), keys_(keys) {}

  // Where nobody publishes, the enrolled key may: at each tick, and when a lane has got ready.
  void BeginAll(Instant now, WallTime wall);
  // The lane says on which port it is: there its sender finds it from now on.
  void NotePort(CameraId camera, std::uint16_t port);
  void Reserve(CameraId camera, const wire::IndexWanted& wanted, Instant now);
  void HandleReserved(const ReserveIndex& wanted, const Status& status, Instant now);

 private:
  [[nodiscard]] bool MayBegin(const ports::CameraRecord& camera, const LaneSlot& lane, Instant now) const;
  Status Begin(const ports::CameraRecord& camera, LaneSlot& lane, Instant now, WallTime wall);

  Books& books_;
  KeyDesk& keys_;
};

}  // namespace latchkey::keeper
