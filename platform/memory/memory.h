// What a process does for its secrets and for its size.
#pragma once

#include <cstddef>

namespace latchkey::platform {

struct Hardening {
  bool undumpable = false;    // PR_SET_DUMPABLE 0: no ptrace, no core; not in sanitizer builds (LSan ptraces)
  bool no_core = false;       // RLIMIT_CORE 0
  bool no_new_privs = false;  // PR_SET_NO_NEW_PRIVS
  bool no_swap = false;  // mlockall of all that is touched; only where RLIMIT_MEMLOCK is or can be unlimited
};
// First thing in main(). Tells what the system granted; nothing of it is fatal.
Hardening HardenProcess();

// For small resident size: one malloc arena, large blocks mapped and given back. Early in main().
void TuneAllocator();
// Gives free heap back to the system. Costs some 100 µs: after a session has ended, not per packet.
void TrimHeap();

// Of this process, in bytes, from /proc/self/statm; 0 when unreadable.
[[nodiscard]] std::size_t ResidentBytes();

}  // namespace latchkey::platform
