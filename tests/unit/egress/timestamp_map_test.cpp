#include "daemon/egress/timestamp_map.h"

#include "tests/support/catch.h"

namespace latchkey::egress {
namespace {

constexpr std::uint32_t kRate = 90000;
const Instant kStart{seconds{1000}};

TEST_CASE("timestamp map: a running camera clock is followed tick by tick") {
  TimestampMap map(7, kRate);
  CHECK(map.Map({500}, kStart) == 7);
  CHECK(map.Map({500 + 3600}, kStart + milliseconds{47}) == 7 + 3600);
  CHECK(map.Map({500 + 7200}, kStart + milliseconds{80}) == 7 + 7200);
}

TEST_CASE("timestamp map: it wraps as RTP time does") {
  TimestampMap map(0xffffff00U, kRate);
  CHECK(map.Map({0}, kStart) == 0xffffff00U);
  CHECK(map.Map({3600}, kStart + milliseconds{40}) == 0xffffff00U + 3600U);
}

TEST_CASE("timestamp map: another epoch goes on by the hub's elapsed time") {
  TimestampMap map(0, kRate);
  (void)map.Map({1'000'000}, kStart);
  map.Rebase();
  CHECK(map.Map({5}, kStart + seconds{2}) == 2 * kRate);
  CHECK(map.Map({5 + 3600}, kStart + milliseconds{2040}) == 2 * kRate + 3600);
}

TEST_CASE("timestamp map: time never goes back and never stands still") {
  TimestampMap map(0, kRate);
  (void)map.Map({90000}, kStart);
  const std::uint32_t second = map.Map({100}, kStart);
  CHECK(second == 90);  // kLeastStep
  CHECK(map.Map({100}, kStart) == second + 90);
}

TEST_CASE("timestamp map: a jump of the camera's clock is not passed on") {
  TimestampMap map(0, kRate);
  (void)map.Map({0}, kStart);
  CHECK(map.Map({std::int64_t{kRate} * 3600}, kStart + milliseconds{40}) == 3600);
}

TEST_CASE("timestamp map: an anchor taken from a late picture doesn't keep the viewer behind") {
  TimestampMap map(0, kRate);
  Instant now = kStart;
  ExtendedTimestamp in{0};
  std::uint32_t out = map.Map(in, now);
  const auto next = [&](Duration elapsed) {
    now += elapsed;
    in.value += 3600;
    const std::uint32_t before = out;
    out = map.Map(in, now);
    CHECK(out - before >= 90);  // kLeastStep
    return milliseconds{out / 90} - (now - kStart);
  };
  for (int i = 0; i < 50; ++i) CHECK(next(milliseconds{1}) <= TimestampMap::kMaxLead);
  for (int i = 0; i < 250; ++i) CHECK(next(milliseconds{40}) <= TimestampMap::kMaxLead);
  // Followed tick by tick again.
  const Duration lead = next(milliseconds{40});
  CHECK(next(milliseconds{45}) == lead - milliseconds{5});
  CHECK(next(milliseconds{35}) == lead);
}

TEST_CASE("timestamp map: a clock that drifts for a day is followed tick by tick") {
  const std::int64_t ppm = GENERATE(-200, 200);
  TimestampMap map(0, kRate);
  std::int64_t in = 0;
  std::uint32_t odd = 0;
  for (std::int64_t i = 0; i < 24 * 3600 * 25; ++i) {
    const std::uint32_t out =
        map.Map({in}, kStart + microseconds{i * 40'000 * (1'000'000 - ppm) / 1'000'000});
    if (out != static_cast<std::uint32_t>(in)) ++odd;
    in += 3600;
  }
  CHECK(odd == 0);
}

TEST_CASE("timestamp map: After() runs on from the frame mapped last") {
  TimestampMap map(1000, kRate);
  (void)map.Map({0}, kStart);
  CHECK(map.After(milliseconds{10}) == 1900);
  CHECK(map.After(milliseconds{-10}) == 100);
}

}  // namespace
}  // namespace latchkey::egress
