#include "daemon/ingress/rate_bound.h"

#include "tests/support/catch.h"

namespace latchkey::ingress {
namespace {

TEST_CASE("rate bound: what an encoder that obeys sends passes, its largest keyframe included") {
  RateBound bound(8'000'000);
  Instant now{seconds(1000)};
  for (int frame = 0; frame < 1000; ++frame) {
    REQUIRE(bound.Admit(frame % 50 == 0 ? 500'000 : 30'000, now));
    now += milliseconds(40);
  }
}

TEST_CASE("rate bound: more than twice the most does not pass, and the rest is within it") {
  RateBound bound(8'000'000);
  Instant now{seconds(1000)};
  std::uint64_t passed = 0;
  for (int ms = 0; ms < 10'000; ++ms) {
    if (bound.Admit(10'000, now)) passed += 10'000;
    now += milliseconds(1);
  }
  // A second at once, and ten.
  CHECK(passed <= 11U * 2'000'000U);
  CHECK(passed >= 9U * 2'000'000U);
}

TEST_CASE("rate bound: without a most there is no bound") {
  RateBound bound(0);
  for (int i = 0; i < 1000; ++i) CHECK(bound.Admit(1'000'000, Instant{}));
}

}  // namespace
}  // namespace latchkey::ingress
