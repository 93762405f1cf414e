// Who holds packets back while the camera's clocks do what broken clocks do.
#include "tests/support/catch.h"
#include "tests/unit/frames/clock_support.h"

namespace latchkey::frames {
namespace {

constexpr auto kVideo = wire::StreamKind::kVideo;
constexpr auto kAudio = wire::StreamKind::kAudio;

std::uint32_t Rtp(Duration media, std::int64_t clock_rate = 90000) {
  return static_cast<std::uint32_t>(media.count() / 1000 * clock_rate / 1'000'000);
}

// One stream of 25 frames a second, a report each `reports`, all of it held by 3 s from 60 s on.
struct Broken {
  Duration (*media)(Duration sent);                                            // what the RTP clock shows
  Duration (*lag)(Duration sent) = [](Duration) { return Duration::zero(); };  // of a report's RTP time
  Duration reports = seconds(1);
};

// Least age told while held, and the largest before.
std::pair<Duration, Duration> AgesOf(const Broken& camera) {
  CaptureClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  std::int64_t sequence = 0;
  Duration held_least = hours(1);
  Duration free_most{};
  for (Duration sent{}; sent < seconds(200); sent += milliseconds(40)) {
    const bool held = sent >= seconds(60);
    const Instant at = kStart + sent + (held ? seconds(3) : seconds(0));
    const std::uint32_t rtp = Rtp(camera.media(sent));
    clock.OnPacket(kVideo, ExtendedSequence{++sequence}, rtp, at);
    if (sent % camera.reports == Duration::zero()) {
      const Duration media = camera.media(sent) - camera.lag(sent);
      clock.OnSenderReport(kVideo, Report(kWall + sent, Rtp(media)), at);
    }
    const Duration age = at - clock.CaptureTime(kVideo, rtp, at);
    if (held) held_least = std::min(held_least, age);
    if (!held && sent > seconds(20)) free_most = std::max(free_most, age);
  }
  return {held_least, free_most};
}

TEST_CASE("capture clock: broken RTP clocks and reports make no held picture young, and no other old") {
  constexpr auto kTrue = [](Duration sent) { return sent + seconds(100); };
  const Broken camera = GENERATE_COPY(
      Broken{kTrue},
      // 26 frames counted where 25 are sent.
      Broken{[](Duration sent) { return sent * 26 / 25; }},
      // Reports whose RTP time falls behind, at once or more and more.
      Broken{kTrue, [](Duration sent) { return Duration{sent < seconds(10) ? seconds(0) : seconds(3)}; }},
      Broken{kTrue, [](Duration sent) { return sent / 20; }},
      // Reports ahead of the packets by 3 s, then by half a second more.
      Broken{kTrue, [](Duration sent) { return Duration{-milliseconds(sent < seconds(32) ? 3000 : 3500)}; }},
      Broken{kTrue, [](Duration sent) { return Duration{-milliseconds(sent < seconds(32) ? 3000 : 3500)}; },
             seconds(5)},
      // Each third names a frame of 450 ms ago.
      Broken{kTrue,
             [](Duration sent) { return Duration{milliseconds(sent / seconds(1) % 3 == 0 ? 450 : 0)}; }});
  const auto [held, unheld] = AgesOf(camera);
  CHECK(held > milliseconds(2400));
  CHECK(unheld <= CaptureClock::kMaxReportSkew);
}

// Its RTP clock and its reports are honest, and were never heard of before.
TEST_CASE("capture clock: sound that is first heard of while all is held makes no picture young") {
  const bool reports_before = GENERATE(true, false);
  CaptureClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  std::int64_t sequence = 0;
  for (Duration sent{}; sent < seconds(60); sent += milliseconds(40)) {
    const bool held = sent >= seconds(20);
    const Instant at = kStart + sent + (held ? seconds(6) : seconds(0));
    if (held) clock.OnPacket(kAudio, ExtendedSequence{++sequence}, Rtp(sent, 48000), at);
    clock.OnPacket(kVideo, ExtendedSequence{++sequence}, Rtp(sent), at);
    if (sent % seconds(1) == Duration::zero()) {
      if (held) clock.OnSenderReport(kAudio, Report(kWall + sent, Rtp(sent, 48000)), at);
      if (held || reports_before) clock.OnSenderReport(kVideo, Report(kWall + sent, Rtp(sent)), at);
    }
    if (held) REQUIRE(at - clock.CaptureTime(kVideo, Rtp(sent), at) > milliseconds(5800));
  }
}

TEST_CASE("capture clock: a camera that counts frames, first reported while it is held, stays old") {
  CaptureClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  Duration due{};
  for (std::uint32_t i = 0; i < 15 * 60; ++i) {
    const Duration sent = microseconds(66'667) * i;
    const bool held = sent >= seconds(2);
    const Instant at = kStart + sent + (held ? seconds(6) : seconds(0));
    clock.OnPacket(kVideo, ExtendedSequence{i}, i * 3600, at);
    if (held && sent >= due) {
      clock.OnSenderReport(kVideo, Report(kWall + sent, i * 3600), at);
      due = sent + seconds(1);
    }
    if (held) REQUIRE(at - clock.CaptureTime(kVideo, i * 3600, at) > milliseconds(5800));
  }
}

TEST_CASE("capture clock: a wall clock that is set while a hold begins makes nothing young") {
  CaptureClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  std::int64_t sequence = 0;
  for (Duration sent{}; sent < seconds(60); sent += milliseconds(40)) {
    const bool held = sent >= seconds(30);
    const Instant at = kStart + sent + (held ? seconds(3) : seconds(0));
    clock.OnPacket(kVideo, ExtendedSequence{++sequence}, Rtp(sent), at);
    if (sent % seconds(1) == Duration::zero()) {
      const Duration set = held ? Duration{seconds(200)} : Duration::zero();
      clock.OnSenderReport(kVideo, Report(kWall + sent + set, Rtp(sent)), at);
    }
    if (held) REQUIRE(at - clock.CaptureTime(kVideo, Rtp(sent), at) > milliseconds(2400));
  }
}

TEST_CASE("capture clock: drift adds up however often packets come") {
  const auto every = GENERATE(Duration{microseconds(330)}, Duration{microseconds(1010)});
  CaptureClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  std::int64_t sequence = 0;
  // Slow by 0.1 %.
  for (Duration sent{}; sent < seconds(600); sent += every) {
    const std::uint32_t rtp = Rtp(sent - sent / 1000);
    clock.OnPacket(kVideo, ExtendedSequence{++sequence}, rtp, kStart + sent);
    if (sequence % 1000 == 0) {
      REQUIRE(kStart + sent - clock.CaptureTime(kVideo, rtp, kStart + sent) < milliseconds(5));
    }
  }
}

TEST_CASE("capture clock: leaps under the slowest pace stay in 64 bits") {
  CaptureClock clock(wire::Codec::kH264, wire::Codec::kPcmu);
  std::int64_t sequence = 0;
  std::uint32_t rtp = 0;
  Instant at = kStart;
  for (int i = 0; i < 300; ++i) {
    at += milliseconds(80);
    rtp += 160;
    clock.OnPacket(kAudio, ExtendedSequence{++sequence}, rtp, at);
    if (i % 10 == 0) clock.OnSenderReport(kAudio, Report(kWall + (at - kStart), rtp), at);
  }
  for (int i = 0; i < 8150; ++i) {
    at += microseconds(100);
    rtp += 0x7fffffffU;
    clock.OnPacket(kAudio, ExtendedSequence{++sequence}, rtp, at);
    REQUIRE(at - clock.CaptureTime(kAudio, rtp, at) <= CaptureClock::kMaxAge);
  }
  clock.OnSenderReport(kAudio, {1, {1}, rtp - 16000, 0, 0}, at);
  CHECK(at - clock.CaptureTime(kAudio, rtp, at) <= CaptureClock::kMaxAge);
}

// Firmware that counts frames, whose frame rate changes with the light, every ten seconds.
TEST_CASE("capture clock: a frame rate that falls and rises makes no held picture young") {
  const Duration hold = GENERATE(Duration{seconds(3)}, Duration{seconds(30)});
  const Duration light = GENERATE(Duration{microseconds(43478)}, Duration{microseconds(40000)});
  CaptureClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  Duration sent{};
  Duration due{};
  for (std::uint32_t i = 0; sent < seconds(600); ++i) {
    const bool dark = sent / seconds(10) % 2 == 1;
    const bool held = sent >= seconds(60);
    const Instant at = kStart + sent + (held ? hold : Duration::zero());
    clock.OnPacket(kVideo, ExtendedSequence{i}, i * 3600, at);
    if (sent >= due) {
      clock.OnSenderReport(kVideo, Report(kWall + sent, i * 3600), at);
      due += seconds(1);
    }
    INFO(ToMilliseconds(sent));
    if (held) REQUIRE(at - clock.CaptureTime(kVideo, i * 3600, at) > hold - milliseconds(1500));
    sent += dark ? microseconds(66667) : light;
  }
}

// Frames that are counted as 25 a second: the frame rate changes, and the network goes on at the one of
// before.
struct Change {
  Duration before;
  Duration after;
  Duration unseen;  // of the age, at most
};

TEST_CASE("capture clock: whoever delivers at the pace of before makes nothing young") {
  // 25 to 30 is told after two spans; of 15 to 25 the camera's own wall clock tells.
  const auto change = GENERATE(Change{milliseconds(40), microseconds(33333), seconds(3)},
                               Change{microseconds(66667), milliseconds(40), seconds(2)});
  CaptureClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  Duration sent{};
  Duration due{};
  Duration at{};
  for (std::uint32_t i = 0; sent < seconds(180); ++i) {
    const bool before = sent < seconds(60);
    at = before ? sent : at + change.before;
    clock.OnPacket(kVideo, ExtendedSequence{i}, i * 3600, kStart + at);
    if (sent >= due) {
      clock.OnSenderReport(kVideo, Report(kWall + sent, i * 3600), kStart + at);
      due += seconds(1);
    }
    const Duration age = kStart + at - clock.CaptureTime(kVideo, i * 3600, kStart + at);
    INFO(ToMilliseconds(sent));
    if (!before) REQUIRE(std::min(at - sent, CaptureClock::kMaxAge) - age < change.unseen);
    sent += before ? change.before : change.after;
  }
}

// 15 a second counted as 25 until it is light; then nothing but reports is dropped, and all is held.
TEST_CASE("capture clock: another pace is believed while reports go on saying so, and no longer") {
  CaptureClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  Duration sent{};
  Duration due{};
  for (std::uint32_t i = 0; sent < seconds(180); ++i) {
    const bool before = sent < seconds(60);
    const Instant at = kStart + sent + (before ? Duration::zero() : Duration{seconds(30)});
    clock.OnPacket(kVideo, ExtendedSequence{i}, i * 3600, at);
    if (before && sent >= due) {
      clock.OnSenderReport(kVideo, Report(kWall + sent, i * 3600), at);
      due += seconds(1);
    }
    INFO(ToMilliseconds(sent));
    if (!before) REQUIRE(at - clock.CaptureTime(kVideo, i * 3600, at) > seconds(10));
    sent += before ? Duration{microseconds(66667)} : Duration{milliseconds(40)};
  }
}

}  // namespace
}  // namespace latchkey::frames
