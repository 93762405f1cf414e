// A network that holds back what a peer sends, loses nothing, and lets go of it all at once.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "tests/sim/random.h"
#include "tools/media/impair.h"

namespace latchkey::sim {

class Holdup {
 public:
  // From now until Release(). Draws what is held (all, media alone, RTP alone) and how: it stops, is late by
  // some seconds, or grows later with each. Returns for how long.
  Duration Begin(Random& random, Instant now);
  void Release(Instant now);
  // True: it is held, and comes out of Poll().
  bool Take(Instant now, const SocketAddress& address, ByteView bytes);
  [[nodiscard]] std::optional<media::Impairment::Released> Poll(Instant now);
  [[nodiscard]] Instant NextDeadline() const;
  [[nodiscard]] bool holding() const { return holding_; }
  // Nothing at all gets through.
  [[nodiscard]] bool stopped() const { return holding_ && kind_ == Kind::kStop && share_ == Share::kAll; }

 private:
  enum class Kind : std::uint8_t { kStop, kLate, kGrowing, kCount };
  enum class Share : std::uint8_t { kAll, kMedia, kRtp, kCount };
  struct Held {
    Instant due;
    media::Impairment::Released datagram;
  };
  [[nodiscard]] bool Holds(ByteView bytes) const;

  bool holding_ = false;
  Kind kind_ = Kind::kStop;
  Share share_ = Share::kAll;
  Instant since_;
  Duration late_{};        // kLate
  double grows_ = 0;       // kGrowing: later by this much of what passes
  std::deque<Held> held_;  // in the order in which it came
};

}  // namespace latchkey::sim
