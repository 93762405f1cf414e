// The account of a benchmark's frames: what the camera sent, what came to the viewer, and what of it could be
// shown in time. A machine without sockets or clocks.
//
// whole      every byte came
// decodable  whole, and so is every frame back to its keyframe
// decodable at   the instant from which that holds: the latest arrival among them
// on time    decodable no more than kOnTime after it was sent
// torn       handed over as whole, but with other bytes than were sent, or without a number that was sent
// freeze     more than kFreeze between the instants at which two neighbouring on-time frames became
// decodable;
//            also from the last of them to the end of what is looked at. Its time is the whole interval, as
//            in W3C webrtc-stats' totalFreezesDuration
// live       an on-time frame after which every frame sent for kSteady is on time as well
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "daemon/base/time.h"
#include "tools/media/figures.h"

namespace latchkey::bench {

// Of the frames sent in one span of time.
struct LedgerFigures {
  std::uint64_t sent = 0;
  std::uint64_t whole = 0;
  std::uint64_t decodable = 0;
  std::uint64_t on_time = 0;
  std::uint64_t torn = 0;       // arrived in that span
  std::uint64_t backwards = 0;  // arrived in that span after a later one
  std::uint64_t freezes = 0;
  Duration freeze_time{0};
  media::Percentiles delay;        // sent to decodable, of all decodable ones, late ones too
  media::Percentiles whole_delay;  // sent to whole
};

class FrameLedger {
 public:
  static constexpr Duration kOnTime = milliseconds{500};
  static constexpr Duration kFreeze = milliseconds{200};
  static constexpr Duration kSteady = seconds{1};

  // Frames are sent in order, numbered from 0 without a gap. `at`: when its last packet went to the kernel.
  // `fingerprint` tells its bytes from others.
  void Sent(bool keyframe, std::uint64_t fingerprint, Instant at);
  // What the viewer's depacketiser gave out as whole. `number`: nothing when it could not be read. `at`: when
  // the last of its packets arrived. Only the first arrival of a frame counts.
  void Arrived(std::optional<std::uint32_t> number, std::uint64_t fingerprint, Instant at);

  [[nodiscard]] std::uint32_t next_number() const { return static_cast<std::uint32_t>(frames_.size()); }
  // Whether that frame can be decoded by now.
  [[nodiscard]] bool IsDecodable(std::uint32_t number) const;

  // Of the frames sent in [from, to). Their stragglers should have had kOnTime to come.
  [[nodiscard]] LedgerFigures Between(Instant from, Instant to) const;
  // From `when` to the instant at which the first live frame at or after it became decodable.
  [[nodiscard]] std::optional<Duration> LiveAfter(Instant when) const;

 private:
  struct Entry {
    Instant sent;
    std::uint64_t fingerprint = 0;
    bool keyframe = false;
    std::optional<Instant> whole_at;
  };
  // For each frame, when it became decodable.
  [[nodiscard]] std::vector<std::optional<Instant>> DecodableAt() const;
  static bool OnTime(const Entry& entry, const std::optional<Instant>& decodable_at) {
    return decodable_at && *decodable_at - entry.sent <= kOnTime;
  }
  void CountFreezes(Instant from, Instant to, LedgerFigures& figures) const;

  std::vector<Entry> frames_;
  std::vector<Instant> torn_;
  std::vector<Instant> backwards_;
  std::optional<std::uint32_t> highest_;
};

}  // namespace latchkey::bench
