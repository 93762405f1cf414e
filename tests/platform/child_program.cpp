// What platform/process spawns in its tests. The first argument says what to be:
//   echo          sends every record back until the channel closes, then exits with 0
//   exit N        exits with N
//   abort         dies by SIGABRT
//   ignore        reads nothing, until it is killed
//   report        sends its environment, its descriptors, its blocked and ignored signals, and stays
//   nest          spawns itself as `ignore`, sends that child's pid, and stays
#include <dirent.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>

#include "platform/loop/loop.h"
#include "platform/process/child_process.h"
#include "platform/process/ipc_channel.h"

extern char** environ;

namespace {

using latchkey::AsBytes;
using latchkey::ByteVector;
using latchkey::ByteView;
using latchkey::platform::ChildOptions;
using latchkey::platform::ChildProcess;
using latchkey::platform::InheritedChannel;
using latchkey::platform::IpcChannel;
using latchkey::platform::Loop;

ByteVector Copy(std::string_view text) {
  const ByteView bytes = AsBytes(text);
  return {bytes.begin(), bytes.end()};
}

std::string Report() {
  std::string out = "env";
  for (char** variable = environ; *variable != nullptr; ++variable) out += std::string(" ") + *variable;
  out += "\nfds";
  DIR* folder = ::opendir("/proc/self/fd");
  while (const dirent* entry = ::readdir(folder)) {
    const int fd = std::atoi(entry->d_name);
    if (entry->d_name[0] != '.' && fd != ::dirfd(folder)) out += " " + std::to_string(fd);
  }
  (void)::closedir(folder);
  sigset_t blocked;
  (void)::sigprocmask(SIG_SETMASK, nullptr, &blocked);
  struct sigaction pipe_action {};
  (void)::sigaction(SIGPIPE, nullptr, &pipe_action);
  out += sigismember(&blocked, SIGUSR2) != 0 ? "\nblocked" : "\nopen";
  out += pipe_action.sa_handler == SIG_IGN ? " ignored" : " default";
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "exit") return argc > 2 ? std::atoi(argv[2]) : 1;
  if (what == "abort") std::abort();
  auto inherited = InheritedChannel();
  if (!inherited) return 99;
  if (what == "ignore") {
    for (;;) (void)::pause();
  }
  const std::string report = what == "report" ? Report() : "";
  Loop loop;
  IpcChannel::Handlers handlers;
  std::unique_ptr<IpcChannel> channel;
  handlers.on_record = [&](ByteView record) {
    (void)channel->Send(ByteVector(record.begin(), record.end()));
  };
  handlers.on_end = [&](auto) { loop.Stop(); };
  channel = std::make_unique<IpcChannel>(loop, std::move(*inherited), std::move(handlers));
  std::unique_ptr<ChildProcess> child;
  if (what == "nest") {
    ChildOptions options;
    options.path = argv[0];
    options.arguments = {"ignore"};
    auto spawned = ChildProcess::Spawn(loop, options, [](auto) {});
    if (!spawned) return 98;
    child = std::move(*spawned);
    (void)channel->Send(Copy(std::to_string(child->pid())));
  }
  if (!report.empty()) (void)channel->Send(Copy(report));
  loop.Run();
  return 0;
}
