// "Their fault is a counter, ours is an abort": CHECK states what only a bug of our own can break.
#pragma once

namespace latchkey::internal {
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);
}  // namespace latchkey::internal

// Active in every build. Never for anything that a stranger's bytes can cause.
#define LATCHKEY_CHECK(condition)                                        \
  do {                                                                   \
    if (!(condition)) [[unlikely]]                                       \
      ::latchkey::internal::CheckFailed(#condition, __FILE__, __LINE__); \
  } while (false)
