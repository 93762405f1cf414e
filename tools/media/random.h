// Seeded randomness that gives the same numbers on every machine and library (<random>'s distributions
// don't).
#pragma once

#include <cstdint>

namespace latchkey::media {

// SplitMix64. Not for keys.
class SeededRandom {
 public:
  explicit constexpr SeededRandom(std::uint64_t seed) : state_(seed) {}

  constexpr std::uint64_t U64() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
  }
  // Uniform in [0, 1).
  constexpr double Unit() { return static_cast<double>(U64() >> 11U) * 0x1.0p-53; }
  // True with probability p (0..1).
  constexpr bool Chance(double p) { return p > 0 && Unit() < p; }

 private:
  std::uint64_t state_;
};

}  // namespace latchkey::media
