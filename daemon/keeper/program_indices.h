// How far senders have come under enrolled keys, onto the disk beside the loop: one of these writes comes
// every few seconds, and nothing that ends pictures may wait for it.
#pragma once

#include <deque>
#include <functional>
#include <optional>

#include "daemon/keeper/effects.h"
#include "daemon/ports/store.h"
#include "platform/loop/background.h"
#include "platform/loop/loop.h"

namespace latchkey::keeper {

class IndexDisk {
 public:
  using Handler = std::function<void(const ReserveIndex& wanted, const Status& status)>;

  // `on_written`: on the loop, in the order of Write().
  IndexDisk(platform::Loop& loop, ports::RegistryStore& store, Handler on_written);
  ~IndexDisk();

  // What may wait is bounded by who asks: kIndexBlocks for each camera.
  void Write(const ReserveIndex& wanted);
  // Ends what is under way, without telling; what waits is dropped, and nobody was told that it is written.
  void Stop();

 private:
  class Task;
  void WriteOn();

  ports::RegistryStore& store_;
  Handler on_written_;
  std::deque<ReserveIndex> waiting_;
  // Last, so that what is under way ends before anything that it uses.
  std::optional<platform::Background> writing_;
};

}  // namespace latchkey::keeper
