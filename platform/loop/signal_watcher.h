// A POSIX signal delivered as a callback of a Loop.
#pragma once

#include <functional>
#include <memory>

#include "platform/loop/loop.h"

namespace latchkey::platform {

class SignalWatcher {
 public:
  using Callback = std::function<void(int signal)>;
  // Watches at once (SIGTERM, SIGINT, SIGHUP, ...; not SIGKILL, SIGSTOP).
  SignalWatcher(Loop& loop, int signal, Callback callback);

 private:
  struct Handle;
  // Starts uv_close; the handle and its callback live until that has called back.
  struct Closer {
    void operator()(Handle* handle) const;
  };
  std::unique_ptr<Handle, Closer> handle_;
};

}  // namespace latchkey::platform
