// What a receiver report says of one stream (RFC 3550 6.4.1, A.3, A.8).
#pragma once

#include <cstdint>
#include <optional>

#include "daemon/base/seq.h"
#include "daemon/base/time.h"
#include "daemon/wire/rtcp_report.h"

namespace latchkey::ingress {

class Reception {
 public:
  // An authentic packet; not one that came as RTX, which has numbers of its own. `asked`: it was asked for
  // again, so when it came says nothing of the network's jitter.
  void OnPacket(ExtendedSequence sequence, std::uint32_t rtp_time, std::uint32_t clock_rate, bool asked,
                Instant now);
  void OnSenderReport(wire::NtpTime ntp, Instant now);
  // Builds the report and begins the next interval. Nothing before the first packet.
  std::optional<wire::ReportBlock> MakeReport(std::uint32_t ssrc, Instant now);

  // Packets since the last report. What is under way behind a later packet counts as lost at first: what was
  // told as lost and came after all is owed to the next reports, or reordering would look like loss.
  struct Interval {
    std::int64_t expected = 0;
    std::int64_t lost = 0;
  };
  [[nodiscard]] Interval interval() const;
  // Interarrival jitter.
  [[nodiscard]] Duration jitter(std::uint32_t clock_rate) const {
    return Duration{static_cast<std::int64_t>(jitter_q4_ >> 4U) * 1'000'000'000 / clock_rate};
  }
  [[nodiscard]] std::uint64_t received() const { return received_; }
  [[nodiscard]] std::int64_t expected() const;
  // Never negative: duplicates don't make up for losses.
  [[nodiscard]] std::int64_t lost() const;

 private:
  std::optional<std::int64_t> first_;
  std::int64_t highest_ = 0;
  std::uint64_t received_ = 0;
  std::int64_t expected_prior_ = 0;
  std::int64_t lost_told_ = 0;  // the highest count of lost packets that was told
  std::optional<std::uint32_t> transit_;
  std::uint32_t jitter_q4_ = 0;  // scaled by 16, as in A.8
  std::uint32_t last_sr_ = 0;
  Instant last_sr_at_{};
};

}  // namespace latchkey::ingress
