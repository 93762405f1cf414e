// One running child: its process and its channel, as one thing that ends once.
#pragma once

#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/base/bytes.h"
#include "daemon/base/result.h"
#include "platform/loop/loop.h"
#include "platform/loop/timer.h"
#include "platform/process/child_process.h"
#include "platform/process/ipc_channel.h"

namespace latchkey::keeper {

class Child {
 public:
  struct Handlers {
    std::function<void(ByteView record)> on_record;
    // Once, after which nothing is called: the process has been reaped. May destroy the Child.
    std::function<void(const platform::ChildExit& exit, std::string how)> on_end;
  };
  // `patience`: how long a child may live that has closed its channel. It may be about to exit by itself, and
  // its status says why.
  static Result<std::unique_ptr<Child>> Start(platform::Loop& loop, const std::string& program,
                                              std::vector<std::string> arguments, Duration patience,
                                              Handlers handlers);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() = default;  // kills

  void Send(ByteVector record);
  // SIGKILL; on_end follows.
  void Kill(std::string why);
  [[nodiscard]] pid_t pid() const { return process_->pid(); }

 private:
  explicit Child(platform::Loop& loop) : leaving_(loop, [this] { process_->Kill(SIGKILL); }) {}
  Handlers handlers_;
  std::string why_;  // of our own, when it was killed
  std::unique_ptr<platform::ChildProcess> process_;
  std::unique_ptr<platform::IpcChannel> channel_;
  platform::Timer leaving_;
};

}  // namespace latchkey::keeper
