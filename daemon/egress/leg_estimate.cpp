#include "daemon/egress/leg_estimate.h"

#include <algorithm>

namespace latchkey::egress {
namespace {

// Rates are measured over at least this long.
constexpr Duration kRatePeriod = milliseconds(500);

}  // namespace

void LegEstimate::OnSenderReport(wire::NtpTime ntp, Instant now) {
  sent_[next_] = {ntp.Compact(), now};
  next_ = (next_ + 1) % kReports;
}

// RFC 3550 6.4.1, by our own record of when each report left: nobody's wall clock matters.
std::optional<Duration> LegEstimate::Measure(const wire::ReportBlock& report, Instant now) const {
  if (report.last_sr == 0) return std::nullopt;
  for (const Sent& sent : sent_) {
    if (sent.compact != report.last_sr || sent.at == Instant{}) continue;
    const Duration round_trip = now - sent.at - wire::DurationFromCompactNtp(report.delay_since_last_sr);
    return std::max(round_trip, Duration::zero());
  }
  return std::nullopt;
}

void LegEstimate::NoteLeast(Duration round_trip, Instant now) {
  if (!least_ || now - least_since_ >= kMinimumPeriod) {
    least_before_ = least_;
    least_ = round_trip;
    least_since_ = now;
  }
  least_ = std::min(*least_, round_trip);
}

void LegEstimate::OnReceiverReport(const wire::ReportBlock& report, Instant now) {
  fraction_lost_ = report.fraction_lost;
  if (!measured_at_) {
    measured_at_ = now;
    bytes_ = 0;
  } else if (now - *measured_at_ >= kRatePeriod) {
    const auto us = static_cast<std::uint64_t>(ToMicroseconds(now - *measured_at_));
    sent_rate_ = bytes_ * 8 * 1'000'000 / us;
    delivered_ = sent_rate_ * (256U - report.fraction_lost) / 256;
    measured_at_ = now;
    bytes_ = 0;
  }
  const auto round_trip = Measure(report, now);
  if (!round_trip) return;
  round_trip_ = round_trip;
  NoteLeast(*round_trip, now);
  const Duration least = least_before_ ? std::min(*least_, *least_before_) : *least_;
  limit_.Update({*round_trip - least, sent_rate_, delivered_, kGrowthPercent});
}

}  // namespace latchkey::egress
