// Work put off to the end of the loop's current round: once, however often it was asked for.
#pragma once

#include <functional>
#include <memory>

#include "platform/loop/loop.h"

namespace latchkey::platform {

class Deferred {
 public:
  using Callback = std::function<void()>;
  Deferred(Loop& loop, Callback callback);

  // The callback runs once, after what is ready now has been handled and before the loop sleeps. Many
  // calls before that are one. May be called from the callback itself: then it runs in the next round.
  void Schedule();
  void Cancel();
  [[nodiscard]] bool scheduled() const;

 private:
  struct Handle;
  // Starts uv_close; the handle and its callback live until that has called back.
  struct Closer {
    void operator()(Handle* handle) const;
  };
  std::unique_ptr<Handle, Closer> handle_;
};

}  // namespace latchkey::platform
