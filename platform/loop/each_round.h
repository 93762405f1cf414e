// A callback in every round of a Loop, for what another library does between two of them.
#pragma once

#include <functional>
#include <memory>

#include "platform/loop/loop.h"

namespace latchkey::platform {

class EachRound {
 public:
  using Callback = std::function<void()>;
  // Stopped at first.
  EachRound(Loop& loop, Callback callback);

  // The callback runs once a round, after what was ready has been handled. It never wakes the loop and
  // doesn't keep it running.
  void Start();
  void Stop();

 private:
  struct Handle;
  // Starts uv_close; the handle and its callback live until that has called back.
  struct Closer {
    void operator()(Handle* handle) const;
  };
  std::unique_ptr<Handle, Closer> handle_;
};

}  // namespace latchkey::platform
