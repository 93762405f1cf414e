// What went out under which sequence number, so that it can be made again (RFC 4585 generic NACK).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "daemon/base/check.h"
#include "daemon/base/ids.h"
#include "daemon/base/time.h"

namespace latchkey::egress {

// No bytes are kept: a packet is made again out of the sealed cache, by the viewer's own key. Fixed size;
// a packet further back than that is not made again.
class SentHistory {
 public:
  struct Entry {
    Epoch epoch;
    FrameNumber frame;
    std::uint32_t timestamp = 0;
    std::uint16_t record = 0;  // payload record of the frame
    std::uint16_t sequence = 0;
    std::uint32_t sent_ms = 0;    // of the monotonic clock, modulo 2^32
    std::uint16_t resent_ms = 0;  // how long after that it went again, last; 0: never
    bool used = false;
  };
  static std::uint32_t Milliseconds(Instant now) {
    return static_cast<std::uint32_t>(ToMilliseconds(now.time_since_epoch()));
  }

  // `capacity` is a power of two, at most 32768.
  explicit SentHistory(std::size_t capacity) : entries_(capacity) {
    LATCHKEY_CHECK(capacity > 0 && capacity <= 32768 && (capacity & (capacity - 1)) == 0);
  }

  void Add(Entry entry) {
    entry.used = true;
    entries_[entry.sequence & (entries_.size() - 1)] = entry;
  }
  [[nodiscard]] std::optional<Entry> Find(std::uint16_t sequence) const {
    const Entry& entry = entries_[sequence & (entries_.size() - 1)];
    if (!entry.used || entry.sequence != sequence) return std::nullopt;
    return entry;
  }
  // `sequence` is one that Find() gave, and went out again, within a minute.
  void NoteResent(std::uint16_t sequence, Instant now) {
    Entry& entry = entries_[sequence & (entries_.size() - 1)];
    const std::uint32_t after = Milliseconds(now) - entry.sent_ms;
    entry.resent_ms = static_cast<std::uint16_t>(std::clamp<std::uint32_t>(after, 1, 0xffff));
  }
  void Clear() {
    for (Entry& entry : entries_) entry.used = false;
  }

 private:
  std::vector<Entry> entries_;
};

}  // namespace latchkey::egress
