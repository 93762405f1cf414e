#include "daemon/ingress/bitrate.h"

#include "tests/support/catch.h"

namespace latchkey::ingress {
namespace {

// Packets of half a second, 2 Mbit/s unless said, all at least `queue` late.
struct Link {
  std::uint64_t HalfSecond(Duration queue, std::uint64_t bitrate = 2'000'000) {
    const std::size_t packets = bitrate / 2 / 8 / 125;
    for (std::size_t i = 0; i < packets; ++i) bitrate_.OnPacket(queue + milliseconds(i % 30), 125);
    now_ += milliseconds(500);
    return bitrate_.Decide(now_);
  }
  Instant now_{seconds(1000)};
  Bitrate bitrate_{8'000'000};
};

TEST_CASE("bitrate: a camera whose packets come at once, jitter or not, may send the most") {
  Link link;
  for (int i = 0; i < 20; ++i) CHECK(link.HalfSecond(milliseconds(i % 50)) == 8'000'000);
}

TEST_CASE(
    "bitrate: while packets wait in a queue the camera is told less than comes through, and then more "
    "again") {
  Link link;
  link.HalfSecond(milliseconds(0));
  CHECK(link.HalfSecond(milliseconds(100)) == 8'000'000);
  CHECK(link.HalfSecond(milliseconds(300), 1'000'000) == 850'000);
  CHECK(link.HalfSecond(milliseconds(300), 800'000) == 680'000);
  CHECK(link.HalfSecond(milliseconds(100), 680'000) == 680'000);
  std::uint64_t told = 680'000;
  int rounds = 0;
  for (; told < 8'000'000 && rounds < 100; ++rounds) {
    const std::uint64_t next = link.HalfSecond(milliseconds(0), told);
    CHECK(next > told);
    told = next;
  }
  CHECK(told == 8'000'000);
}

TEST_CASE("bitrate: a silent camera is told what it was told before") {
  Link link;
  link.HalfSecond(milliseconds(0));
  CHECK(link.HalfSecond(milliseconds(400), 1'000'000) == 850'000);
  for (int i = 0; i < 10; ++i) CHECK(link.HalfSecond(milliseconds(0), 0) == 850'000);
}

}  // namespace
}  // namespace latchkey::ingress
