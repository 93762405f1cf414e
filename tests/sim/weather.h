// The network between the hub and one peer: both directions, and how their weather changes.
#pragma once

#include <cstdint>

#include "tools/media/impair.h"

namespace latchkey::sim {

// Everything that is drawn for a world comes from one of these.
using Random = media::SeededRandom;

inline double Between(Random& random, double low, double high) {
  return low + (high - low) * random.Unit();
}
inline Duration Seconds(double seconds) {
  return Duration{static_cast<std::int64_t>(seconds * 1e9)};
}
inline std::uint64_t Below(Random& random, std::uint64_t n) {
  return random.U64() % n;
}

struct WeatherPlan {
  Duration clean = seconds(45);  // mean length of a calm
  Duration bad = seconds(15);    // mean length of anything else
  bool stormy = true;            // false: calm for ever
  double narrow = 0;             // share of bad weather that is a narrow link
  double narrow_kbit = 50;       // about what the stream needs
};

class Leg {
 public:
  Leg(const WeatherPlan& plan, Random& random, Instant now);

  // At next_change(): from calm to something else, or back.
  void Change(Random& random, Instant now);
  [[nodiscard]] Instant next_change() const { return next_change_; }
  // Nothing but a small delay since then; Instant::max(): not now.
  [[nodiscard]] Instant calm_since() const { return calm_ ? since_ : Instant::max(); }
  // Nothing gets through.
  [[nodiscard]] bool parted() const { return parted_; }
  [[nodiscard]] Instant NextDeadline() const;

  media::Impairment up;    // peer to hub
  media::Impairment down;  // hub to peer

 private:
  void Calm(Random& random, Instant now);
  void Storm(Random& random, Instant now);
  media::ImpairOptions Draw(Random& random) const;

  WeatherPlan plan_;
  bool calm_ = true;
  bool parted_ = false;
  Instant since_;
  Instant next_change_;
};

}  // namespace latchkey::sim
