// Opens what is sent under a key that outlives sessions (enrolled SDES): what came before stays old, across
// restarts of the hub, and a sender may be joined at any place of its numbering.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "platform/crypto/srtp.h"
#include "platform/crypto/srtp_session.h"

namespace latchkey::platform {

// Of packets of sources that aren't joined yet, one in so many is tried with a roll-over counter that costs a
// derivation of keys: the least that is not old, one further on, or an old one, in turns.
constexpr std::uint32_t kSrtpJoinEvery = 4;
// Roll-overs that a source may be further on than when it was last heard: 11 days at 300 packets a second.
constexpr std::uint64_t kSrtpMaxJoin = 4096;

class ResumedReceiver final : public ports::SrtpReceiver {
 public:
  ResumedReceiver(internal::SrtpSession session, const ports::SrtpKey& key,
                  std::span<const ports::SourceFloor> floors);

  Opened UnprotectRtp(MutableByteView packet) override;
  Opened UnprotectRtcp(MutableByteView) override { return {0, DropReason::kWrongDirection, 0}; }
  [[nodiscard]] bool exhausted() const override { return sources_.size() == kSrtpMaxSsrcs; }

 private:
  // A source of which something was authentic.
  struct Source {
    std::uint32_t ssrc = 0;
    ports::SrtpIndex floor = 0;
    ports::SrtpIndex highest = 0;
  };

  [[nodiscard]] ports::SrtpIndex FloorOf(std::uint32_t ssrc) const;
  Opened OpenKnown(Source& source, MutableByteView packet, std::uint16_t sequence);
  Opened Join(MutableByteView packet, std::uint32_t ssrc, std::uint16_t sequence);
  // The packet with this roll-over counter; it is as it was when it doesn't open.
  std::optional<std::size_t> Try(MutableByteView packet, std::uint32_t ssrc, std::uint64_t rolls);
  void Forget(std::uint32_t ssrc);
  [[nodiscard]] std::uint64_t OldRolls(ports::SrtpIndex floor, std::uint16_t sequence);

  ports::SrtpKey key_;
  internal::SrtpSession session_;
  std::vector<ports::SourceFloor> floors_;  // in order of SSRCs
  std::vector<Source> sources_;             // at most kSrtpMaxSsrcs
  std::uint32_t suspects_ = 0;              // packets of sources that aren't joined
  std::uint64_t further_ = 0;               // roll-overs beyond the least that were tried last
  std::array<std::uint8_t, 2048> before_{};
};

}  // namespace latchkey::platform
