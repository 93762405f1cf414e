// Bytes for tests: from hexadecimal text, and from a seed.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

#include "daemon/base/bytes.h"
#include "daemon/base/check.h"

namespace latchkey::test {

// "80 c8 0006": hexadecimal digits in pairs, anything else is only there for the eye.
inline ByteVector Hex(std::string_view text) {
  ByteVector bytes;
  int high = -1;
  for (const char c : text) {
    int digit = -1;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    if (digit < 0) continue;
    if (high >= 0) bytes.push_back(static_cast<std::uint8_t>(high * 16 + digit));
    high = high >= 0 ? -1 : digit;
  }
  LATCHKEY_CHECK(high < 0);
  return bytes;
}

inline ByteVector Copy(ByteView bytes) {
  return {bytes.begin(), bytes.end()};
}
inline ByteVector Text(std::string_view text) {
  return Copy(AsBytes(text));
}

// LATCHKEY_SEED, or always the same. A test that uses it says the seed in its failures (INFO).
inline std::uint64_t Seed() {
  const char* text = std::getenv("LATCHKEY_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 0) : 0x1a7c4b;
}

// Randomness from a seed alone.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t U64() { return engine_(); }
  std::uint32_t U32() { return static_cast<std::uint32_t>(engine_()); }
  std::uint16_t U16() { return static_cast<std::uint16_t>(engine_()); }
  std::uint8_t U8() { return static_cast<std::uint8_t>(engine_()); }
  bool Coin() { return (engine_() & 1U) != 0; }
  // 0..n-1; n > 0.
  std::size_t Below(std::size_t n) { return static_cast<std::size_t>(engine_() % n); }
  ByteVector Bytes(std::size_t n) {
    ByteVector bytes(n);
    for (std::uint8_t& b : bytes) b = U8();
    return bytes;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace latchkey::test
