// ports::Entropy from the operating system.
#pragma once

#include "daemon/ports/entropy.h"

namespace latchkey::platform {

// getrandom(2); aborts when the system has none.
class SystemEntropy final : public ports::Entropy {
 public:
  void Fill(std::span<std::uint8_t> out) override;
};

}  // namespace latchkey::platform
