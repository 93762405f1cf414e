// What a camera filmed and when: looked up by what stands in the clear on a packet, or by number.
#pragma once

#include <cstdint>
#include <deque>

#include "daemon/base/time.h"

namespace latchkey::sim {

struct Filmed {
  std::uint32_t number = 0;
  std::uint32_t life = 0;
  std::uint32_t ssrc = 0;
  std::uint32_t timestamp = 0;  // RTP
  Instant at;
  // The run of the RTP clock that its time belongs to: another session, source, or a step back begins the
  // next.
  std::uint32_t clock = 0;
  Duration ahead{};  // of what the RTP clock would show if it had never been set forward in this run
};

class Reel {
 public:
  // A minute and more at 25 pictures a second; what is older is forgotten.
  static constexpr std::size_t kKept = 2048;
  // Of the SSRC's bits, the one that tells a repetition's (RTX).
  static constexpr std::uint32_t kRtxBit = 0x40000000U;

  void Add(const Filmed& picture) {
    if (pictures_.size() == kKept) pictures_.pop_front();
    pictures_.push_back(picture);
  }
  // Null: unknown, or forgotten. Numbers are added without holes.
  [[nodiscard]] const Filmed* ByNumber(std::uint32_t number) const {
    if (pictures_.empty() || number < pictures_.front().number) return nullptr;
    const std::size_t at = number - pictures_.front().number;
    return at < pictures_.size() ? &pictures_[at] : nullptr;
  }
  // Of a packet, repetitions included. What comes is mostly new, so the newest are tried first.
  [[nodiscard]] const Filmed* ByPacket(std::uint32_t ssrc, std::uint32_t timestamp) const {
    for (auto picture = pictures_.rbegin(); picture != pictures_.rend(); ++picture) {
      if (picture->timestamp == timestamp && ((picture->ssrc ^ ssrc) & ~kRtxBit) == 0) return &*picture;
    }
    return nullptr;
  }

 private:
  std::deque<Filmed> pictures_;
};

}  // namespace latchkey::sim
