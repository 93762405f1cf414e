// What the network and broken firmware do to a camera's times.
#include "tests/support/catch.h"
#include "tests/unit/frames/clock_support.h"

namespace latchkey::frames {
namespace {

constexpr auto kVideo = wire::StreamKind::kVideo;

// What can be known of a camera is what it sent, and when that arrived.
struct Held {
  Duration every = milliseconds(40);
  Duration reports = seconds(1);  // 0: none
  Duration length = seconds(300);
};

// Plays a camera whose packets and reports arrive `late(sent)` after they left; `check(sent, age told)`.
template <class Late, class Check>
void Play(CaptureClock& clock, const Held& camera, Late late, Check check) {
  Duration due{};
  std::int64_t sequence = 0;
  for (Duration sent{}; sent < camera.length; sent += camera.every) {
    const Instant arrived = kStart + sent + late(sent);
    const auto rtp = static_cast<std::uint32_t>(ToMicroseconds(sent) * 9 / 100);
    clock.OnPacket(kVideo, ExtendedSequence{++sequence}, rtp, arrived);
    if (camera.reports > Duration::zero() && sent >= due) {
      clock.OnSenderReport(kVideo, Report(kWall + sent, rtp), arrived);
      due += camera.reports;
    }
    check(sent, arrived - clock.CaptureTime(kVideo, rtp, arrived));
  }
}

TEST_CASE("capture clock: a network that holds everything back from one moment on makes it old for good") {
  const Duration held = GENERATE(Duration{milliseconds(900)}, Duration{seconds(3)}, Duration{seconds(7)},
                                 Duration{seconds(90)});
  const Duration reports = GENERATE(Duration::zero(), Duration{milliseconds(700)}, Duration{seconds(5)});
  CaptureClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  Play(
      clock, {milliseconds(40), reports, seconds(200)},
      [&](Duration sent) { return sent < seconds(20) ? Duration::zero() : held; },
      [&](Duration sent, Duration age) {
        INFO(ToMilliseconds(sent) << " ms, held " << ToMilliseconds(held) << ", reports "
                                  << ToMilliseconds(reports));
        if (sent < seconds(20)) REQUIRE(age < milliseconds(1));
        // Short of the truth by drift alone: 2000 of a million, or 700.
        const Duration allowed = (sent / 1'000'000) * (reports == Duration::zero() ? 2000 : 700);
        if (sent >= seconds(20)) {
          REQUIRE(age >= std::min<Duration>(held, CaptureClock::kMaxAge) - allowed - milliseconds(1));
        }
      });
}

TEST_CASE("capture clock: a network that holds everything back a little longer each second is not followed") {
  const int percent = GENERATE(1, 5, 10);
  const Duration reports = GENERATE(Duration::zero(), Duration{milliseconds(700)}, Duration{seconds(5)});
  CaptureClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  Play(
      clock, {milliseconds(40), reports, seconds(200)}, [&](Duration sent) { return sent * percent / 100; },
      [&](Duration sent, Duration age) {
        INFO(ToMilliseconds(sent) << " ms, " << percent << " %, reports " << ToMilliseconds(reports));
        REQUIRE(age >= sent * percent / 100 - sent * 22 / 10000 - milliseconds(1));
      });
}

TEST_CASE("capture clock: a wall clock that is first heard of, or set, while packets are held is no excuse") {
  const Duration set = GENERATE(Duration{}, Duration{seconds(2)}, Duration{std::chrono::hours(24 * 365)});
  const Duration late = GENERATE(Duration{milliseconds(1600)}, Duration{seconds(6)});
  CaptureClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  std::int64_t sequence = 0;
  for (Duration sent{}; sent < seconds(120); sent += milliseconds(40)) {
    const bool held = sent >= seconds(2) && sent < seconds(60);
    const Instant arrived = kStart + sent + (held ? late : Duration::zero());
    const auto rtp = static_cast<std::uint32_t>(ToMicroseconds(sent) * 9 / 100);
    clock.OnPacket(kVideo, ExtendedSequence{++sequence}, rtp, arrived);
    // The first report comes late, or is on time and the clock is set forward later.
    const bool reports = set > Duration::zero() || sent >= seconds(3);
    const Duration wall = sent + (sent >= seconds(10) ? set : Duration::zero());
    if (reports && sent % seconds(1) == Duration::zero()) {
      clock.OnSenderReport(kVideo, Report(kWall + wall, rtp), arrived);
    }
    const Duration age = arrived - clock.CaptureTime(kVideo, rtp, arrived);
    INFO(ToMilliseconds(sent));
    if (held) REQUIRE(age > late - CaptureClock::kMaxReportSkew - milliseconds(150));
    if (sent >= seconds(62)) REQUIRE(age < milliseconds(5));
  }
}

TEST_CASE("capture clock: a wall clock that is set soon after packets were held is no other pace") {
  CaptureClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  std::int64_t sequence = 0;
  for (Duration sent{}; sent < seconds(80); sent += milliseconds(200)) {
    const bool held = sent >= seconds(20) && sent < seconds(31);
    const Instant at = kStart + (held ? seconds(31) : sent);
    const auto rtp = static_cast<std::uint32_t>(ToMicroseconds(sent) * 9 / 100);
    clock.OnPacket(kVideo, ExtendedSequence{++sequence}, rtp, at);
    if (sent % seconds(5) == Duration::zero()) {
      const Duration set_back = milliseconds(sent >= seconds(40) ? 3940 : 0);
      clock.OnSenderReport(kVideo, Report(kWall + sent - set_back, rtp), at);
    }
    if (sent < seconds(20) || sent >= seconds(31))
      REQUIRE(at - clock.CaptureTime(kVideo, rtp, at) <= CaptureClock::kMaxReportSkew);
  }
}

TEST_CASE("capture clock: who holds back reports alone, or packets alone, gains nothing") {
  const bool hold_reports = GENERATE(true, false);
  CaptureClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  std::int64_t sequence = 0;
  for (Duration sent{}; sent < seconds(120); sent += milliseconds(40)) {
    const bool holding = sent >= seconds(20);
    const Duration late = holding && !hold_reports ? seconds(3) : seconds(0);
    const Instant arrived = kStart + sent + late;
    const auto rtp = static_cast<std::uint32_t>(ToMicroseconds(sent) * 9 / 100);
    if (sent % seconds(1) == Duration::zero()) {
      // In order of arrival: the reports of now, packets of three seconds ago; or the other way round.
      const Duration of = holding ? (hold_reports ? sent - seconds(3) : sent + seconds(3)) : sent;
      const auto time = static_cast<std::uint32_t>(ToMicroseconds(of) * 9 / 100);
      clock.OnSenderReport(kVideo, Report(kWall + of, time), arrived);
    }
    clock.OnPacket(kVideo, ExtendedSequence{++sequence}, rtp, arrived);
    const Duration age = arrived - clock.CaptureTime(kVideo, rtp, arrived);
    INFO(ToMilliseconds(sent));
    REQUIRE(age <= late + milliseconds(1));
    REQUIRE(age >= late - sent * 2000 / 1'000'000 - milliseconds(1));
  }
}

TEST_CASE("capture clock: a packet that was overtaken sets no clock back") {
  CaptureClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  for (std::uint32_t i = 0; i < 100; ++i)
    clock.OnPacket(kVideo, ExtendedSequence{i}, i * 3600, kStart + milliseconds(40) * i);
  // One comes in time, those before it three seconds later.
  clock.OnPacket(kVideo, ExtendedSequence{200}, 200 * 3600, kStart + milliseconds(40) * 200);
  for (std::uint32_t i = 100; i < 199; ++i) {
    const Instant arrived = kStart + milliseconds(40) * (i + 125);
    clock.OnPacket(kVideo, ExtendedSequence{i}, i * 3600, arrived);
    REQUIRE(arrived - clock.CaptureTime(kVideo, i * 3600, arrived) > milliseconds(4950));
  }
}

TEST_CASE("capture clock: an RTP clock that stood still is believed by its reports") {
  const Duration stood = GENERATE(Duration{milliseconds(900)}, Duration{seconds(3)}, Duration{seconds(30)});
  OrderedClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  for (std::uint32_t i = 0; i < 1500; ++i) {
    const bool after = i >= 500;
    const Instant now = kStart + milliseconds(40) * i + (after ? stood : Duration::zero());
    clock.OnPacket(kVideo, i * 3600, now);
    if (i % 25 == 0) clock.OnSenderReport(kVideo, Report(kWall + (now - kStart), i * 3600), now);
    const Duration age = now - clock.CaptureTime(kVideo, i * 3600, now);
    INFO(i);
    if (i > 500 + 25 * 6) REQUIRE(age < milliseconds(5));
  }
}

// Reports pass in time while packets are held back, and some have an RTP time of as long ago.
// Of each ten seconds it leaves out some frames, and counts on as if it had not.
TEST_CASE("capture clock: small losses of RTP time add up and are made good") {
  const int skip = GENERATE(5, 6, 7, 12);
  CaptureClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  Duration sent{};
  Duration due{};
  for (std::uint32_t i = 0; sent < seconds(600); ++i) {
    const Instant at = kStart + sent;
    clock.OnPacket(kVideo, ExtendedSequence{i}, i * 3600, at);
    if (sent >= due) {
      clock.OnSenderReport(kVideo, Report(kWall + sent, i * 3600), at);
      due += seconds(1);
    }
    INFO(skip << ", " << ToMilliseconds(sent));
    REQUIRE(at - clock.CaptureTime(kVideo, i * 3600, at) < seconds(1));
    sent += milliseconds(i % 250 == 249 ? 40 * (1 + skip) : 40);
  }
}

// An encoder that stalls goes on reporting: its RTP time stands still, or seems to go on, or is behind
// already.
TEST_CASE("capture clock: a report that comes amid the stall does not hide it") {
  const std::int64_t said_amid_ms = GENERATE(0, 1500, -1500);
  OrderedClock clock(wire::Codec::kVp8, wire::Codec::kOpus);
  const Duration stall = seconds(3);
  Duration age{};
  for (int i = 0; i < 500; ++i) {
    const Duration stood = i < 250 ? Duration{} : stall;
    const Instant at = kStart + i * milliseconds(40) + stood;
    const auto rtp = static_cast<std::uint32_t>(i * 3600);
    clock.OnPacket(wire::StreamKind::kVideo, rtp, at);
    if (i % 50 == 25) clock.OnSenderReport(wire::StreamKind::kVideo, Report(kWall + (at - kStart), rtp), at);
    if (i == 249) {
      const Instant amid = at + milliseconds(1500);
      const auto said = rtp + static_cast<std::uint32_t>(said_amid_ms * 90);
      clock.OnSenderReport(wire::StreamKind::kVideo, Report(kWall + (amid - kStart), said), amid);
    }
    age = at - clock.CaptureTime(wire::StreamKind::kVideo, rtp, at);
  }
  CHECK(age < milliseconds(300));
}

TEST_CASE("capture clock: reports that are wrong for a few seconds make no picture young") {
  CaptureClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  std::int64_t sequence = 0;
  for (Duration sent{}; sent < seconds(60); sent += milliseconds(40)) {
    const Duration late = sent >= seconds(20) ? seconds(3) : seconds(0);
    const Instant arrived = kStart + sent + late;
    const auto rtp = static_cast<std::uint32_t>(ToMicroseconds(sent) * 9 / 100);
    clock.OnPacket(kVideo, ExtendedSequence{++sequence}, rtp, arrived);
    if (sent % seconds(1) == Duration::zero()) {
      const bool wrong = sent >= seconds(40) && sent < seconds(40) + seconds(4);
      const Duration of = wrong ? sent : sent + late;
      const auto time = static_cast<std::uint32_t>(ToMicroseconds(of) * 9 / 100);
      clock.OnSenderReport(kVideo, Report(kWall + sent + late, time), arrived);
    }
    INFO(ToMilliseconds(sent));
    REQUIRE(arrived - clock.CaptureTime(kVideo, rtp, arrived) >= late - milliseconds(150));
  }
}

TEST_CASE("capture clock: an RTP clock that was set back behind held packets does not make those young") {
  CaptureClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  std::int64_t sequence = 0;
  const auto rtp = [](Duration sent) {
    return 0x40000000U + static_cast<std::uint32_t>(ToMicroseconds(sent) * 9 / 100);
  };
  for (Duration sent{}; sent < seconds(10); sent += milliseconds(40)) {
    clock.OnPacket(kVideo, ExtendedSequence{++sequence}, rtp(sent), kStart + sent);
    if (sent % seconds(5) == Duration::zero()) {
      clock.OnSenderReport(kVideo, Report(kWall + sent, rtp(sent)), kStart + sent);
    }
  }
  // From 10 s on packets are held; at 12 s the clock goes back by a minute, as the reports tell.
  for (const Duration sent : {seconds(15), seconds(20), seconds(25)}) {
    clock.OnSenderReport(kVideo, Report(kWall + sent, rtp(sent - seconds(60))), kStart + sent);
  }
  const Instant freed = kStart + seconds(26);
  clock.OnPacket(kVideo, ExtendedSequence{++sequence}, rtp(seconds(10)), freed);
  CHECK(freed - clock.CaptureTime(kVideo, rtp(seconds(10)), freed) > seconds(15));
}

TEST_CASE(
    "capture clock: a report of a clock set back tells no pace to packets that are held and of before") {
  CaptureClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  std::int64_t sequence = 0;
  const auto rtp = [](Duration sent) {
    const Duration media = sent - (sent >= seconds(68) ? milliseconds(1050) : milliseconds(0));
    return 0x40000000U + static_cast<std::uint32_t>(ToMicroseconds(media) * 9 / 100);
  };
  // From 20 s on packets come later by 9 % of what passes; reports are on time.
  const auto late = [](Duration sent) {
    return std::max<Duration>(sent - seconds(20), Duration::zero()) * 9 / 100;
  };
  Duration sent{};
  for (Duration now{}; now < seconds(71); now += milliseconds(1)) {
    for (; sent + late(sent) <= now; sent += milliseconds(100)) {
      clock.OnPacket(kVideo, ExtendedSequence{++sequence}, rtp(sent), kStart + now);
      INFO(ToMilliseconds(sent));
      REQUIRE(kStart + now - clock.CaptureTime(kVideo, rtp(sent), kStart + now) >=
              late(sent) - milliseconds(200));
    }
    if (now % seconds(5) == Duration::zero())
      clock.OnSenderReport(kVideo, Report(kWall + now, rtp(now)), kStart + now);
  }
}

TEST_CASE("capture clock: reports whose RTP time never moves make no picture young") {
  CaptureClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  std::int64_t sequence = 0;
  for (Duration sent{}; sent < seconds(60); sent += milliseconds(40)) {
    const Instant arrived = kStart + sent + (sent >= seconds(20) ? seconds(3) : seconds(0));
    const auto rtp = static_cast<std::uint32_t>(ToMicroseconds(sent) * 9 / 100);
    clock.OnPacket(kVideo, ExtendedSequence{++sequence}, rtp, arrived);
    if (sent % seconds(1) == Duration::zero()) clock.OnSenderReport(kVideo, Report(kWall + sent, 0), arrived);
    const Duration age = arrived - clock.CaptureTime(kVideo, rtp, arrived);
    if (sent >= seconds(20)) REQUIRE(age > milliseconds(2800));
  }
}

TEST_CASE("capture clock: 24 frames a second that are counted as 25 stay young by their reports") {
  const Duration every = GENERATE(Duration{seconds(1)}, Duration{seconds(5)});
  OrderedClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  Duration due{};
  for (std::uint32_t i = 0; i < 25 * 1200; ++i) {
    const Duration sent = microseconds(41'000) * i;
    clock.OnPacket(kVideo, i * 3600, kStart + sent);
    if (sent >= due) {
      clock.OnSenderReport(kVideo, Report(kWall + sent, i * 3600), kStart + sent);
      due += every;
    }
    REQUIRE(kStart + sent - clock.CaptureTime(kVideo, i * 3600, kStart + sent) < milliseconds(500));
  }
}

TEST_CASE("capture clock: after a day of 200 ppm pictures are as old as after a minute") {
  const int ppm = GENERATE(-200, 200);
  const Duration reports = GENERATE(Duration::zero(), Duration{seconds(5)});
  CaptureClock clock(wire::Codec::kH264, wire::Codec::kOpus);
  std::int64_t sequence = 0;
  Duration due{};
  for (Duration sent{}; sent < hours(24); sent += milliseconds(200)) {
    const Instant arrived = kStart + sent + milliseconds(sequence % 7);
    const Duration own = sent + sent / 1'000'000 * ppm;
    const auto rtp = static_cast<std::uint32_t>(ToMicroseconds(own) * 9 / 100);
    clock.OnPacket(kVideo, ExtendedSequence{++sequence}, rtp, arrived);
    if (reports > Duration::zero() && sent >= due) {
      clock.OnSenderReport(kVideo, Report(kWall + own, rtp), arrived);
      due += reports;
    }
    if (sent > seconds(60)) {
      REQUIRE(arrived - clock.CaptureTime(kVideo, rtp, arrived) <= milliseconds(20));
    }
  }
}

}  // namespace
}  // namespace latchkey::frames
