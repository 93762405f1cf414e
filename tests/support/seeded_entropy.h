// Randomness from a seed, so that a failing test prints the number that repeats it.
#pragma once

#include <cstdint>
#include <span>

#include "daemon/ports/entropy.h"

namespace latchkey::test {

// SplitMix64: small, and good enough to tell one id from the next.
class SeededEntropy final : public ports::Entropy {
 public:
  explicit SeededEntropy(std::uint64_t seed) : state_(seed) {}

  void Fill(std::span<std::uint8_t> out) override {
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (i % 8 == 0) word_ = Next();
      out[i] = static_cast<std::uint8_t>(word_ >> (8U * (i % 8)));
    }
  }
  // 0 <= result < 1
  double Uniform() { return static_cast<double>(Next() >> 11U) * 0x1p-53; }

 private:
  std::uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }
  std::uint64_t state_;
  std::uint64_t word_ = 0;
};

}  // namespace latchkey::test
