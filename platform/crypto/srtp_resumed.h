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

// Of packets that don't open where their source is expected to be, one in so many is tried with roll-over
// counters that cost a derivation of keys each: the least that is not old, and one further on or an old one
// in turns.
constexpr std::uint32_t kSrtpJoinEvery = 4;
// Roll-overs that a source may be further on than when it was last heard: 11 days at 300 packets a second.
constexpr std::uint64_t kSrtpMaxJoin = 4096;

class ResumedReceiver final : public ports::SrtpReceiver {
 public:
  // `trials`: another session of the same key.
  ResumedReceiver(internal::SrtpSession session, internal::SrtpSession trials, const ports::SrtpKey& key,
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

  // A packet that is looked for.
  struct Suspect {
    MutableByteView packet;
    std::uint32_t ssrc = 0;
    std::uint16_t sequence = 0;
  };

  [[nodiscard]] ports::SrtpIndex FloorOf(std::uint32_t ssrc) const;
  Opened OpenKnown(Source& source, const Suspect& suspect);
  Opened Join(const Suspect& suspect);
  // A source that went on while nothing of it came through, for more than half of its numbers: from where it
  // is heard again all that came before is old.
  Opened Rejoin(Source& source, const Suspect& suspect);
  // The first roll-over counter of those that are to be tried now with which the packet opens in `session`,
  // where its stream is left; kSrtpRecorded when it opens with an old one, where it isn't.
  Opened Search(srtp_t session, const Suspect& suspect, ports::SrtpIndex floor, bool least_is_cheap);
  // The packet with this roll-over counter; it is as it was when it doesn't open.
  std::optional<std::size_t> Try(srtp_t session, const Suspect& suspect, std::uint64_t rolls);
  static void Forget(srtp_t session, std::uint32_t ssrc);
  [[nodiscard]] std::uint64_t OldRolls(ports::SrtpIndex floor, std::uint16_t sequence) const;

  ports::SrtpKey key_;
  internal::SrtpSession session_;
  internal::SrtpSession trials_;            // for joined sources, whose streams in session_ stay as they are
  std::vector<ports::SourceFloor> floors_;  // in order of SSRCs
  std::vector<Source> sources_;             // at most kSrtpMaxSsrcs
  std::uint32_t suspects_ = 0;              // packets that were looked for
  std::uint64_t further_ = 0;               // roll-overs beyond the least that were tried last
  std::array<std::uint8_t, 2048> before_{};
};

}  // namespace latchkey::platform
