#include "tests/bench/relay_direction.h"

#include <map>
#include <nlohmann/json.hpp>

#include "tests/support/bytes.h"
#include "tests/support/catch.h"

namespace latchkey::bench {
namespace {

using nlohmann::json;

const SocketAddress kClient{IpAddress::V4({127, 0, 0, 1}), 5000};
const Instant kStart{seconds{1000}};

ByteVector Packet(std::uint8_t payload_type, std::uint16_t sequence) {
  ByteVector bytes(1000);
  ByteWriter writer(bytes);
  writer.U8(0x80);
  writer.U8(payload_type);
  writer.U16(sequence);
  return bytes;
}

media::ImpairOptions Options(const json& text) {
  const auto read = ReadImpairOptions(text);
  REQUIRE(read.has_value());
  return *read;
}

// Offers `count` packets at 250 a second; when each came out.
std::map<std::uint16_t, Duration> Run(RelayDirection& direction, std::uint16_t count) {
  std::map<std::uint16_t, Duration> delays;
  const auto drain = [&](Instant until) {
    while (const auto due = direction.NextTimeout()) {
      if (*due > until) break;
      const auto released = direction.Poll(*due);
      REQUIRE(released.has_value());
      CHECK(released->address == kClient);
      const std::uint16_t sequence = ByteReader(ByteView(released->bytes).subspan(2)).U16();
      delays[sequence] = *due - (kStart + milliseconds{4} * sequence);
    }
  };
  for (std::uint16_t s = 0; s < count; ++s) {
    const Instant now = kStart + milliseconds{4} * s;
    direction.Offer(now, kClient, Packet(96, s));
    drain(now);
  }
  drain(kStart + seconds{1000});
  return delays;
}

TEST_CASE("relay: what an impairment says is read, and what it leaves out is none") {
  const auto options =
      Options({{"loss", 0.1}, {"burst", 5}, {"delay_ms", 50}, {"jitter_ms", 2.5}, {"seed", 7}});
  CHECK(options.loss == 0.1);
  CHECK(options.burst == 5);
  CHECK(options.delay == milliseconds{50});
  CHECK(options.jitter == microseconds{2500});
  CHECK(options.seed == 7);
  CHECK(options.rate_kbit == 0);
  CHECK_FALSE(options.keep_order);
  CHECK_FALSE(Options(json::object()).Any());
  CHECK(Options({{"rate_kbit", 1250}, {"keep_order", true}}).rate_kbit == 1250);
}

TEST_CASE("relay: an impairment that it does not know, or can't be, is refused and not guessed") {
  for (const json& wrong :
       {json{{"losss", 0.1}}, json{{"loss", 5}}, json{{"loss", "0.1"}}, json{{"burst", 0}},
        json{{"jitter_ms", -1}}, json{{"seed", -1}}, json{{"keep_order", 1}}, json{1, 2}}) {
    INFO(wrong.dump());
    CHECK_FALSE(ReadImpairOptions(wrong).has_value());
  }
}

TEST_CASE("relay: a clear direction passes everything at once") {
  RelayDirection direction;
  const auto delays = Run(direction, 1000);
  CHECK(delays.size() == 1000);
  for (const auto& [sequence, delay] : delays) CHECK(delay == Duration{0});
  const json report = direction.TakeReport();
  CHECK(report["datagrams"] == 1000);
  CHECK(report["rtp"] == 1000);
  CHECK(report["rtp_lost"] == 0);
  CHECK(report["rtp_by_type"] == json{{"96", 1000}});
}

TEST_CASE("relay: delay and jitter add up, and loss is counted as what it lost") {
  RelayDirection direction;
  direction.Change(Options({{"loss", 0.05}, {"delay_ms", 50}, {"jitter_ms", 30}, {"seed", test::Seed()}}));
  INFO("seed " << test::Seed());
  const auto delays = Run(direction, 20000);
  bool late = false;
  for (const auto& [sequence, delay] : delays) {
    late = late || delay < milliseconds{50} || delay > milliseconds{80};
  }
  CHECK_FALSE(late);
  const json report = direction.TakeReport();
  CHECK(report["rtp_lost"].get<std::uint64_t>() == 20000 - delays.size());
  CHECK(report["rtp_lost"].get<double>() / 20000 == Approx(0.05).margin(0.01));
}

TEST_CASE("relay: the same seed loses the same packets") {
  const auto run = [](std::uint64_t seed) {
    RelayDirection direction;
    direction.Change(Options({{"loss", 0.1}, {"burst", 5}, {"jitter_ms", 50}, {"seed", seed}}));
    return Run(direction, 2000);
  };
  CHECK(run(3) == run(3));
  CHECK(run(3) != run(4));
}

TEST_CASE("relay: a packet dropped by the full queue of a slow link is lost as well") {
  RelayDirection direction;
  direction.Change(Options({{"rate_kbit", 1000}}));  // half of what comes
  const auto delays = Run(direction, 2000);
  const json report = direction.TakeReport();
  CHECK(report["queue_dropped"] == 2000 - delays.size());
  CHECK(report["rtp_lost"] == report["queue_dropped"]);
  CHECK(report["lost"] == 0);
  CHECK(delays.size() == Approx(1037).margin(5));
}

TEST_CASE(
    "relay: retransmissions show, plain ones as repeats and others by their payload type; RTCP is not "
    "media") {
  RelayDirection direction;
  for (std::uint16_t s = 0; s < 10; ++s) direction.Offer(kStart, kClient, Packet(96, s));
  direction.Offer(kStart, kClient, Packet(96, 3));
  direction.Offer(kStart, kClient, Packet(97, 500));
  direction.Offer(kStart, kClient, test::Hex("81 cd 0003 00000001 00000002"));
  const json report = direction.TakeReport();
  CHECK(report["datagrams"] == 13);
  CHECK(report["rtp"] == 12);
  CHECK(report["rtcp"] == 1);
  CHECK(report["rtp_repeats"] == 1);
  CHECK(report["rtp_by_type"] == json{{"96", 11}, {"97", 1}});
}

TEST_CASE("relay: its lateness is measured against the time that the network model set, and told once") {
  RelayDirection direction;
  direction.Change(Options({{"delay_ms", 10}}));
  direction.Offer(kStart, kClient, Packet(96, 0));
  CHECK_FALSE(direction.Poll(kStart + milliseconds{9}).has_value());
  CHECK(direction.Poll(kStart + milliseconds{12}).has_value());
  CHECK(direction.TakeReport()["late_us"]["max"] == 2000);
  CHECK(direction.TakeReport()["late_us"]["max"] == 0);
}

}  // namespace
}  // namespace latchkey::bench
