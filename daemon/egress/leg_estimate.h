// What one viewer's leg carries, as far as its receiver reports say. Every player sends those (RFC
// 3550 6.4.2); REMB or transport-wide feedback only some.
//
// The measure is the round trip: our sender report's time comes back in each receiver report (6.4.1). Above
// the least of the last minute it is what waits in the path's queues. Loss alone limits nothing: it is
// repaired, and on a bad radio link sending less makes none of it better.
// peer/queue_limit.h makes a limit of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "daemon/base/time.h"
#include "daemon/peer/queue_limit.h"
#include "daemon/wire/ntp.h"
#include "daemon/wire/rtcp_report.h"

namespace latchkey::egress {

class LegEstimate {
 public:
  // The limit grows by this with each report, of which there is about one a second.
  static constexpr std::uint64_t kGrowthPercent = 15;
  // The least round trip is that of one or two of these.
  static constexpr Duration kMinimumPeriod = seconds(30);
  // Sender reports that an answer can name.
  static constexpr std::size_t kReports = 8;

  void OnSent(std::size_t bytes) { bytes_ += bytes; }
  void OnSenderReport(wire::NtpTime ntp, Instant now);
  // A receiver's report of a stream of ours. Those that name none of our last sender reports measure nothing.
  void OnReceiverReport(const wire::ReportBlock& report, Instant now);

  // To the peer and back, as last measured, whoever's report it was.
  [[nodiscard]] std::optional<Duration> round_trip() const { return round_trip_; }
  // Of 256, of the last report.
  [[nodiscard]] std::uint8_t fraction_lost() const { return fraction_lost_; }
  // What arrived lately, in bit/s; 0 before the second report.
  [[nodiscard]] std::uint64_t delivered() const { return delivered_; }
  // What may be sent, in bit/s; nothing: no limit is known.
  [[nodiscard]] std::optional<std::uint64_t> limit() const { return limit_.limit(); }

 private:
  [[nodiscard]] std::optional<Duration> Measure(const wire::ReportBlock& report, Instant now) const;
  void NoteLeast(Duration round_trip, Instant now);

  struct Sent {
    std::uint32_t compact = 0;  // middle 32 bits of NTP; 0: none
    Instant at;
  };
  std::array<Sent, kReports> sent_{};
  std::size_t next_ = 0;
  std::uint64_t bytes_ = 0;  // since measured_at_
  std::optional<Instant> measured_at_;
  std::uint64_t sent_rate_ = 0;
  std::uint64_t delivered_ = 0;
  std::uint8_t fraction_lost_ = 0;
  std::optional<Duration> round_trip_;
  std::optional<Duration> least_;
  std::optional<Duration> least_before_;
  Instant least_since_{};
  peer::QueueLimit limit_;
};

}  // namespace latchkey::egress
