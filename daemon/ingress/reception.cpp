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

std::int64_t Reception::lost() const {
  return std::max<std::int64_t>(0, expected() - static_cast<std::int64_t>(received_));
}

Reception::Interval Reception::interval() const {
  return {expected() - expected_prior_, std::max<std::int64_t>(0, lost() - lost_told_)};
}

std::optional<wire::ReportBlock> Reception::MakeReport(std::uint32_t ssrc, Instant now) {
  if (!first_) return std::nullopt;
  wire::ReportBlock report;
  report.ssrc = ssrc;
  const Interval now_told = interval();
  if (now_told.expected > 0) {
    report.fraction_lost =
        static_cast<std::uint8_t>(std::min<std::int64_t>(255, now_told.lost * 256 / now_told.expected));
  }
  report.cumulative_lost = static_cast<std::int32_t>(std::min<std::int64_t>(lost(), 0x7fffff));
  report.highest_sequence = static_cast<std::uint32_t>(highest_);
  report.jitter = jitter_q4_ >> 4U;
  if (last_sr_ != 0) {
    report.last_sr = last_sr_;
    report.delay_since_last_sr = wire::CompactNtpFromDuration(now - last_sr_at_);
  }
  expected_prior_ = expected();
  lost_told_ = std::max(lost_told_, lost());
  return report;
}

}  // namespace latchkey::ingress
