#include "daemon/frames/nack.h"

#include <algorithm>
#include <map>
#include <random>

#include "tests/support/catch.h"

namespace latchkey::frames {
namespace {

constexpr Instant kStart{seconds(1000)};
constexpr NackScheduler::Limits kLimits{seconds(1), Duration::zero(), 0, false};

// A scheduler under a virtual clock, polled when it says.
struct NackTest {
  std::vector<std::uint16_t> PollAt(Instant now) {
    std::vector<std::uint16_t> out;
    scheduler.Poll(missing, limits, now, out);
    REQUIRE(scheduler.IsConsistent());
    return out;
  }
  // Times in ms since kStart at which `sequence` is asked for until `end`.
  std::vector<std::int64_t> AsksOf(std::uint16_t sequence, Instant end) {
    std::vector<std::int64_t> times;
    for (Instant now = kStart; now < end;) {
      const auto asked = PollAt(now);
      if (std::count(asked.begin(), asked.end(), sequence) > 0) times.push_back(ToMilliseconds(now - kStart));
      const auto next = scheduler.NextDeadline();
      if (!next) break;
      REQUIRE(*next > now);
      now = *next;
    }
    return times;
  }
  void Lose(std::int64_t sequence, Instant noticed = kStart) {
    missing.push_back({{sequence}, noticed});
    scheduler.OnGap(noticed);
  }
  NackScheduler scheduler{true};
  NackScheduler::Limits limits = kLimits;
  std::vector<MissingPacket> missing;
};

TEST_CASE_METHOD(NackTest, "nack: where nothing is reordered a loss is asked for after 2 ms") {
  Lose(7);
  CHECK(PollAt(kStart).empty());
  CHECK(scheduler.NextDeadline() == kStart + Reordering::kLeastWait);
  CHECK(PollAt(kStart + Reordering::kLeastWait) == std::vector<std::uint16_t>{7});
  CHECK(scheduler.asked() == 1);
}

TEST_CASE_METHOD(NackTest, "nack: again after a round trip, then twice, then thrice") {
  Lose(7);
  // Before a measurement the round trip is kInitial, 100 ms.
  CHECK(AsksOf(7, kStart + milliseconds(370)) ==
        std::vector<std::int64_t>{2, 102, 117, 202, 217, 232, 302, 317, 332});
}

TEST_CASE_METHOD(NackTest, "nack: the interval follows the measured round trip") {
  for (std::int64_t s = 0; s < 50; ++s) {
    const Instant at = kStart - seconds(10) + milliseconds(100) * s;
    Lose(s, at);
    CHECK(PollAt(at + milliseconds(2)).size() == 1);
    CHECK(scheduler.OnPacket({s}, at, true, at + milliseconds(22)));
    missing.clear();
  }
  CHECK(scheduler.round_trip().smoothed() == milliseconds(20));
  Lose(100);
  CHECK(AsksOf(100, kStart + milliseconds(70)) == std::vector<std::int64_t>{2, 26, 41, 56});
}

TEST_CASE_METHOD(NackTest, "nack: an answer to a packet asked for twice measures nothing") {
  Lose(7);
  PollAt(kStart + milliseconds(2));
  CHECK(PollAt(kStart + milliseconds(102)).size() == 1);
  CHECK(scheduler.OnPacket({7}, kStart, true, kStart + milliseconds(103)));
  CHECK_FALSE(scheduler.round_trip().measured());
}

TEST_CASE_METHOD(NackTest,
                 "nack: an answer that comes after its number was given up still measures the round trip") {
  Lose(7);
  PollAt(kStart + milliseconds(2));
  missing.clear();
  scheduler.OnGap(kStart + milliseconds(300));
  CHECK(PollAt(kStart + milliseconds(300)).empty());
  CHECK(scheduler.OnPacket({7}, std::nullopt, true, kStart + milliseconds(402)));
  CHECK(scheduler.round_trip().smoothed() == milliseconds(400));
}

TEST_CASE_METHOD(NackTest,
                 "nack: what comes late by itself lengthens the wait, for as long as that goes on") {
  for (int i = 0; i < 100; ++i) {
    CHECK_FALSE(scheduler.OnPacket({i}, kStart - milliseconds(i % 25), false, kStart));
  }
  CHECK(scheduler.ReorderWait(Duration::zero(), kStart) == milliseconds(24));
  Lose(500);
  CHECK(PollAt(kStart + milliseconds(23)).empty());
  CHECK(PollAt(kStart + milliseconds(24)).size() == 1);
  CHECK(scheduler.ReorderWait(Duration::zero(), kStart + seconds(11)) == Reordering::kLeastWait);
}

TEST_CASE_METHOD(NackTest, "nack: jitter counts only where packets are reordered") {
  CHECK(scheduler.ReorderWait(milliseconds(10), kStart) == Reordering::kLeastWait);
  scheduler.OnPacket({1}, kStart - milliseconds(1), false, kStart);
  CHECK(scheduler.ReorderWait(milliseconds(10), kStart) == milliseconds(30));
  CHECK(scheduler.ReorderWait(seconds(10), kStart) == Reordering::kLongestWait);
}

TEST_CASE_METHOD(NackTest,
                 "nack: a packet that came is not asked for any more, and a repetition is no reordering") {
  Lose(7);
  CHECK_FALSE(scheduler.OnPacket({7}, kStart, true, kStart + milliseconds(1)));
  missing.clear();
  CHECK(PollAt(kStart + milliseconds(50)).empty());
  CHECK_FALSE(scheduler.NextDeadline());
  CHECK(scheduler.ReorderWait(milliseconds(10), kStart + milliseconds(1)) == Reordering::kLeastWait);
}

TEST_CASE_METHOD(
    NackTest,
    "nack: an original that comes after it was asked for is late, where RTX tells it from an answer") {
  Lose(7);
  PollAt(kStart + milliseconds(2));
  CHECK(scheduler.OnPacket({7}, kStart, false, kStart + milliseconds(20)));
  CHECK_FALSE(scheduler.round_trip().measured());
  CHECK(scheduler.ReorderWait(Duration::zero(), kStart + milliseconds(20)) == milliseconds(20));
}

TEST_CASE_METHOD(NackTest,
                 "nack: without RTX what comes within the jitter is late, and what comes later an answer") {
  scheduler = NackScheduler(false);
  limits.jitter = milliseconds(10);
  Lose(7);
  PollAt(kStart + milliseconds(2));
  scheduler.OnPacket({7}, kStart, false, kStart + milliseconds(25));
  CHECK_FALSE(scheduler.round_trip().measured());
  missing.clear();
  const Instant later = kStart + seconds(1);
  Lose(8, later);
  PollAt(later + milliseconds(30));
  scheduler.OnPacket({8}, later, false, later + milliseconds(80));
  CHECK(scheduler.round_trip().smoothed() == milliseconds(50));
}

TEST_CASE_METHOD(NackTest, "nack: where much is lost the first request is sent twice as well") {
  limits.in_pairs = true;
  Lose(7);
  CHECK(AsksOf(7, kStart + milliseconds(250)) == std::vector<std::int64_t>{2, 17, 102, 117, 202, 217, 232});
  CHECK(scheduler.OnPacket({7}, kStart, true, kStart + milliseconds(250)));
  CHECK_FALSE(scheduler.round_trip().measured());
  missing.clear();
  Lose(8, kStart + seconds(1));
  PollAt(kStart + seconds(1) + milliseconds(2));
  PollAt(kStart + seconds(1) + milliseconds(17));
  scheduler.OnPacket({8}, kStart + seconds(1), true, kStart + seconds(1) + milliseconds(42));
  CHECK(scheduler.round_trip().smoothed() == milliseconds(40));
}

TEST_CASE_METHOD(NackTest, "nack: nothing is asked for whose answer would come too late, or is of no use") {
  limits.hold = milliseconds(150);
  Lose(7);
  CHECK(AsksOf(7, kStart + seconds(2)) == std::vector<std::int64_t>{2});
  limits = kLimits;
  limits.useful_from = 20;
  missing.clear();
  Lose(19, kStart + seconds(3));
  Lose(20, kStart + seconds(3));
  CHECK(PollAt(kStart + seconds(3) + milliseconds(2)) == std::vector<std::uint16_t>{20});
}

TEST_CASE_METHOD(NackTest, "nack: a packet is asked for kMaxAsks times at most") {
  limits.hold = hours(1);
  Lose(7);
  CHECK(AsksOf(7, kStart + seconds(60)).size() == NackScheduler::kMaxAsks);
  CHECK_FALSE(scheduler.NextDeadline());
}

TEST_CASE_METHOD(NackTest, "nack: requests are bounded by what comes, one for each packet") {
  limits.hold = hours(1);
  for (std::int64_t s = 0; s < 2000; ++s) Lose(s);
  std::size_t asked = 0;
  for (int ms = 2; ms < 1000; ++ms) {
    const auto now = PollAt(kStart + milliseconds(ms));
    CHECK(now.size() <= NackScheduler::kMaxPerMessage);
    asked += now.size();
  }
  CHECK(asked == NackScheduler::kMaxCredit);
  for (int i = 0; i < 100; ++i) scheduler.OnPacket({100'000 + i}, std::nullopt, false, kStart + seconds(1));
  CHECK(PollAt(kStart + seconds(1)).size() == 100);
}

TEST_CASE_METHOD(NackTest, "nack: any order of losses, answers and polls leaves the scheduler consistent") {
  const unsigned seed = 20260126;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  Instant now = kStart;
  std::int64_t next = 0;
  for (int step = 0; step < 20'000; ++step) {
    now += milliseconds(random() % 20);
    const auto what = random() % 8;
    if (what < 3) {
      next += 1 + static_cast<std::int64_t>(random() % 4);
      Lose(next++, now);
    } else if (what < 6 && !missing.empty()) {
      const auto at = missing.begin() + static_cast<std::ptrdiff_t>(random() % missing.size());
      scheduler.OnPacket(at->sequence, at->noticed, random() % 2 == 0, now);
      if (random() % 4 != 0) missing.erase(at);
    } else if (what == 6) {
      scheduler.OnPacket({static_cast<std::int64_t>(random() % 5000)}, std::nullopt, random() % 2 == 0, now);
    } else {
      const auto asked = PollAt(now);
      REQUIRE(std::is_sorted(asked.begin(), asked.end(), [](std::uint16_t a, std::uint16_t b) {
        return static_cast<std::int16_t>(b - a) > 0;
      }));
    }
    while (missing.size() > 500) missing.erase(missing.begin());
    REQUIRE(scheduler.IsConsistent());
  }
}

}  // namespace
}  // namespace latchkey::frames
