#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/loop/unique_fd.h"
#include "platform/process/child_process.h"
#include "platform/process/ipc_channel.h"
#include "tests/platform/loop_until.h"
#include "tests/support/catch.h"

namespace latchkey::platform {
namespace {

ByteVector Copy(std::string_view text) {
  const ByteView bytes = AsBytes(text);
  return {bytes.begin(), bytes.end()};
}

// A child of tests/platform/child_program.cpp and what came of it.
struct Child {
  Child(Loop& loop, std::vector<std::string> arguments, std::vector<std::string> environment = {}) {
    const auto path = SiblingProgram("platform_test_child");
    REQUIRE(path);
    ChildOptions options;
    options.path = *path;
    options.arguments = std::move(arguments);
    options.environment = std::move(environment);
    auto spawned = ChildProcess::Spawn(loop, options, [this](ChildExit how) { exit = how; });
    REQUIRE(spawned);
    process = std::move(*spawned);
    IpcChannel::Handlers handlers;
    handlers.on_record = [this](ByteView record) { records.emplace_back(AsText(record)); };
    handlers.on_end = [this](ChannelEnd how) { end = how; };
    channel = std::make_unique<IpcChannel>(loop, process->TakeChannel(), std::move(handlers));
  }
  std::unique_ptr<ChildProcess> process;
  std::unique_ptr<IpcChannel> channel;
  std::vector<std::string> records;
  std::optional<ChildExit> exit;
  std::optional<ChannelEnd> end;
};

TEST_CASE("process: a child is exec'd with its channel and answers over it") {
  Loop loop;
  Child child(loop, {"echo"});
  CHECK(child.process->running());
  const std::string large(kChannelMaxRecord, 'x');
  CHECK(child.channel->Send(Copy("hello")));
  CHECK(child.channel->Send(Copy(large)));
  REQUIRE(RunUntil(loop, [&] { return child.records.size() == 2; }));
  CHECK(child.records[0] == "hello");
  CHECK(child.records[1] == large);
  child.channel.reset();
  REQUIRE(RunUntil(loop, [&] { return child.exit.has_value(); }));
  CHECK_FALSE(child.exit->signalled);
  CHECK(child.exit->code == 0);
  CHECK_FALSE(child.process->running());
}

TEST_CASE("process: an exit status and a signal are told apart, and the channel ends too") {
  Loop loop;
  Child seven(loop, {"exit", "7"});
  Child aborted(loop, {"abort"});
  Child killed(loop, {"ignore"});
  killed.process->Kill(SIGKILL);
  REQUIRE(RunUntil(loop, [&] { return seven.exit && aborted.exit && killed.exit && killed.end; }));
  CHECK(Describe(*seven.exit) == "exit status 7");
  CHECK(aborted.exit->signalled);
  CHECK(aborted.exit->code == SIGABRT);
  CHECK(Describe(*killed.exit) == "signal 9 (Killed)");
  CHECK(*killed.end == ChannelEnd::kClosed);
  killed.process->Kill(SIGTERM);  // of a process that is no more: nothing
}

TEST_CASE(
    "process: a child gets three standard descriptors and the channel, a clean environment and clean "
    "signals") {
  Loop loop;
  REQUIRE(::setenv("LATCHKEY_SECRET_OF_PARENT", "1", 1) == 0);
  REQUIRE(::setenv("TZ", "UTC", 1) == 0);
  // A descriptor that some library forgot to mark.
  const UniqueFd leaky(::open("/dev/null", O_RDONLY));
  sigset_t blocked;
  sigset_t before;
  (void)sigemptyset(&blocked);
  (void)sigaddset(&blocked, SIGUSR2);
  REQUIRE(::sigprocmask(SIG_BLOCK, &blocked, &before) == 0);
  const auto old_handler = ::signal(SIGPIPE, SIG_IGN);
  Child child(loop, {"report"}, {"GIVEN=yes"});
  (void)::signal(SIGPIPE, old_handler);
  REQUIRE(::sigprocmask(SIG_SETMASK, &before, nullptr) == 0);
  REQUIRE(RunUntil(loop, [&] { return !child.records.empty(); }));
  const std::string& report = child.records[0];
  INFO(report);
  CHECK(report.find("GIVEN=yes") != std::string::npos);
  CHECK(report.find("TZ=UTC") != std::string::npos);
  CHECK(report.find("LATCHKEY_SECRET_OF_PARENT") == std::string::npos);
  CHECK(report.find("PATH=") == std::string::npos);
  CHECK(report.find("\nfds 0 1 2 3\n") != std::string::npos);
  CHECK(report.find("\nopen default") != std::string::npos);
}

TEST_CASE("process: a child dies with its parent, also when that is killed") {
  Loop loop;
  Child nest(loop, {"nest"});
  REQUIRE(RunUntil(loop, [&] { return !nest.records.empty(); }));
  const int grandchild = std::stoi(nest.records[0]);
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, grandchild, 0)));
  REQUIRE(pidfd.valid());
  pollfd wait{pidfd.get(), POLLIN, 0};
  CHECK(::poll(&wait, 1, 0) == 0);
  nest.process->Kill(SIGKILL);
  CHECK(::poll(&wait, 1, 10'000) == 1);
}

TEST_CASE("process: letting go of a child kills and reaps it") {
  Loop loop;
  pid_t pid = 0;
  {
    Child child(loop, {"ignore"});
    pid = child.process->pid();
    CHECK(::kill(pid, 0) == 0);
  }
  CHECK(::kill(pid, 0) != 0);
}

TEST_CASE("process: a child may be let go of from its own exit callback") {
  Loop loop;
  std::unique_ptr<ChildProcess> process;
  int exits = 0;
  ChildOptions options;
  options.path = *SiblingProgram("platform_test_child");
  options.arguments = {"exit", "0"};
  process = std::move(*ChildProcess::Spawn(loop, options, [&](ChildExit) {
    ++exits;
    process.reset();
  }));
  CHECK(RunUntil(loop, [&] { return exits == 1; }));
}

TEST_CASE("process: a program that isn't there is an error at once, and leaves no child") {
  Loop loop;
  ChildOptions options;
  options.path = "/nonexistent/program";
  const auto spawned =
      ChildProcess::Spawn(loop, options, [](ChildExit) { FAIL("exit of a child that never was"); });
  REQUIRE_FALSE(spawned);
  CHECK(spawned.error().message.find("/nonexistent/program") != std::string::npos);
  CHECK(spawned.error().message.find("No such file") != std::string::npos);
  CHECK_FALSE(SiblingProgram("no-such-latchkey-program"));
}

TEST_CASE("process: a program started by hand is told that it has no channel") {
  // Descriptor 3 of this test is whatever it is, but no SEQPACKET socket when it is /dev/null.
  const UniqueFd saved(::fcntl(kInheritedChannelFd, F_DUPFD_CLOEXEC, 10));
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (null.get() != kInheritedChannelFd)
    REQUIRE(::dup2(null.get(), kInheritedChannelFd) == kInheritedChannelFd);
  const auto channel = InheritedChannel();
  CHECK_FALSE(channel);
  if (saved.valid()) {
    (void)::dup2(saved.get(), kInheritedChannelFd);
  } else if (null.get() != kInheritedChannelFd) {
    (void)::close(kInheritedChannelFd);
  }
}

}  // namespace
}  // namespace latchkey::platform
