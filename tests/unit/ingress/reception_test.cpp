#include "daemon/ingress/reception.h"

#include <map>
#include <random>

#include "tests/support/catch.h"

namespace latchkey::ingress {
namespace {

constexpr std::uint32_t kRate = 90000;
const Instant kStart{seconds{1000}};

TEST_CASE("reception: nothing is reported before the first packet") {
  Reception reception;
  CHECK_FALSE(reception.MakeReport(1, kStart).has_value());
}

TEST_CASE("reception: loss is told since the last report and in all") {
  Reception reception;
  for (std::int64_t s = 65530; s < 65630; ++s) {
    if (s % 4 != 0) reception.OnPacket({s}, static_cast<std::uint32_t>(s), kRate, false, kStart);
  }
  const auto first = reception.MakeReport(7, kStart);
  REQUIRE(first);
  CHECK(first->ssrc == 7);
  CHECK(first->highest_sequence == 65629);
  CHECK(first->cumulative_lost == 25);
  CHECK(first->fraction_lost == 64);
  for (std::int64_t s = 65630; s < 65640; ++s) reception.OnPacket({s}, 0, kRate, false, kStart);
  const auto second = reception.MakeReport(7, kStart);
  REQUIRE(second);
  CHECK(second->fraction_lost == 0);
  CHECK(second->cumulative_lost == 25);
}

TEST_CASE("reception: reordering is not told as loss, and loss among reordering is told once") {
  const bool lossy = GENERATE(false, true);
  const unsigned seed = 5;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  Reception reception;
  std::multimap<Duration, std::int64_t> under_way;  // arrival -> number
  std::int64_t lost = 0;
  double told = 0;
  Duration now{};
  for (std::int64_t s = 0; s < 20'000; ++s) {
    now += milliseconds{4};
    if (lossy && random() % 20 == 0) {
      ++lost;
    } else {
      under_way.emplace(now + milliseconds{random() % 30}, s);
    }
    while (!under_way.empty() && under_way.begin()->first <= now) {
      reception.OnPacket({under_way.begin()->second}, 0, kRate, false, kStart + now);
      under_way.erase(under_way.begin());
    }
    if (s % 125 != 124) continue;
    const auto interval = reception.interval();
    const auto report = reception.MakeReport(7, kStart + now);
    REQUIRE(report);
    told += report->fraction_lost / 256.0 * static_cast<double>(interval.expected);
  }
  CHECK(told <= static_cast<double>(lost) + 15);
  CHECK(told >= static_cast<double>(lost) * 0.9);
}

TEST_CASE("reception: jitter follows RFC 3550 A.8") {
  Reception reception;
  Instant at = kStart;
  for (int i = 0; i < 400; ++i) {
    // Every other packet 8 ms late: |D| is 8 ms, 720 ticks, each time.
    reception.OnPacket({i}, static_cast<std::uint32_t>(i * 3600), kRate, false,
                       at + (i % 2 ? milliseconds{8} : milliseconds{0}));
    at += milliseconds{40};
  }
  const auto report = reception.MakeReport(7, at);
  REQUIRE(report);
  CHECK(report->jitter > 700);
  CHECK(report->jitter < 730);
}

TEST_CASE("reception: the sender report's echo is its middle bits and the time since") {
  Reception reception;
  reception.OnPacket({1}, 0, kRate, false, kStart);
  reception.OnSenderReport({0x1122334455667788U}, kStart);
  const auto report = reception.MakeReport(7, kStart + milliseconds{500});
  REQUIRE(report);
  CHECK(report->last_sr == 0x33445566U);
  CHECK(report->delay_since_last_sr == 32768);
}

}  // namespace
}  // namespace latchkey::ingress
