// A timer on a Loop. Resolution 1 ms; it never fires early.
#pragma once

#include <functional>
#include <memory>

#include "platform/loop/loop.h"

namespace latchkey::platform {

class Timer {
 public:
  using Callback = std::function<void()>;
  // Not running. The callback may start, stop or destroy this timer.
  Timer(Loop& loop, Callback callback);

  // Once, at `when` or as soon as possible when that is past. Replaces what was set before; setting the
  // same millisecond again costs next to nothing.
  void StartAt(Instant when);
  void StartAfter(Duration delay);
  // Every `period` (at least 1 ms), the first time one period from now.
  void StartRepeating(Duration period);
  void Stop();
  [[nodiscard]] bool active() const;

 private:
  struct Handle;
  // Starts uv_close; the handle and its callback live until that has called back.
  struct Closer {
    void operator()(Handle* handle) const;
  };
  Loop& loop_;
  std::unique_ptr<Handle, Closer> handle_;
};

}  // namespace latchkey::platform
