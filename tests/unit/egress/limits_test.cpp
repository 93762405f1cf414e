// What one viewer may draw: packets again, keyframes of the camera.
#include <vector>

#include "daemon/egress/keyframe_wish.h"
#include "daemon/egress/resend_budget.h"
#include "daemon/egress/sent_history.h"
#include "tests/support/catch.h"

namespace latchkey::egress {
namespace {

TEST_CASE("resend budget: half of what was sent, and a few at the start") {
  ResendBudget budget;
  std::int64_t spent = 0;
  while (budget.TrySpend()) ++spent;
  CHECK(spent == ResendBudget::kFirst);
  budget.Earn(101);
  spent = 0;
  while (budget.TrySpend()) ++spent;
  CHECK(spent == 50);
}

TEST_CASE("resend budget: a long time without a wish saves up only so much") {
  ResendBudget budget;
  for (int i = 0; i < 1000; ++i) budget.Earn(1000);
  std::int64_t spent = 0;
  while (budget.TrySpend()) ++spent;
  CHECK(spent == ResendBudget::kMost);
}

TEST_CASE("keyframe wish: a first one at once, then with doubling patience") {
  KeyframeWish wish;
  std::vector<std::int64_t> asked;
  for (int ms = 0; ms < 11'000; ms += 10) {
    wish.Want();
    if (wish.Take(Instant{milliseconds(ms)})) asked.push_back(ms);
  }
  CHECK(asked == std::vector<std::int64_t>{0, 500, 1500, 3500, 5500, 7500, 9500});
}

TEST_CASE("keyframe wish: after a quiet time it is a first one again") {
  KeyframeWish wish;
  for (int ms = 0; ms < 10'000; ms += 10) {
    wish.Want();
    (void)wish.Take(Instant{milliseconds(ms)});
  }
  const auto at = [&](int ms) {
    wish.Want();
    return wish.Take(Instant{milliseconds(ms)});
  };
  CHECK(at(20'000));
  CHECK_FALSE(at(20'400));
  CHECK(at(20'500));
}

TEST_CASE("keyframe wish: one that a keyframe has fulfilled is over, and nobody else's is taken for it") {
  KeyframeWish wish;
  CHECK_FALSE(wish.Take(Instant{}));
  wish.Want();
  wish.Satisfied();
  CHECK_FALSE(wish.Take(Instant{}));
}

TEST_CASE("sent history: it knows the last packets, as many as it has room for, through the wrap") {
  constexpr std::uint16_t kRoom = 256;
  SentHistory history(kRoom);
  const std::uint16_t first = 65'400;
  for (std::uint16_t i = 0; i < 2 * kRoom; ++i) {
    SentHistory::Entry entry;
    entry.sequence = static_cast<std::uint16_t>(first + i);
    entry.record = i;
    history.Add(entry);
  }
  for (std::uint16_t i = 0; i < 2 * kRoom; ++i) {
    const auto found = history.Find(static_cast<std::uint16_t>(first + i));
    REQUIRE(found.has_value() == (i >= kRoom));
    if (found) CHECK(found->record == i);
  }
}

}  // namespace
}  // namespace latchkey::egress
