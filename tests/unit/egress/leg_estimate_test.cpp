#include "daemon/egress/leg_estimate.h"

#include "daemon/egress/pacer.h"
#include "tests/support/catch.h"

namespace latchkey::egress {
namespace {

// A leg of which a report comes each second, `round_trip` after our own.
struct Leg {
  void Second(Duration round_trip, std::size_t bytes, std::uint8_t lost = 0) {
    now += seconds(1);
    const wire::NtpTime ntp{(static_cast<std::uint64_t>(now.time_since_epoch() / seconds(1)) << 32U) |
                            0x8000U};
    estimate.OnSent(bytes);
    estimate.OnSenderReport(ntp, now - milliseconds(300) - round_trip);
    wire::ReportBlock report;
    report.fraction_lost = lost;
    report.last_sr = ntp.Compact();
    report.delay_since_last_sr = wire::CompactNtpFromDuration(milliseconds(300));
    estimate.OnReceiverReport(report, now);
  }
  LegEstimate estimate;
  Instant now{seconds(1000)};
};

constexpr std::size_t kMegabit = 125'000;

TEST_CASE("leg estimate: round trip, loss and rate are what the reports say") {
  Leg leg;
  leg.Second(milliseconds(20), kMegabit);
  leg.Second(milliseconds(25), 2 * kMegabit, 64);
  REQUIRE(leg.estimate.round_trip());
  CHECK(ToMilliseconds(*leg.estimate.round_trip() + microseconds(500)) == 25);
  CHECK(leg.estimate.fraction_lost() == 64);
  CHECK(leg.estimate.delivered() == 1'500'000);
  CHECK_FALSE(leg.estimate.limit());
}

TEST_CASE("leg estimate: a full queue limits, an empty one lifts the limit by steps") {
  Leg leg;
  leg.Second(milliseconds(10), 2 * kMegabit);
  leg.Second(milliseconds(10), 2 * kMegabit);
  leg.Second(milliseconds(180), 2 * kMegabit);
  CHECK_FALSE(leg.estimate.limit());
  leg.Second(milliseconds(400), kMegabit);
  REQUIRE(leg.estimate.limit());
  CHECK(*leg.estimate.limit() == 850'000);
  // Between the two nothing changes.
  leg.Second(milliseconds(150), kMegabit);
  CHECK(*leg.estimate.limit() == 850'000);
  leg.Second(milliseconds(20), kMegabit);
  CHECK(*leg.estimate.limit() == 977'500);
  int seconds = 0;
  for (; leg.estimate.limit() && seconds < 100; ++seconds) leg.Second(milliseconds(20), kMegabit);
  CHECK(seconds > 3);
  CHECK(seconds < 20);
}

TEST_CASE("leg estimate: the limit never falls below what sound needs, and loss alone sets none") {
  Leg leg;
  for (int i = 0; i < 10; ++i) leg.Second(milliseconds(10), kMegabit, 50);
  CHECK_FALSE(leg.estimate.limit());
  for (int i = 0; i < 20; ++i) leg.Second(seconds(2), 1000);
  CHECK(leg.estimate.limit() == peer::QueueLimit::kLeast);
}

TEST_CASE("leg estimate: a report that names none of ours, or lies of its delay, measures nothing harmful") {
  Leg leg;
  wire::ReportBlock report;
  report.last_sr = 0x12345678;
  leg.estimate.OnReceiverReport(report, leg.now);
  CHECK_FALSE(leg.estimate.round_trip());
  leg.estimate.OnSenderReport({0x1122334455667788U}, leg.now);
  report.last_sr = 0x33445566;
  report.delay_since_last_sr = 0xffffffff;
  leg.estimate.OnReceiverReport(report, leg.now + milliseconds(10));
  CHECK(leg.estimate.round_trip() == Duration::zero());
  CHECK_FALSE(leg.estimate.limit());
}

TEST_CASE("leg estimate: a longer path is not a full queue for ever") {
  Leg leg;
  leg.Second(milliseconds(10), kMegabit);
  for (int i = 0; i < 70; ++i) leg.Second(milliseconds(300), kMegabit);
  for (int i = 0; i < 60 && leg.estimate.limit(); ++i) leg.Second(milliseconds(300), kMegabit);
  CHECK_FALSE(leg.estimate.limit());
}

TEST_CASE("pacer: a free leg gets a burst and then its rate, a limited one only its rate") {
  Instant now{seconds(1)};
  Pacer free;
  CHECK(free.Available(now, Pacer::kLiveRate) == Pacer::kBurst);
  free.Spend(Pacer::kBurst);
  CHECK(free.NextRun(Pacer::kLiveRate) <= now + milliseconds(1));
  Pacer limited;
  const std::int64_t rate = 100;  // 1 Mbit/s
  std::int64_t sent = 0;
  for (int ms = 0; ms < 10'000; ++ms) {
    const std::int64_t available = limited.Available(now, rate);
    CHECK(available <= Pacer::kLeastBurst);
    if (available > 0) {
      limited.Spend(available);
      sent += available;
    }
    now += milliseconds(1);
  }
  CHECK(sent >= 980);
  CHECK(sent <= 1004);
}

}  // namespace
}  // namespace latchkey::egress
