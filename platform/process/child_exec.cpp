#include "platform/process/child_exec.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "platform/process/child_process.h"

namespace latchkey::platform {
namespace {

// Of our own environment a child gets these. JOURNAL_STREAM tells the logger where stderr goes.
constexpr std::array kInheritedVariables = {
    "TZ",           "JOURNAL_STREAM", "ASAN_OPTIONS",     "UBSAN_OPTIONS",
    "TSAN_OPTIONS", "LSAN_OPTIONS",   "LLVM_PROFILE_FILE"};
constexpr unsigned kCloseRangeCloexec = 4;  // CLOSE_RANGE_CLOEXEC, Linux 5.11
constexpr int kHighestDescriptor = 1024;    // where close_range isn't there

void CloseOnExecFrom(unsigned first) {
  if (::syscall(SYS_close_range, first, ~0U, kCloseRangeCloexec) == 0) return;
  for (int fd = static_cast<int>(first); fd < kHighestDescriptor; ++fd)
    (void)::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

// An ignored signal stays ignored over exec, and so does a blocked one.
void ResetSignals() {
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) (void)::sigaction(number, &usual, nullptr);
  sigset_t none;
  (void)sigemptyset(&none);
  (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace

ExecPlan::ExecPlan(const std::string& path, const std::vector<std::string>& arguments,
                   const std::vector<std::string>& environment) {
  texts_.push_back(path);
  for (const auto& argument : arguments) texts_.push_back(argument);
  const std::size_t arguments_end = texts_.size();
  for (const char* name : kInheritedVariables) {
    const char* value = std::getenv(name);
    if (value != nullptr) texts_.push_back(std::string(name) + "=" + value);
  }
  for (const auto& variable : environment) texts_.push_back(variable);
  for (std::size_t i = 0; i < texts_.size(); ++i)
    (i < arguments_end ? argv_ : envp_).push_back(texts_[i].data());
  argv_.push_back(nullptr);
  envp_.push_back(nullptr);
}

void ExecPlan::RunInChild(int channel, int report, pid_t parent) {
  const auto fail = [&report] {
    const int error = errno;
    (void)!::write(report, &error, sizeof(error));
    ::_exit(127);
  };
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail();
  // The parent may have died before the line above.
  if (::getppid() != parent) ::_exit(127);
  ResetSignals();
  // Both are moved out of the way first: either may be descriptor 3 or below already.
  const int high_channel = ::fcntl(channel, F_DUPFD_CLOEXEC, kInheritedChannelFd + 1);
  const int high_report = ::fcntl(report, F_DUPFD_CLOEXEC, kInheritedChannelFd + 1);
  if (high_channel < 0 || high_report < 0) fail();
  report = high_report;
  const int null = ::open("/dev/null", O_RDWR);
  if (null < 0 || ::dup2(null, STDIN_FILENO) < 0) fail();
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) < 0 && ::dup2(null, fd) < 0) fail();
  }
  if (::dup2(high_channel, kInheritedChannelFd) < 0) fail();
  CloseOnExecFrom(kInheritedChannelFd + 1);
  (void)::execve(argv_[0], argv_.data(), envp_.data());
  fail();
  ::_exit(127);
}

}  // namespace latchkey::platform
