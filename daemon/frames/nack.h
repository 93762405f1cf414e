// Which missing packets of one stream to ask for, and when (RFC 4585 6.2.1). Sans-IO: the window's missing
// list and the time go in, sequence numbers come out.
//
//   noticed --(reordering wait)--> asked --(round trip)--> asked twice --(round trip)--> asked thrice ...
//
// until it comes, or an answer would come too late for the line (`hold`), or kMaxAsks. Each time is a go; the
// requests of one are kEcho apart. Where much is lost the first go has two already: a request is lost as
// easily as what it asks for. Few packets get as far as three, and each of those holds up the whole line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "daemon/base/seq.h"
#include "daemon/base/time.h"
#include "daemon/frames/packet_window.h"
#include "daemon/frames/reordering.h"
#include "daemon/frames/round_trip.h"

namespace latchkey::frames {

class NackScheduler {
 public:
  static constexpr Duration kEcho = milliseconds(15);
  // Requests due this soon go with those that are due.
  static constexpr Duration kGather = milliseconds(2);
  // Per packet, echoes included.
  static constexpr std::uint8_t kMaxAsks = 15;
  // Requests of one go.
  static constexpr std::uint8_t kMostOfOneGo = 3;
  // Requests in one message. More wait for the next, kGather later.
  static constexpr std::size_t kMaxPerMessage = 128;
  // Requests that may be sent beyond one for each packet received: what an outage of half a second at 2.5
  // Mbit/s leaves. Without credit nothing is asked for: where more is lost than comes, the link is full.
  static constexpr std::int64_t kMaxCredit = 256;
  // An answer that comes after its number was given up still measures the round trip, for so long.
  static constexpr Duration kMemory = seconds(2);
  // Numbers it knows of. At the limit the oldest are forgotten, asked for no more.
  static constexpr std::size_t kMaxEntries = 4096;

  // `rtx`: what is repeated comes as RTX (RFC 4588), so that an original that was only late is told from it.
  explicit NackScheduler(bool rtx) : rtx_(rtx) {}

  // A packet of the stream came. `noticed`: since when its number was missing, if it was. True when it had
  // been asked for.
  bool OnPacket(ExtendedSequence sequence, std::optional<Instant> noticed, bool retransmission, Instant now);
  // Something is missing that was not when Poll() was last called.
  void OnGap(Instant now);

  struct Limits {
    Duration hold{};               // from noticing to giving up
    Duration jitter{};             // RFC 3550 6.4.1
    std::int64_t useful_from = 0;  // numbers below are of no use any more
    bool in_pairs = false;         // first requests are sent twice, too
  };
  // `missing` ascends. Appends what to ask for now, ascending; counts as asked.
  void Poll(const std::vector<MissingPacket>& missing, const Limits& limits, Instant now,
            std::vector<std::uint16_t>& out);
  // When Poll() has something to do.
  [[nodiscard]] std::optional<Instant> NextDeadline() const { return next_; }
  void Reset();

  [[nodiscard]] const RoundTrip& round_trip() const { return round_trip_; }
  [[nodiscard]] Duration ReorderWait(Duration jitter, Instant now) { return reordering_.Wait(jitter, now); }
  // Numbers asked for at least once, and requests for numbers in all.
  [[nodiscard]] std::uint64_t asked() const { return asked_; }
  [[nodiscard]] std::uint64_t requests() const { return requests_; }
  [[nodiscard]] bool IsConsistent() const;

 private:
  struct Entry {
    std::int64_t sequence = 0;
    Instant noticed;
    Instant last;           // asked
    Instant go_began;       // the last one
    std::uint8_t asks = 0;  // in all
    std::uint8_t goes = 0;
    std::uint8_t echoes = 0;  // left in this go
    bool in_pairs = false;
    bool given_up = false;  // not missing any more, though it never came
  };
  void Merge(const std::vector<MissingPacket>& missing, Instant now);
  void Ask(Entry& entry, const Limits& limits, Instant now);
  [[nodiscard]] std::optional<Instant> DueAt(const Entry& entry, Duration wait) const;
  void Measure(const Entry& entry, bool retransmission, Instant now);

  bool rtx_;
  Duration jitter_{};           // as of the last Poll()
  std::vector<Entry> entries_;  // ascending
  RoundTrip round_trip_;
  Reordering reordering_;
  std::int64_t credit_ = kMaxCredit;
  std::optional<Instant> next_;
  std::uint64_t asked_ = 0;
  std::uint64_t requests_ = 0;
};

}  // namespace latchkey::frames
