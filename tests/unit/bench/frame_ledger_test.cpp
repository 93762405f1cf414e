#include "tests/bench/frame_ledger.h"

#include <set>

#include "tests/support/catch.h"

namespace latchkey::bench {
namespace {

constexpr Duration kInterval = milliseconds{40};
constexpr std::uint32_t kGroup = 50;
const Instant kStart{seconds{1000}};

Instant SentAt(std::uint32_t number) {
  return kStart + kInterval * number;
}
std::uint64_t PrintOf(std::uint32_t number) {
  return 1000 + number;
}

// `count` frames at 25 a second, each kGroup-th a keyframe.
FrameLedger Film(std::uint32_t count) {
  FrameLedger ledger;
  for (std::uint32_t n = 0; n < count; ++n) ledger.Sent(n % kGroup == 0, PrintOf(n), SentAt(n));
  return ledger;
}
void Arrive(FrameLedger& ledger, std::uint32_t number, Duration delay = milliseconds{10}) {
  ledger.Arrived(number, PrintOf(number), SentAt(number) + delay);
}
void ArriveAllBut(FrameLedger& ledger, std::uint32_t count, const std::set<std::uint32_t>& lost) {
  for (std::uint32_t n = 0; n < count; ++n) {
    if (!lost.contains(n)) Arrive(ledger, n);
  }
}

TEST_CASE("ledger: on a clean network every frame is decodable and on time, and nothing freezes") {
  auto ledger = Film(100);
  ArriveAllBut(ledger, 100, {});
  const auto figures = ledger.Between(kStart, SentAt(100));
  CHECK(figures.sent == 100);
  CHECK(figures.whole == 100);
  CHECK(figures.decodable == 100);
  CHECK(figures.on_time == 100);
  CHECK(figures.freezes == 0);
  CHECK(figures.torn == 0);
  CHECK(figures.backwards == 0);
  CHECK(figures.delay.At(50) == milliseconds{10});
  CHECK(figures.delay.At(99) == milliseconds{10});
}

TEST_CASE("ledger: a lost frame takes all that depend on it, up to the next keyframe") {
  auto ledger = Film(100);
  ArriveAllBut(ledger, 100, {40});
  const auto figures = ledger.Between(kStart, SentAt(100));
  CHECK(figures.whole == 99);
  CHECK(figures.decodable == 90);
  CHECK(ledger.IsDecodable(39));
  CHECK_FALSE(ledger.IsDecodable(40));
  CHECK_FALSE(ledger.IsDecodable(49));
  CHECK(ledger.IsDecodable(50));
}

TEST_CASE("ledger: without its keyframe nothing of a group is decodable") {
  auto ledger = Film(100);
  ArriveAllBut(ledger, 100, {0});
  CHECK(ledger.Between(kStart, SentAt(100)).decodable == 50);
  CHECK_FALSE(ledger.IsDecodable(1));
  CHECK_FALSE(ledger.IsDecodable(100));
}

TEST_CASE("ledger: a frame is decodable when the last of those that it needs has come") {
  auto ledger = Film(3);
  Arrive(ledger, 0);
  Arrive(ledger, 1, milliseconds{300});
  Arrive(ledger, 2);
  const auto figures = ledger.Between(kStart, SentAt(3));
  CHECK(figures.decodable == 3);
  // Frame 2 waits for frame 1: 300 ms less the 40 ms that it was sent later.
  CHECK(figures.delay.At(100) == milliseconds{300});
  CHECK(figures.delay.At(60) == milliseconds{260});
  CHECK(figures.whole_delay.At(60) == milliseconds{10});
}

TEST_CASE("ledger: half a second is on time, more is not, though it stays decodable") {
  auto ledger = Film(100);
  ArriveAllBut(ledger, 100, {98, 99});
  Arrive(ledger, 98, milliseconds{500});
  Arrive(ledger, 99, milliseconds{501});
  const auto figures = ledger.Between(kStart, SentAt(100));
  CHECK(figures.decodable == 100);
  CHECK(figures.on_time == 99);
}

TEST_CASE("ledger: one late frame makes those late that wait for it") {
  auto ledger = Film(50);
  ArriveAllBut(ledger, 50, {10});
  Arrive(ledger, 10, milliseconds{700});
  // 11 to 14 need it more than 500 ms after their own sending; 15 has it after exactly 500 ms.
  CHECK(ledger.Between(kStart, SentAt(50)).on_time == 45);
}

TEST_CASE("ledger: only frames sent within the span count, on what came before they still depend") {
  auto ledger = Film(100);
  ArriveAllBut(ledger, 100, {10});
  const auto figures = ledger.Between(SentAt(20), SentAt(60));
  CHECK(figures.sent == 40);
  CHECK(figures.whole == 40);
  CHECK(figures.decodable == 10);
}

TEST_CASE("ledger: a freeze is a gap of more than 200 ms between pictures, and lasts as long as the gap") {
  auto ledger = Film(100);
  SECTION("five intervals are 200 ms, which is none") {
    // The next group's keyframe comes five intervals after the last picture.
    ArriveAllBut(ledger, 100, {46, 47, 48, 49});
    CHECK(ledger.Between(kStart, SentAt(100)).freezes == 0);
  }
  SECTION("six are one") {
    ArriveAllBut(ledger, 100, {45});
    const auto figures = ledger.Between(kStart, SentAt(100));
    CHECK(figures.freezes == 1);
    CHECK(figures.freeze_time == milliseconds{240});
  }
  SECTION("frames that come too late are as none") {
    ArriveAllBut(ledger, 100, {45});
    Arrive(ledger, 45, milliseconds{900});
    const auto figures = ledger.Between(kStart, SentAt(100));
    CHECK(figures.decodable == 100);
    CHECK(figures.freezes == 1);
  }
}

TEST_CASE("ledger: silence to the end, or all the time, is a freeze") {
  auto ledger = Film(100);
  SECTION("to the end") {
    ArriveAllBut(ledger, 50, {});
    const auto figures = ledger.Between(kStart, SentAt(100));
    CHECK(figures.freezes == 1);
    CHECK(figures.freeze_time == kInterval * 51 - milliseconds{10});
  }
  SECTION("all the time") {
    const auto figures = ledger.Between(kStart, SentAt(100));
    CHECK(figures.freezes == 1);
    CHECK(figures.freeze_time == kInterval * 100);
    CHECK(figures.delay.empty());
  }
  SECTION("from before the span") {
    ArriveAllBut(ledger, 100, {20});
    const auto figures = ledger.Between(SentAt(30), SentAt(100));
    CHECK(figures.freezes == 1);
    // From the picture of frame 19 to that of frame 50.
    CHECK(figures.freeze_time == kInterval * 31);
  }
}

TEST_CASE("ledger: what is not the bytes that were sent is torn, and counts as not come") {
  auto ledger = Film(50);
  ArriveAllBut(ledger, 50, {20, 30});
  ledger.Arrived(20, PrintOf(21), SentAt(20) + milliseconds{10});
  ledger.Arrived(std::nullopt, 0, SentAt(30) + milliseconds{10});
  ledger.Arrived(50, PrintOf(50), SentAt(40));
  const auto figures = ledger.Between(kStart, SentAt(50));
  CHECK(figures.torn == 3);
  CHECK(figures.whole == 48);
  CHECK(figures.decodable == 20);
}

TEST_CASE("ledger: a frame after a later one is noticed, and its first arrival counts") {
  auto ledger = Film(50);
  ArriveAllBut(ledger, 50, {});
  Arrive(ledger, 10, milliseconds{400});
  const auto figures = ledger.Between(kStart, SentAt(50));
  CHECK(figures.backwards == 1);
  CHECK(figures.delay.At(100) == milliseconds{10});
}

TEST_CASE("ledger: live again is the first picture after which a whole second is on time") {
  auto ledger = Film(300);
  // Nothing from frame 60 on; 120 comes alone; from 150 on all is well.
  std::set<std::uint32_t> lost;
  for (std::uint32_t n = 60; n < 150; ++n) lost.insert(n);
  lost.erase(100);
  ArriveAllBut(ledger, 300, lost);
  CHECK(ledger.LiveAfter(SentAt(90)) == kInterval * 60 + milliseconds{10});
  // From within a good time it is the next picture.
  CHECK(ledger.LiveAfter(SentAt(10)) == milliseconds{10});
  CHECK(ledger.LiveAfter(SentAt(200)) == milliseconds{10});
}

TEST_CASE("ledger: what never becomes live, or not for a second before the end, is not live") {
  auto ledger = Film(100);
  CHECK_FALSE(ledger.LiveAfter(kStart).has_value());
  for (std::uint32_t n = 50; n < 100; ++n) Arrive(ledger, n);
  CHECK(ledger.LiveAfter(SentAt(20)).has_value());
  CHECK_FALSE(ledger.LiveAfter(SentAt(90)).has_value());
  CHECK_FALSE(FrameLedger{}.LiveAfter(kStart).has_value());
}

}  // namespace
}  // namespace latchkey::bench
