// Readiness of one descriptor on a Loop (level-triggered).
#pragma once

#include <functional>
#include <memory>

#include "platform/loop/loop.h"

namespace latchkey::platform {

class Poller {
 public:
  struct Events {
    bool readable = false;  // also at end of file and on errors: read to find out
    bool writable = false;
  };
  using Callback = std::function<void(Events)>;

  // The descriptor is made non-blocking, stays the caller's, and is closed only after this object is
  // gone or stopped. At most one Poller per descriptor. Aborts on a descriptor that can't be polled.
  Poller(Loop& loop, int fd, Callback callback);

  // Waits for either or both from now on; neither is Stop().
  void Watch(Events wanted);
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
