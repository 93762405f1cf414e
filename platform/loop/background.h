// Work that may block (a disk that is slow), beside the loop: one piece at a time.
#pragma once

#include <functional>
#include <memory>

#include "platform/loop/loop.h"

namespace latchkey::platform {

class Background {
 public:
  explicit Background(Loop& loop);
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  // Waits for the work that is under way; its `done` is not called any more.
  ~Background();

  // `work` runs on another thread and touches nothing that anybody else does meanwhile; `done` runs on the
  // loop afterwards. Only when not busy().
  void Run(std::function<void()> work, std::function<void()> done);
  [[nodiscard]] bool busy() const { return job_ != nullptr; }

 private:
  struct Job;
  Loop& loop_;
  Job* job_ = nullptr;  // libuv's until it has called back
};

}  // namespace latchkey::platform
