// Children of the keeper: exec'd programs of this repository, each with one inherited channel.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/base/result.h"
#include "platform/loop/loop.h"
#include "platform/loop/unique_fd.h"

namespace latchkey::platform {

// Where a child finds its end of the socketpair.
constexpr int kInheritedChannelFd = 3;

struct ChildOptions {
  std::string path;                    // absolute; see SiblingProgram()
  std::vector<std::string> arguments;  // without the program's own name
  // "NAME=value"; beside these a child gets only TZ, JOURNAL_STREAM and the sanitizers' options.
  std::vector<std::string> environment;
};

struct ChildExit {
  bool signalled = false;
  int code = 0;  // exit status, or the signal's number when signalled
};
// "exit status 1", "signal 9 (Killed)".
std::string Describe(const ChildExit& exit);

class ChildProcess {
 public:
  // Called once from the loop when the child has ended; may destroy the ChildProcess.
  using ExitCallback = std::function<void(ChildExit)>;

  // The child gets /dev/null as stdin, our stdout and stderr, descriptor 3, and nothing else; default
  // signals; SIGKILL when this process dies. An exec that fails is an error here, not an exit.
  static Result<std::unique_ptr<ChildProcess>> Spawn(Loop& loop, const ChildOptions& options,
                                                     ExitCallback on_exit);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  // Kills a child that still runs (SIGKILL) and reaps it; on_exit isn't called.
  ~ChildProcess();

  [[nodiscard]] pid_t pid() const;
  [[nodiscard]] bool running() const;
  // Our end of the SOCK_SEQPACKET pair, once; for an IpcChannel.
  [[nodiscard]] UniqueFd TakeChannel();
  // Nothing when it has ended. Never hits another process (pidfd).
  void Kill(int signal);

 private:
  struct Impl;
  explicit ChildProcess(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The program `name` beside this one (the folder of /proc/self/exe).
[[nodiscard]] Result<std::string> SiblingProgram(const std::string& name);

// In a child: descriptor 3, checked to be a SOCK_SEQPACKET socket and made close-on-exec. Fails when the
// program was started by hand. To be called once.
[[nodiscard]] Result<UniqueFd> InheritedChannel();

}  // namespace latchkey::platform
