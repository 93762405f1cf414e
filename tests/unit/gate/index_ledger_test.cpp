// How far the packets of an enrolled key may be believed: what is asked of the disk, when, and how often.
#include "daemon/gate/index_ledger.h"

#include <algorithm>
#include <random>
#include <vector>

#include "tests/unit/gate/support.h"

namespace latchkey::gate {
namespace {

TEST_CASE("index ledger: blocks follow the pace, are asked for in time, and once") {
  IndexLedger ledger;
  Instant now = kStart;
  CHECK_FALSE(ledger.Note(7, 40, now));
  auto wish = ledger.TakeWish();
  REQUIRE(wish);
  CHECK(*wish == IndexWish{7, 40 + IndexLedger::kLeastBlock});
  CHECK_FALSE(ledger.TakeWish());
  ledger.Reserve(*wish);
  CHECK(ledger.Covers(7, wish->up_to - 1));
  CHECK_FALSE(ledger.Covers(7, wish->up_to));
  CHECK_FALSE(ledger.Covers(8, 0));
}

// Below what is written by no more than 40 s of packets, for that is what a sender loses that goes on while
// its session ends; and by few writes, of which the keeper allows 64 in 10 s.
TEST_CASE("index ledger: at any pace, every packet is covered, by few writes, and not by much") {
  const Duration between = GENERATE(microseconds{100}, microseconds{500}, milliseconds{1}, milliseconds{33});
  IndexLedger ledger;
  Instant now = kStart;
  std::vector<Instant> writes;
  ports::SrtpIndex up_to = 0;
  ports::SrtpIndex index = 40;
  for (; now < kStart + seconds{120}; ++index, now += between) {
    const bool covered = ledger.Note(7, index, now);
    if (index > 40) REQUIRE(covered);
    if (const auto next = ledger.TakeWish()) {
      REQUIRE(next->up_to > index);
      REQUIRE(next->up_to > up_to);
      up_to = next->up_to;
      ledger.Reserve(*next);
      writes.push_back(now);
    }
    REQUIRE(ledger.IsConsistent());
  }
  CHECK((up_to - index) * between <= seconds{40});
  for (const Instant first : writes) {
    CHECK(std::count_if(writes.begin(), writes.end(),
                        [&](Instant at) { return at >= first && at < first + seconds{10}; }) <= 16);
  }
  CHECK(writes.size() <= 40);
  // The pace falls, and so does the block.
  for (int i = 0; i < 200'000; ++i, ++index, now += milliseconds{50}) {
    REQUIRE(ledger.Note(7, index, now));
    if (const auto next = ledger.TakeWish()) {
      REQUIRE(next->up_to > up_to);
      up_to = next->up_to;
      ledger.Reserve(*next);
    }
  }
  CHECK((up_to - index) * milliseconds{50} <= seconds{40});
}

// The disk takes nothing twice: a wish for what is written already would end the session.
TEST_CASE("index ledger: a wish goes further than the one before, however the pace changes") {
  std::mt19937 random(GENERATE(range(1U, 50U)));
  IndexLedger ledger;
  Instant now = kStart;
  ports::SrtpIndex index = 40;
  ports::SrtpIndex up_to = 0;
  Duration between = milliseconds{4};
  for (int i = 0; i < 20'000; ++i, ++index) {
    now += between;
    if (random() % 500 == 0) between = microseconds{200 + random() % 100'000};
    if (random() % 2000 == 0) now += seconds{random() % 60};
    if (random() % 2000 == 0) index += random() % 100'000;
    (void)ledger.Note(7, index, now);
    if (const auto next = ledger.TakeWish()) {
      REQUIRE(next->up_to > up_to);
      up_to = next->up_to;
      ledger.Reserve(*next);
    }
    REQUIRE(ledger.IsConsistent());
  }
}

TEST_CASE("index ledger: at the end of the numbers nothing is asked for over and over") {
  IndexLedger ledger;
  (void)ledger.Note(1, ports::kSrtpMaxIndex - 3, kStart);
  const auto wish = ledger.TakeWish();
  REQUIRE(wish);
  CHECK(wish->up_to == ports::kSrtpMaxIndex);
  CHECK_FALSE(ledger.TakeWish());
}

TEST_CASE("index ledger: sources are bounded, and those beyond are not covered") {
  IndexLedger ledger;
  for (std::uint32_t ssrc = 0; ssrc < IndexLedger::kMaxSources; ++ssrc) (void)ledger.Note(ssrc, 1, kStart);
  while (const auto wish = ledger.TakeWish()) ledger.Reserve(*wish);
  CHECK(ledger.Note(3, 2, kStart));
  CHECK_FALSE(ledger.Note(1000, 1, kStart));
  CHECK_FALSE(ledger.TakeWish());
  CHECK(ledger.IsConsistent());
}

}  // namespace
}  // namespace latchkey::gate
