#include "platform/memory/memory.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "tests/support/catch.h"

namespace latchkey::platform {
namespace {

long LockedKib() {
  std::ifstream status("/proc/self/status");
  long kib = 0;
  for (std::string line; std::getline(status, line);) {
    if (std::sscanf(line.c_str(), "VmLck: %ld kB", &kib) == 1) break;
  }
  return kib;
}

TEST_CASE(
    "memory: a hardened process leaves no core, gains no rights and is not swapped where it may be locked") {
  const pid_t child = ::fork();
  if (child == 0) {
    const Hardening done = HardenProcess();
    rlimit core{1, 1};
    (void)::getrlimit(RLIMIT_CORE, &core);
    const bool undumpable = !done.undumpable || ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
    const bool no_rights = ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
    // What is mapped later is locked as well.
    const long before = LockedKib();
    const std::string fresh(1'000'000, 'x');
    const bool no_swap = !done.no_swap || LockedKib() >= before + 900;
    ::_exit(done.no_core && core.rlim_max == 0 && undumpable && no_rights && no_swap ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("memory: the resident size is read") {
  TuneAllocator();
  TrimHeap();
  CHECK(ResidentBytes() > 100'000);
}

}  // namespace
}  // namespace latchkey::platform
