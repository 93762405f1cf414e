// A bad network on the tool's own leg, from a seed: loss, bursts, jitter, reordering, duplicates, a rate
// limit. One machine impairs one direction; latchkey-cam and latchkey-view run one for each direction of
// their socket (seeds N and N+1), over every datagram: media, RTCP, STUN and DTLS alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

#include "daemon/base/address.h"
#include "daemon/base/bytes.h"
#include "daemon/base/time.h"
#include "tools/media/random.h"

namespace latchkey::media {

struct ImpairOptions {
  double loss = 0;     // mean probability of loss, 0..1
  double burst = 1;    // mean length of a burst of losses in packets, >= 1 (Gilbert-Elliott); 1: independent
  Duration delay{0};   // of every datagram
  Duration jitter{0};  // each datagram is delayed by a uniform 0..jitter more, independently: this reorders
  // Jitter as a queue makes it: nothing leaves before what was offered before it (unless held back to
  // reorder).
  bool keep_order = false;
  double reorder = 0;           // probability that a datagram is held back by kReorderDelay on top, 0..1
  double duplicate = 0;         // probability that a datagram arrives twice, 0..1
  std::uint32_t rate_kbit = 0;  // 0: no limit; else a queue of kMaxQueueTime drained at this rate
  std::uint64_t seed = 1;

  // Whether anything at all would happen to a datagram.
  [[nodiscard]] bool Any() const {
    return loss > 0 || delay > Duration{0} || jitter > Duration{0} || reorder > 0 || duplicate > 0 ||
           rate_kbit > 0;
  }
};

struct ImpairCounters {
  std::uint64_t offered = 0;
  std::uint64_t lost = 0;
  std::uint64_t queue_dropped = 0;  // by the rate limit's queue, or by kMaxHeld
  std::uint64_t duplicated = 0;
  std::uint64_t held_back = 0;
};

class Impairment {
 public:
  // A datagram chosen for reordering leaves this much later than it would have.
  static constexpr Duration kReorderDelay = milliseconds{10};
  // What the rate limit's queue holds, in time at that rate; a datagram that would wait longer is dropped.
  static constexpr Duration kMaxQueueTime = milliseconds{300};
  // Datagrams held at once; one more is dropped and counted with the queue's.
  static constexpr std::size_t kMaxHeld = 8192;

  explicit Impairment(const ImpairOptions& options) : options_(options), random_(options.seed) {}

  // From the next datagram on, with fresh randomness from its seed. What is held leaves as it would have, and
  // what waits for a limited link still goes first when the limit is lifted.
  void Change(const ImpairOptions& options);

  // Takes one datagram. `address` is the caller's: the other end.
  void Offer(Instant now, const SocketAddress& address, ByteView bytes);

  struct Released {
    SocketAddress address;
    ByteVector bytes;
  };
  // The next datagram whose time has come, in order of that time; nothing when drained.
  [[nodiscard]] std::optional<Released> Poll(Instant now);
  [[nodiscard]] std::optional<Instant> NextTimeout() const;
  [[nodiscard]] const ImpairCounters& counters() const { return counters_; }

 private:
  struct Held {
    Instant due;
    std::uint64_t order;  // keeps equal times in order
    Released datagram;
  };
  struct Later {
    bool operator()(const Held& a, const Held& b) const {
      return a.due != b.due ? a.due > b.due : a.order > b.order;
    }
  };

  [[nodiscard]] bool IsLost();
  void Hold(Instant due, const SocketAddress& address, ByteView bytes);

  ImpairOptions options_;
  SeededRandom random_;
  bool in_burst_ = false;
  Instant link_free_;    // when the rate-limited link has sent what it has
  Instant in_order_at_;  // keep_order: when the datagram offered last leaves
  std::uint64_t next_order_ = 0;
  std::priority_queue<Held, std::vector<Held>, Later> held_;
  ImpairCounters counters_;
};

}  // namespace latchkey::media
