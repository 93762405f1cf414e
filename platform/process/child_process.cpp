#include "platform/process/child_process.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <utility>

#include "daemon/base/check.h"
#include "platform/loop/poller.h"
#include "platform/process/child_exec.h"

namespace latchkey::platform {
namespace {

// idtype of waitid for a pidfd; older headers don't name it.
constexpr auto kPidfd = static_cast<idtype_t>(3);

UniqueFd OpenPidfd(pid_t pid) {
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

Error SystemError(const std::string& what) {
  return {ErrorCode::kSystem, "process: " + what + ": " + std::strerror(errno)};
}

// The child's errno, or 0 when exec closed the pipe.
int ReadExecError(int fd) {
  int error = 0;
  ssize_t got = -1;
  do {
    got = ::read(fd, &error, sizeof(error));
  } while (got < 0 && errno == EINTR);
  return got == static_cast<ssize_t>(sizeof(error)) ? error : 0;
}

struct Pair {
  UniqueFd ours;
  UniqueFd theirs;
};

std::optional<Pair> MakeSocketPair() {
  int fds[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) return std::nullopt;
  return Pair{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

std::optional<Pair> MakePipe() {
  int fds[2] = {-1, -1};
  if (::pipe2(fds, O_CLOEXEC) != 0) return std::nullopt;
  return Pair{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

}  // namespace

std::string Describe(const ChildExit& exit) {
  if (!exit.signalled) return "exit status " + std::to_string(exit.code);
  return "signal " + std::to_string(exit.code) + " (" + ::strsignal(exit.code) + ")";
}

struct ChildProcess::Impl {
  Impl(Loop& the_loop, pid_t child, UniqueFd handle, UniqueFd socket, ExitCallback callback)
      : loop(the_loop),
        pid(child),
        pidfd(std::move(handle)),
        channel(std::move(socket)),
        on_exit(std::move(callback)),
        poller(std::in_place, the_loop, pidfd.get(), [this](Poller::Events) { OnExit(); }) {
    poller->Watch({true, false});
  }

  std::optional<ChildExit> Reap(bool wait) {
    siginfo_t info{};
    // A non-blocking pidfd can't be waited on; the pid is ours until it is reaped, so it does as well.
    const idtype_t type = wait ? P_PID : kPidfd;
    const auto id = static_cast<id_t>(wait ? pid : pidfd.get());
    int result = -1;
    do {
      result = ::waitid(type, id, &info, WEXITED | (wait ? 0 : WNOHANG));
    } while (result != 0 && errno == EINTR);
    if (result != 0 || info.si_pid == 0) return std::nullopt;
    running = false;
    return ChildExit{info.si_code != CLD_EXITED, info.si_status};
  }

  void OnExit() {
    const auto exit = Reap(false);
    if (!exit) return;
    poller.reset();
    on_exit(*exit);
  }

  Loop& loop;
  pid_t pid;
  UniqueFd pidfd;
  UniqueFd channel;
  ExitCallback on_exit;
  bool running = true;
  std::optional<Poller> poller;  // empty once the child was reaped
};

Result<std::unique_ptr<ChildProcess>> ChildProcess::Spawn(Loop& loop, const ChildOptions& options,
                                                          ExitCallback on_exit) {
  auto channel = MakeSocketPair();
  if (!channel) return tl::unexpected<Error>(SystemError("cannot make a socketpair"));
  auto report = MakePipe();
  if (!report) return tl::unexpected<Error>(SystemError("cannot make a pipe"));
  ExecPlan plan(options.path, options.arguments, options.environment);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return tl::unexpected<Error>(SystemError("cannot fork"));
  if (pid == 0) plan.RunInChild(channel->theirs.get(), report->theirs.get(), parent);
  report->theirs.Close();
  channel->theirs.Close();
  UniqueFd pidfd = OpenPidfd(pid);
  const int error = ReadExecError(report->ours.get());
  if (error != 0 || !pidfd.valid()) {
    const int why = error != 0 ? error : errno;
    (void)::kill(pid, SIGKILL);
    (void)::waitpid(pid, nullptr, 0);
    return Fail(ErrorCode::kSystem, "process: cannot run " + options.path + ": " + std::strerror(why));
  }
  auto impl =
      std::make_unique<Impl>(loop, pid, std::move(pidfd), std::move(channel->ours), std::move(on_exit));
  return std::unique_ptr<ChildProcess>(new ChildProcess(std::move(impl)));
}

ChildProcess::ChildProcess(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ChildProcess::~ChildProcess() {
  impl_->poller.reset();
  if (impl_->running) {
    Kill(SIGKILL);
    (void)impl_->Reap(true);
  }
  Loop& loop = impl_->loop;
  loop.DeleteLater(std::move(impl_));
}

pid_t ChildProcess::pid() const {
  return impl_->pid;
}
bool ChildProcess::running() const {
  return impl_->running;
}

UniqueFd ChildProcess::TakeChannel() {
  LATCHKEY_CHECK(impl_->channel.valid());
  return std::move(impl_->channel);
}

void ChildProcess::Kill(int signal) {
  if (!impl_->running) return;
  (void)::syscall(SYS_pidfd_send_signal, impl_->pidfd.get(), signal, nullptr, 0);
}

Result<std::string> SiblingProgram(const std::string& name) {
  std::string self(4096, '\0');
  const ssize_t length = ::readlink("/proc/self/exe", self.data(), self.size());
  if (length <= 0 || static_cast<std::size_t>(length) == self.size()) {
    return tl::unexpected<Error>(SystemError("cannot read /proc/self/exe"));
  }
  self.resize(static_cast<std::size_t>(length));
  const std::string path = self.substr(0, self.rfind('/') + 1) + name;
  if (::access(path.c_str(), X_OK) != 0) {
    return Fail(ErrorCode::kNotFound,
                "process: no program " + path + ": build or install all of Latchkey's programs");
  }
  return path;
}

Result<UniqueFd> InheritedChannel() {
  int type = 0;
  socklen_t size = sizeof(type);
  const bool socket = ::getsockopt(kInheritedChannelFd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
  if (!socket || type != SOCK_SEQPACKET) {
    return Fail(ErrorCode::kInvalid,
                "process: descriptor 3 is no channel: this program is started by latchkeyd alone");
  }
  if (::fcntl(kInheritedChannelFd, F_SETFD, FD_CLOEXEC) != 0) {
    return tl::unexpected<Error>(SystemError("cannot keep descriptor 3 to ourselves"));
  }
  return UniqueFd(kInheritedChannelFd);
}

}  // namespace latchkey::platform
