#include "daemon/base/secret.h"

#include <string.h>  // explicit_bzero, which <cstring> doesn't promise

namespace latchkey {

void Wipe(std::span<std::uint8_t> bytes) {
  if (!bytes.empty()) explicit_bzero(bytes.data(), bytes.size());
}

void WipeText(std::string& text) {
  for (volatile char& c : text) c = '\0';
  text.clear();
}

bool ConstantTimeEqual(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  if (a.size() != b.size()) return false;
  std::uint8_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<std::uint8_t>(a[i] ^ b[i]);
  return difference == 0;
}

}  // namespace latchkey
