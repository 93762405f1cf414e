// How far senders have come under enrolled keys, onto the disk beside the loop: such a write comes every few
// seconds, and an order that comes meanwhile should not find the loop waiting for it. Who needs the
// registry's file at that moment waits all the same.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>

#include "daemon/keeper/effects.h"
#include "platform/loop/background.h"
#include "platform/loop/loop.h"

namespace latchkey::keeper {

class IndexDisk {
 public:
  // On another thread, one at a time.
  using Reserve = std::function<Status(const ReserveIndex& wanted)>;
  using Handler = std::function<void(const ReserveIndex& wanted, const Status& status)>;

  // `on_written`: on the loop, of each camera in the order of Write(). Cameras take turns.
  IndexDisk(platform::Loop& loop, Reserve reserve, Handler on_written);
  ~IndexDisk();

  // What may wait is bounded by who asks: kIndexBlocks for each camera.
  void Write(const ReserveIndex& wanted);
  // Ends what is under way, without telling; what waits is dropped, and nobody was told that it is written.
  void Stop();

 private:
  class Task;
  void WriteOn();

  Reserve reserve_;
  Handler on_written_;
  std::map<CameraId, std::deque<ReserveIndex>> waiting_;  // none of them empty
  CameraId last_;                                         // whose turn it was
  // Last, so that what is under way ends before anything that it uses.
  std::optional<platform::Background> writing_;
};

}  // namespace latchkey::keeper
