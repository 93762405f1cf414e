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

TEST_CASE("timestamp map: After() runs on from the frame mapped last") {
  TimestampMap map(1000, kRate);
  (void)map.Map({0}, kStart);
  CHECK(map.After(milliseconds{10}) == 1900);
  CHECK(map.After(milliseconds{-10}) == 100);
}

}  // namespace
}  // namespace latchkey::egress
