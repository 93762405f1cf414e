// The network between the hub and one peer: both directions, and how their weather changes.
#pragma once

#include <cstdint>
#include <optional>

#include "tests/sim/holdup.h"
#include "tests/sim/random.h"
#include "tools/media/impair.h"

namespace latchkey::sim {

struct WeatherPlan {
  Duration clean = seconds(45);  // mean length of a calm
  Duration bad = seconds(15);    // mean length of anything else
  bool stormy = true;            // false: calm for ever
  bool parts = true;             // bad weather may be a partition
  bool steady = false;           // every calm has the same delay
  double narrow = 0;             // share of bad weather that is a narrow link
  double narrow_kbit = 50;       // about what the stream needs
  double held = 0;               // share of bad weather in which what the peer sends is held back
};

class Leg {
 public:
  Leg(const WeatherPlan& plan, Random& random, Instant now);

  // At next_change(): from calm to something else, or back.
  void Change(Random& random, Instant now);
  [[nodiscard]] Instant next_change() const { return next_change_; }
  // Nothing but a small delay since then; Instant::max(): not now.
  [[nodiscard]] Instant calm_since() const { return calm_ ? since_ : Instant::max(); }
  // What the peer sends is held back, and will come all at once.
  [[nodiscard]] bool holding() const { return holdup_.holding(); }
  // Nothing gets through.
  [[nodiscard]] bool parted() const { return parted_; }
  // A datagram of the peer.
  void Up(Instant now, const SocketAddress& from, ByteView bytes);
  // The next of these that is at the hub.
  [[nodiscard]] std::optional<media::Impairment::Released> PollUp(Instant now);
  [[nodiscard]] Instant NextDeadline() const;

  media::Impairment down;  // hub to peer

 private:
  void Calm(Random& random, Instant now);
  void Storm(Random& random, Instant now);
  media::ImpairOptions Draw(Random& random) const;

  media::Impairment up_;
  Holdup holdup_;  // in front of it
  WeatherPlan plan_;
  bool calm_ = true;
  bool parted_ = false;
  Instant since_;
  Instant next_change_;
};

}  // namespace latchkey::sim
