// Everything that is drawn for a world comes from one of these.
#pragma once

#include <cmath>
#include <cstdint>

#include "daemon/base/time.h"
#include "tools/media/random.h"

namespace latchkey::sim {

using Random = media::SeededRandom;

inline double Between(Random& random, double low, double high) {
  return low + (high - low) * random.Unit();
}
inline Duration Seconds(double seconds) {
  return Duration{static_cast<std::int64_t>(seconds * 1e9)};
}
// Of every order of magnitude as many.
inline double Spread(Random& random, double low, double high) {
  return low * std::pow(high / low, random.Unit());
}
inline std::uint64_t Below(Random& random, std::uint64_t n) {
  return random.U64() % n;
}

}  // namespace latchkey::sim
