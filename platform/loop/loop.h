// One libuv event loop. Everything in platform/ with a callback hangs on one, in one thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "daemon/base/time.h"

struct uv_loop_s;

namespace latchkey::platform {

class Loop {
 public:
  // A loop of its own.
  Loop();
  // Another library's loop, which outlives this object and is not closed by it.
  explicit Loop(uv_loop_s* borrowed);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  // Every wrapper made on the loop is gone by then (members declared after it are). Finishes their
  // closing; a handle still open on a loop of our own is a bug and aborts.
  ~Loop();

  // Until Stop() or until nothing is left to wait for.
  void Run();
  // One round: handles what is ready, waiting for something when `wait`. False when nothing is left
  // to wait for.
  bool RunOnce(bool wait);
  // Run() returns after the current round. Also from within a callback.
  void Stop();

  // CLOCK_MONOTONIC, read anew at each call.
  [[nodiscard]] Instant Now() const;
  [[nodiscard]] WallTime WallNow() const;
  [[nodiscard]] uv_loop_s* Raw() { return loop_; }

  // Destroys `holder` at the end of this round: how an object may be let go from within its own callback.
  void DisposeLater(std::function<void()> holder);
  template <class T>
  void DeleteLater(std::unique_ptr<T> object) {
    T* raw = object.release();
    DisposeLater([raw] { delete raw; });
  }

 private:
  friend class Background;
  uv_loop_s* loop_;
  bool owned_;
  std::size_t working_ = 0;  // pieces of background work whose end libuv has not told yet
};

}  // namespace latchkey::platform
