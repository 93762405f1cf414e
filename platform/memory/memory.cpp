#include "platform/memory/memory.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <memory>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LATCHKEY_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LATCHKEY_SANITIZED 1
#endif
#endif
#ifndef LATCHKEY_SANITIZED
#define LATCHKEY_SANITIZED 0
#endif

namespace latchkey::platform {
namespace {

constexpr bool kSanitized = LATCHKEY_SANITIZED != 0;
// A block from here on is mapped by itself, and gone once freed.
constexpr int kMappedFrom = 128 * 1024;
// Free bytes at the heap's top that are given back.
constexpr int kTrimFrom = 128 * 1024;

std::size_t PageSize() {
  return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// Under a limit it would make every later mapping beyond it fail.
bool LockAll() {
  rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
  if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0 &&
      (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY))
    return false;
  return ::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
}

}  // namespace

Hardening HardenProcess() {
  Hardening done;
  done.undumpable = !kSanitized && ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
  const rlimit none{0, 0};
  done.no_core = ::setrlimit(RLIMIT_CORE, &none) == 0;
  done.no_new_privs = ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
  done.no_swap = !kSanitized && LockAll();
  return done;
}

void TuneAllocator() {
  (void)::mallopt(M_ARENA_MAX, 1);
  (void)::mallopt(M_MMAP_THRESHOLD, kMappedFrom);
  (void)::mallopt(M_TRIM_THRESHOLD, kTrimFrom);
}

void TrimHeap() {
  (void)::malloc_trim(0);
}

std::size_t ResidentBytes() {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/self/statm", "re"),
                                                             &std::fclose);
  unsigned long total = 0;
  unsigned long resident = 0;
  if (!file || std::fscanf(file.get(), "%lu %lu", &total, &resident) != 2) return 0;
  return resident * PageSize();
}

}  // namespace latchkey::platform
