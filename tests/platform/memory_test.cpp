#include "platform/memory/memory.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "tests/support/catch.h"

namespace latchkey::platform {
namespace {

TEST_CASE("memory: locked bytes are zero, writable and as many as asked for") {
  for (const std::size_t size : {std::size_t{1}, std::size_t{32}, std::size_t{4096}, std::size_t{5000}}) {
    LockedBytes bytes(size);
    REQUIRE(bytes.bytes().size() == size);
    const ByteView view = static_cast<const LockedBytes&>(bytes).bytes();
    CHECK(std::all_of(view.begin(), view.end(), [](std::uint8_t b) { return b == 0; }));
    std::fill(bytes.bytes().begin(), bytes.bytes().end(), std::uint8_t{0xaa});
    CHECK(view.back() == 0xaa);
  }
}

TEST_CASE("memory: locked bytes without the right to lock still work") {
  // In a child, because limits can't be raised again.
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit none{0, 0};
    (void)::setrlimit(RLIMIT_MEMLOCK, &none);
    if (::getuid() == 0 && ::setuid(65534) != 0) ::_exit(3);
    LockedBytes bytes(64);
    bytes.bytes()[63] = 1;
    // AddressSanitizer's mlock does nothing and says yes.
    const bool granted = ::mlock(&none, sizeof(none)) == 0;
    ::_exit(bytes.locked() == granted ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("memory: a hardened process leaves no core and gains no rights") {
  const pid_t child = ::fork();
  if (child == 0) {
    const Hardening done = HardenProcess();
    rlimit core{1, 1};
    (void)::getrlimit(RLIMIT_CORE, &core);
    const bool undumpable = !done.undumpable || ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
    const bool no_rights = ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
    ::_exit(done.no_core && core.rlim_max == 0 && undumpable && no_rights ? 0 : 1);
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
