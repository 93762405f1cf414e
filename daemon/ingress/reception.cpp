#include "daemon/ingress/reception.h"

#include <algorithm>

namespace latchkey::ingress {

void Reception::OnPacket(ExtendedSequence sequence, std::uint32_t rtp_time, std::uint32_t clock_rate,
                         bool asked, Instant now) {
  if (!first_) {
    first_ = sequence.value;
    highest_ = sequence.value;
  }
  ++received_;
  highest_ = std::max(highest_, sequence.value);
  if (asked) return;
  const auto since = now.time_since_epoch();
  const auto arrival = static_cast<std::uint32_t>(
      static_cast<std::uint64_t>(since / seconds{1}) * clock_rate +
      static_cast<std::uint64_t>((since % seconds{1}).count()) * clock_rate / 1'000'000'000U);
  const std::uint32_t transit = arrival - rtp_time;
  if (transit_) {
    const auto difference = static_cast<std::int32_t>(transit - *transit_);
    const auto d =
        static_cast<std::uint32_t>(difference < 0 ? -static_cast<std::int64_t>(difference) : difference);
    jitter_q4_ += d - ((jitter_q4_ + 8U) >> 4U);
  }
  transit_ = transit;
}

void Reception::OnSenderReport(wire::NtpTime ntp, Instant now) {
  last_sr_ = ntp.Compact();
  last_sr_at_ = now;
}

std::int64_t Reception::expected() const {
  return first_ ? highest_ - *first_ + 1 : 0;
}

std::optional<wire::ReportBlock> Reception::MakeReport(std::uint32_t ssrc, Instant now) {
  if (!first_) return std::nullopt;
  wire::ReportBlock report;
  report.ssrc = ssrc;
  const auto received = static_cast<std::int64_t>(received_);
  const std::int64_t expected_now = expected() - expected_prior_;
  const std::int64_t lost_now = expected_now - (received - static_cast<std::int64_t>(received_prior_));
  if (expected_now > 0 && lost_now > 0) {
    report.fraction_lost =
        static_cast<std::uint8_t>(std::min<std::int64_t>(255, lost_now * 256 / expected_now));
  }
  report.cumulative_lost =
      static_cast<std::int32_t>(std::clamp<std::int64_t>(expected() - received, -0x800000, 0x7fffff));
  report.highest_sequence = static_cast<std::uint32_t>(highest_);
  report.jitter = jitter_q4_ >> 4U;
  if (last_sr_ != 0) {
    report.last_sr = last_sr_;
    report.delay_since_last_sr = wire::CompactNtpFromDuration(now - last_sr_at_);
  }
  expected_prior_ = expected();
  received_prior_ = received_;
  return report;
}

}  // namespace latchkey::ingress
