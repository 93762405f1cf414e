#include "daemon/frames/playout_depth.h"

#include "tests/support/catch.h"

namespace latchkey::frames {
namespace {

constexpr Instant kStart{seconds(1000)};

PlayoutDepth::Measured At(std::uint64_t expected, std::uint64_t asked, Duration round = milliseconds(50)) {
  return {milliseconds(10), round, expected, asked};
}

TEST_CASE("playout depth: two rounds of repair before anything is known of the loss") {
  PlayoutDepth depth({milliseconds(60), seconds(1)});
  depth.Update(At(0, 0), kStart);
  CHECK(depth.depth() == milliseconds(10 + 2 * 50 + 25));
}

TEST_CASE("playout depth: more loss is more rounds, never more than kMaxRounds") {
  CHECK(PlayoutDepth::Rounds(0) == 2);
  CHECK(PlayoutDepth::Rounds(0.03) == 3);
  CHECK(PlayoutDepth::Rounds(0.05) == 3);
  CHECK(PlayoutDepth::Rounds(0.2) == 6);
  CHECK(PlayoutDepth::Rounds(1) == PlayoutDepth::kMaxRounds);
  for (int percent = 1; percent < 100; ++percent) {
    // Sending in pairs saves one.
    if (percent == 4) continue;
    CHECK(PlayoutDepth::Rounds(percent / 100.0) >= PlayoutDepth::Rounds((percent - 1) / 100.0));
  }
}

TEST_CASE("playout depth: up at once with the loss, down by half in five seconds") {
  PlayoutDepth depth({milliseconds(10), seconds(2)});
  depth.Update(At(0, 0), kStart);
  depth.Update(At(1000, 200), kStart + seconds(1));
  CHECK(depth.loss() == Approx(0.2));
  const Duration high = depth.depth();
  CHECK(high == milliseconds(10 + 6 * 50 + 25));
  Instant now = kStart + seconds(1);
  std::uint64_t expected = 1000;
  for (int i = 0; i < 50; ++i) {
    now += milliseconds(100);
    depth.Update(At(expected += 100, 200), now);
  }
  CHECK(depth.loss() == Approx(0.1).epsilon(0.1));
  CHECK(depth.depth() < high);
  CHECK(depth.depth() > milliseconds(135));
  for (int i = 0; i < 1200; ++i) {
    now += milliseconds(100);
    depth.Update(At(expected += 100, 200), now);
  }
  CHECK(depth.depth() < milliseconds(140));
}

TEST_CASE("playout depth: a slower round trip counts at once, and the bounds hold") {
  PlayoutDepth depth({milliseconds(60), milliseconds(400)});
  depth.Update({Duration::zero(), milliseconds(10), 0, 0}, kStart);
  CHECK(depth.depth() == milliseconds(60));
  depth.Update(At(0, 0, milliseconds(100)), kStart + milliseconds(1));
  CHECK(depth.depth() == milliseconds(260));
  depth.Update(At(0, 0, milliseconds(600)), kStart + milliseconds(2));
  CHECK(depth.depth() == milliseconds(400));
}

TEST_CASE("playout depth: a silence measures nothing") {
  PlayoutDepth depth({milliseconds(10), seconds(2)});
  depth.Update(At(0, 0), kStart);
  depth.Update(At(100, 20), kStart + seconds(1));
  depth.Update(At(100, 20), kStart + seconds(2));
  CHECK(depth.loss() == Approx(0.2));
}

}  // namespace
}  // namespace latchkey::frames
