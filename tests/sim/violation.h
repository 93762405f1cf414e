// What a world ends with when an invariant is broken. The runner adds the seed and the command to repeat it.
#pragma once

#include <stdexcept>
#include <string>

namespace latchkey::sim {

class Violation : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// `what` is built only when it is needed: these are asked at every step.
template <class What>
void Demand(bool holds, const What& what) {
  if (!holds) [[unlikely]] {
    if constexpr (std::is_invocable_v<What>) {
      throw Violation(what());
    } else {
      throw Violation(what);
    }
  }
}

}  // namespace latchkey::sim
