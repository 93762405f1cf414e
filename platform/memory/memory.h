// What a process does for its secrets and for its size.
#pragma once

#include <cstddef>

#include "daemon/base/bytes.h"

namespace latchkey::platform {

// Pages of their own for key material: kept out of swap (mlock) and out of core dumps, wiped at the end.
class LockedBytes {
 public:
  // `size` zero bytes; aborts when there is no memory.
  explicit LockedBytes(std::size_t size);
  LockedBytes(const LockedBytes&) = delete;
  LockedBytes& operator=(const LockedBytes&) = delete;
  ~LockedBytes();

  [[nodiscard]] MutableByteView bytes() { return {data_, size_}; }
  [[nodiscard]] ByteView bytes() const { return {data_, size_}; }
  // False when the system refused mlock (RLIMIT_MEMLOCK): tolerated, the bytes work all the same.
  [[nodiscard]] bool locked() const { return locked_; }

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t mapped_ = 0;
  bool locked_ = false;
};

struct Hardening {
  bool undumpable = false;    // PR_SET_DUMPABLE 0: no ptrace, no core; not in sanitizer builds (LSan ptraces)
  bool no_core = false;       // RLIMIT_CORE 0
  bool no_new_privs = false;  // PR_SET_NO_NEW_PRIVS
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
