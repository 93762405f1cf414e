// Work that may block (a disk that is slow), beside the loop: one piece at a time.
#pragma once

#include <memory>

#include "platform/loop/loop.h"

namespace latchkey::platform {

class Background {
 public:
  class Task {
   public:
    Task() = default;
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    virtual ~Task() = default;
    // On another thread; touches nothing that anybody else does meanwhile.
    virtual void Work() = 0;
    // On the loop, afterwards. The next task may be given from here.
    virtual void Done() = 0;
  };

  // The loop's end waits for what is under way, so it must be one of our own (CHECKed).
  explicit Background(Loop& loop);
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  // Waits for the work that is under way; its Done() is not called any more.
  ~Background();

  // Only when not busy().
  void Run(std::unique_ptr<Task> task);
  [[nodiscard]] bool busy() const { return job_ != nullptr; }

 private:
  struct Job;
  Loop& loop_;
  Job* job_ = nullptr;  // libuv's until it has called back
};

}  // namespace latchkey::platform
