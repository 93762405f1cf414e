// What every fuzz target shares. A target defines Fuzz(); an invariant that breaks is a LATCHKEY_CHECK.
#pragma once

#include <cstddef>
#include <cstdint>

#include "daemon/base/bytes.h"
#include "daemon/base/check.h"

namespace latchkey::fuzz {

// Takes one input. Bytes of it that choose a mode are taken from the end, so that seeds stay what they are.
void Fuzz(ByteView input);

inline bool Same(ByteView a, ByteView b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

}  // namespace latchkey::fuzz
