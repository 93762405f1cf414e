// Looks for a secret in all memory that this process may write: heap (freed blocks too, where nothing has
// come since), stacks, globals.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "daemon/base/secret.h"

namespace latchkey::test {

// A secret to look for, kept so that it is not found here.
class Sought {
 public:
  explicit Sought(const Secret32& secret) {
    for (std::size_t i = 0; i < masked_.size(); ++i)
      masked_[i] = static_cast<std::uint8_t>(secret.Reveal()[i] ^ kMask);
  }
  // How often it stands in memory.
  [[nodiscard]] std::size_t Count() const;

 private:
  static constexpr std::uint8_t kMask = 0xa5;
  [[nodiscard]] bool At(const std::uint8_t* bytes) const {
    for (std::size_t i = 0; i < masked_.size(); ++i) {
      if ((bytes[i] ^ kMask) != masked_[i]) return false;
    }
    return true;
  }
  std::array<std::uint8_t, 32> masked_{};
};

}  // namespace latchkey::test
