#include "daemon/frames/capture_clock.h"

#include <random>

#include "tests/support/catch.h"
#include "tests/unit/frames/clock_support.h"

namespace latchkey::frames {
namespace {

constexpr auto kVideo = wire::StreamKind::kVideo;
constexpr auto kAudio = wire::StreamKind::kAudio;
// But for the drift that a least delay is allowed.
bool Near(Instant a, Instant b) {
  return a - b < milliseconds(7) && b - a < milliseconds(7);
}

TEST_CASE("capture clock: a late frame is captured when an undelayed one would have come") {
  OrderedClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  for (std::uint32_t i = 0; i < 50; ++i) {
    const Duration late = i % 5 == 0 ? Duration::zero() : milliseconds(i % 30);
    clock.OnPacket(kVideo, 0xfffff000U + i * 3600, kStart + milliseconds(40) * i + late);
  }
  const Instant due = kStart + milliseconds(40) * 50;
  CHECK(Near(clock.CaptureTime(kVideo, 0xfffff000U + 50 * 3600, due + milliseconds(25)), due));
  CHECK_FALSE(clock.synchronised(kVideo));
}

TEST_CASE("capture clock: never later than the arrival") {
  OrderedClock clock(wire::Codec::kVp8, wire::Codec::kPcmu);
  CHECK(clock.CaptureTime(kVideo, 1, kStart) == kStart);
  clock.OnPacket(kVideo, 0, kStart);
  CHECK(clock.CaptureTime(kVideo, 9000, kStart + milliseconds(40)) == kStart + milliseconds(40));
}

TEST_CASE("capture clock: sender reports put picture and sound on one clock") {
  OrderedClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  // Sound needs 150 ms longer to be encoded than the picture: by arrival alone they would be apart by that.
  for (std::uint32_t i = 0; i < 50; ++i) {
    clock.OnPacket(kVideo, i * 3600, kStart + milliseconds(40) * i);
    clock.OnPacket(kAudio, i * 1920, kStart + milliseconds(40) * i + milliseconds(150));
  }
  const Instant now = kStart + milliseconds(2000);
  clock.OnSenderReport(kVideo, Report(kWall, 50 * 3600), now);
  clock.OnSenderReport(kAudio, Report(kWall, 50 * 1920), now + milliseconds(3));
  CHECK(clock.synchronised(kVideo));
  CHECK(clock.synchronised(kAudio));
  const Instant picture = clock.CaptureTime(kVideo, 60 * 3600, now + milliseconds(450));
  const Instant sound = clock.CaptureTime(kAudio, 60 * 1920, now + milliseconds(600));
  CHECK(Near(picture, now + milliseconds(400)));
  CHECK(Near(picture, sound));
}

TEST_CASE("capture clock: a clock that drifts is followed") {
  OrderedClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  // 200 ppm slow: after 100 s the media time is 20 ms behind.
  Instant arrived = kStart;
  std::uint32_t rtp = 0;
  for (int i = 0; i < 2500; ++i) {
    arrived = kStart + microseconds(40008) * i;
    rtp = static_cast<std::uint32_t>(i) * 3600U;
    clock.OnPacket(kVideo, rtp, arrived);
  }
  CHECK(arrived - clock.CaptureTime(kVideo, rtp, arrived) < milliseconds(5));
}

TEST_CASE("capture clock: a jump of the RTP clock is not believed") {
  OrderedClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  for (std::uint32_t i = 0; i < 10; ++i)
    clock.OnPacket(kVideo, 1'000'000'000U + i * 3600, kStart + milliseconds(40) * i);
  const Instant now = kStart + milliseconds(400);
  clock.OnPacket(kVideo, 5, now);
  CHECK(clock.CaptureTime(kVideo, 5, now) == now);
  clock.OnPacket(kVideo, 3605, now + milliseconds(40));
  CHECK(Near(clock.CaptureTime(kVideo, 3605, now + milliseconds(40)), now + milliseconds(40)));
}

TEST_CASE("capture clock: after a jump of the wall clock only reports under the new one count") {
  OrderedClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  for (std::uint32_t i = 0; i < 10; ++i) clock.OnPacket(kVideo, i * 3600, kStart + milliseconds(40) * i);
  clock.OnSenderReport(kVideo, Report(kWall, 0), kStart);
  clock.OnSenderReport(kVideo, Report(kWall - hours(1), 9 * 3600), kStart + milliseconds(360));
  const Instant due = kStart + milliseconds(360);
  CHECK(Near(clock.CaptureTime(kVideo, 9 * 3600, due), due));
  CHECK(clock.synchronised(kVideo));
}

TEST_CASE("capture clock: a report without a wall clock counts for nothing") {
  OrderedClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  clock.OnPacket(kVideo, 0, kStart);
  clock.OnSenderReport(kVideo, {1, {0}, 0, 0, 0}, kStart);
  CHECK_FALSE(clock.synchronised(kVideo));
}

TEST_CASE("capture clock: a camera whose wall clock is set back by seconds does not make its pictures old") {
  OrderedClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  for (std::uint32_t i = 0; i < 100; ++i) {
    const Instant now = kStart + milliseconds(40) * i;
    clock.OnPacket(kVideo, i * 3600, now);
    const Duration set_back = i >= 50 ? seconds(3) : seconds(0);
    if (i % 25 == 0)
      clock.OnSenderReport(kVideo, Report(kWall + milliseconds(40) * i - set_back, i * 3600), now);
    CHECK(Near(clock.CaptureTime(kVideo, i * 3600, now), now));
  }
  CHECK(clock.synchronised(kVideo));
}

TEST_CASE("capture clock: a wall clock set forward with the sound's report does not make the picture old") {
  OrderedClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  clock.OnPacket(kVideo, 0, kStart);
  clock.OnPacket(kAudio, 0, kStart);
  clock.OnSenderReport(kVideo, Report(kWall, 0), kStart);
  const Instant now = kStart + seconds(1);
  clock.OnPacket(kAudio, 48000, now);
  clock.OnSenderReport(kAudio, Report(kWall + seconds(4), 48000), now);
  clock.OnPacket(kVideo, 90000, now);
  CHECK(Near(clock.CaptureTime(kVideo, 90000, now), now));
}

// As GStreamer's webrtcbin reported when what its encoder had queued during the handshake left at once.
TEST_CASE("capture clock: reports that run ahead of the packets do not make pictures old") {
  const Duration ahead =
      GENERATE(Duration{milliseconds(700)}, Duration{milliseconds(1270)}, Duration{seconds(4)});
  OrderedClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  for (std::uint32_t i = 0; i < 500; ++i) {
    const Instant now = kStart + milliseconds(40) * i;
    const auto excess = static_cast<std::uint32_t>(ahead / milliseconds(1)) * 90U;
    clock.OnPacket(kVideo, i * 3600, now);
    if (i % 25 == 0)
      clock.OnSenderReport(kVideo, Report(kWall + milliseconds(40) * i, i * 3600 + excess), now);
    REQUIRE(now - clock.CaptureTime(kVideo, i * 3600, now) < milliseconds(5));
  }
}

// Firmware that adds a frame's length at the rate that it was set to, whatever the rate that it reaches. Its
// reports pair its own wall clock with the last frame's time.
TEST_CASE("capture clock: a camera that counts frames in its RTP time does not grow old") {
  const auto frame = GENERATE(Duration{microseconds(66667)}, Duration{microseconds(43478)},
                              Duration{microseconds(20000)});  // 15, 23 and 50 a second, as 25
  const auto every = GENERATE(Duration{seconds(1)}, Duration{seconds(5)});
  OrderedClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  Instant due = kStart;
  for (std::uint32_t i = 0; i * frame < seconds(120); ++i) {
    const Instant now = kStart + i * frame;
    clock.OnPacket(kVideo, i * 3600, now);
    if (now >= due) {
      clock.OnSenderReport(kVideo, Report(kWall + (now - kStart) + milliseconds(11), i * 3600), now);
      due += every;
    }
    INFO(ToMilliseconds(now - kStart));
    if (now - kStart > seconds(11)) {
      REQUIRE(now - clock.CaptureTime(kVideo, i * 3600, now) < milliseconds(150));
    }
  }
}

TEST_CASE("capture clock: a camera whose frame rate falls and rises under the same count is followed") {
  OrderedClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  Instant now = kStart;
  Instant due = kStart;
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    const bool dark = now - kStart > seconds(20) && (now - kStart) / seconds(10) % 2 == 0;
    now += dark ? microseconds(66667) : microseconds(43478);
    clock.OnPacket(kVideo, i * 3600, now);
    if (now >= due) {
      clock.OnSenderReport(kVideo, Report(kWall + (now - kStart), i * 3600), now);
      due += seconds(1);
    }
    INFO(ToMilliseconds(now - kStart));
    if (now - kStart > seconds(11)) {
      REQUIRE(now - clock.CaptureTime(kVideo, i * 3600, now) < seconds(1));
    }
  }
}

// One picture a second, three at the most, and reports at random times that name the last one's: what looks
// like another pace is the time since then.
TEST_CASE("capture clock: a slow camera is no camera that counts frames") {
  const auto rate = GENERATE(1, 2, 3, 5);
  const auto seed = GENERATE(1U, 2U, 3U, 4U);
  std::mt19937 random(seed);
  OrderedClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  const Duration frame = Duration{seconds(1)} / rate;
  Instant due = kStart;
  for (std::uint32_t i = 0; i < 400; ++i) {
    const Instant now = kStart + frame * i;
    const std::uint32_t rtp = i * (90000U / static_cast<std::uint32_t>(rate));
    for (; due < now; due += milliseconds(2500 + random() % 5000)) {
      clock.OnSenderReport(
          kVideo, Report(kWall + (due - kStart), rtp - 90000U / static_cast<std::uint32_t>(rate)), due);
    }
    clock.OnPacket(kVideo, rtp, now);
    INFO(rate << " a second, seed " << seed << ", " << i);
    REQUIRE(clock.Delay(kVideo, rtp, now) < milliseconds(60));
    REQUIRE(now - clock.CaptureTime(kVideo, rtp, now) <= CaptureClock::kMaxReportSkew);
  }
}

TEST_CASE("capture clock: reports that count otherwise than the packets change no pace") {
  OrderedClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  for (std::uint32_t i = 0; i < 1500; ++i) {
    const Instant now = kStart + milliseconds(40) * i;
    clock.OnPacket(kVideo, i * 3600, now);
    if (i % 25 == 0) clock.OnSenderReport(kVideo, Report(kWall + milliseconds(40) * i, i * 6000), now);
    REQUIRE(now - clock.CaptureTime(kVideo, i * 3600, now) <= CaptureClock::kMaxReportSkew);
    REQUIRE(clock.Delay(kVideo, i * 3600, now) < milliseconds(5));
  }
}

// Who can hold packets back could play a camera slowly, and be ever further behind.
TEST_CASE("capture clock: a network that holds packets back longer and longer does not change the pace") {
  OrderedClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  for (std::uint32_t i = 0; i < 250; ++i) {
    const Duration sent = milliseconds(40) * i;
    const Instant now = kStart + sent * 5 / 3;
    clock.OnPacket(kVideo, i * 3600, now);
    if (i % 25 == 0) clock.OnSenderReport(kVideo, Report(kWall + sent, i * 3600), now);
    const Duration age = now - clock.CaptureTime(kVideo, i * 3600, now);
    if (sent > seconds(5) && sent < seconds(7)) REQUIRE(age > seconds(3));
  }
}

TEST_CASE("capture clock: an RTP clock that jumps between two reports has no other pace") {
  const int fps = GENERATE(2, 10, 25);
  const std::int64_t jump = GENERATE(-3, 3, 9, 40);
  OrderedClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  for (int i = 0; i < 120 * fps; ++i) {
    const Duration sent = Duration{seconds(1)} / fps * i;
    const Duration media = sent + (sent >= seconds(52) ? seconds(jump) : seconds(0));
    const auto rtp = static_cast<std::uint32_t>(ToMicroseconds(media) * 9 / 100);
    clock.OnPacket(kVideo, rtp, kStart + sent);
    if (i % (5 * fps) == 0) clock.OnSenderReport(kVideo, Report(kWall + sent, rtp), kStart + sent);
    INFO(ToMilliseconds(sent));
    REQUIRE(kStart + sent - clock.CaptureTime(kVideo, rtp, kStart + sent) < milliseconds(30));
  }
}

TEST_CASE("capture clock: a picture that waits in the network is old, whatever the reports say") {
  OrderedClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  for (std::uint32_t i = 0; i < 50; ++i) clock.OnPacket(kVideo, i * 3600, kStart + milliseconds(40) * i);
  clock.OnSenderReport(kVideo, Report(kWall, 49 * 3600), kStart + milliseconds(40) * 49);
  const Instant due = kStart + milliseconds(40) * 50;
  const Instant late = due + seconds(3);
  clock.OnPacket(kVideo, 50 * 3600, late);
  CHECK(Near(clock.CaptureTime(kVideo, 50 * 3600, late), due));
}

TEST_CASE("capture clock: an RTP clock that goes back by seconds does not make pictures old") {
  OrderedClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  for (std::uint32_t i = 0; i < 100; ++i) {
    const Instant now = kStart + milliseconds(40) * i;
    const std::uint32_t rtp = 1'000'000 + i * 3600 - (i >= 50 ? 3 * 90000 : 0);
    clock.OnPacket(kVideo, rtp, now);
    if (i == 25) clock.OnSenderReport(kVideo, Report(kWall, rtp), now);
    CHECK(Near(clock.CaptureTime(kVideo, rtp, now), now));
  }
}

TEST_CASE("capture clock: timestamps that leap by half their range for ever stay in 64 bits") {
  OrderedClock clock(wire::Codec::kH264, wire::Codec::kPcmu);
  std::uint32_t rtp = 0;
  Instant now = kStart;
  for (int i = 0; i < 100'000; ++i) {
    rtp += 0x7fffffffU;
    now += microseconds(100);
    clock.OnPacket(kAudio, rtp, now);
    const Instant captured = clock.CaptureTime(kAudio, rtp, now);
    REQUIRE(captured <= now);
    REQUIRE(now - captured <= CaptureClock::kMaxAge);
  }
}

}  // namespace
}  // namespace latchkey::frames
