#include "tools/media/impair.h"

#include <map>

#include "tests/support/catch.h"

namespace latchkey::media {
namespace {

const SocketAddress kPeer{IpAddress::V4({127, 0, 0, 1}), 5000};

struct Arrival {
  std::uint32_t number;
  Instant at;
};

// Sends `count` datagrams of 1000 bytes, one every `interval`, and returns what came and when.
std::vector<Arrival> Run(const ImpairOptions& options, std::uint32_t count, Duration interval,
                         ImpairCounters* counters = nullptr) {
  Impairment impairment(options);
  std::vector<Arrival> arrivals;
  Instant now;
  const auto drain = [&](Instant until) {
    while (const auto due = impairment.NextTimeout()) {
      if (*due > until) break;
      const auto released = impairment.Poll(*due);
      REQUIRE(released.has_value());
      CHECK(released->address == kPeer);
      REQUIRE(released->bytes.size() == 1000);
      arrivals.push_back({ByteReader(released->bytes).U32(), *due});
    }
  };
  for (std::uint32_t i = 0; i < count; ++i) {
    ByteVector bytes(1000);
    ByteWriter(bytes).U32(i);
    impairment.Offer(now, kPeer, bytes);
    now += interval;
    drain(now);
  }
  drain(now + seconds{60});
  if (counters != nullptr) *counters = impairment.counters();
  return arrivals;
}

TEST_CASE("impair: without options everything arrives at once and in order") {
  const auto arrivals = Run({}, 1000, milliseconds{1});
  REQUIRE(arrivals.size() == 1000);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    CHECK(arrivals[i].number == i);
    CHECK(arrivals[i].at == Instant{milliseconds{i}});
  }
}

TEST_CASE("impair: the same seed does the same, another seed does not") {
  ImpairOptions options;
  options.loss = 0.1;
  options.jitter = milliseconds{20};
  options.duplicate = 0.05;
  const auto numbers = [&] {
    std::vector<std::pair<std::uint32_t, Instant>> out;
    for (const Arrival& a : Run(options, 2000, milliseconds{1})) out.emplace_back(a.number, a.at);
    return out;
  };
  const auto first = numbers();
  CHECK(first == numbers());
  options.seed = 2;
  CHECK(first != numbers());
}

TEST_CASE("impair: independent loss has the share asked for") {
  ImpairOptions options;
  options.loss = 0.05;
  ImpairCounters counters;
  const auto arrivals = Run(options, 50000, microseconds{100}, &counters);
  CHECK(arrivals.size() + counters.lost == 50000);
  CHECK(static_cast<double>(counters.lost) / 50000 == Approx(0.05).margin(0.005));
}

TEST_CASE("impair: bursts keep the share of loss and have the mean length asked for") {
  ImpairOptions options;
  options.loss = 0.05;
  options.burst = 4;
  const auto arrivals = Run(options, 200000, microseconds{100});
  int bursts = 0;
  std::uint32_t lost = 0;
  std::uint32_t expected = 0;
  for (const Arrival& a : arrivals) {
    if (a.number != expected) {
      ++bursts;
      lost += a.number - expected;
    }
    expected = a.number + 1;
  }
  CHECK(lost / 200000.0 == Approx(0.05).margin(0.006));
  CHECK(static_cast<double>(lost) / bursts == Approx(4).margin(0.3));
}

TEST_CASE("impair: all is lost at 100 percent, bursts or not") {
  ImpairOptions options;
  options.loss = 1;
  CHECK(Run(options, 1000, milliseconds{1}).empty());
  options.burst = 8;
  CHECK(Run(options, 1000, milliseconds{1}).empty());
}

TEST_CASE("impair: jitter delays within its bound, evenly, and reorders") {
  ImpairOptions options;
  options.jitter = milliseconds{30};
  const auto arrivals = Run(options, 20000, milliseconds{1});
  REQUIRE(arrivals.size() == 20000);
  double sum_ms = 0;
  int overtaken = 0;
  std::uint32_t highest = 0;
  for (const Arrival& a : arrivals) {
    const Duration delay = a.at - Instant{milliseconds{a.number}};
    CHECK((delay >= Duration{0} && delay <= milliseconds{30}));
    sum_ms += ToSeconds(delay) * 1000;
    if (a.number < highest) ++overtaken;
    highest = std::max(highest, a.number);
  }
  CHECK(sum_ms / 20000 == Approx(15).margin(0.5));
  CHECK(overtaken > 1000);
}

TEST_CASE("impair: a fixed delay delays everything equally and keeps the order") {
  ImpairOptions options;
  options.delay = milliseconds{50};
  const auto arrivals = Run(options, 1000, milliseconds{1});
  REQUIRE(arrivals.size() == 1000);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    CHECK(arrivals[i].number == i);
    CHECK(arrivals[i].at == Instant{milliseconds{i + 50}});
  }
}

TEST_CASE("impair: jitter that keeps the order never lets a datagram overtake, nor wait past its bound") {
  ImpairOptions options;
  options.delay = milliseconds{5};
  options.jitter = milliseconds{30};
  options.keep_order = true;
  const auto arrivals = Run(options, 20000, milliseconds{1});
  REQUIRE(arrivals.size() == 20000);
  for (std::uint32_t i = 0; i < 20000; ++i) {
    CHECK(arrivals[i].number == i);
    const Duration delay = arrivals[i].at - Instant{milliseconds{i}};
    CHECK((delay >= milliseconds{5} && delay <= milliseconds{35}));
  }
}

TEST_CASE("impair: changed options hold from the next datagram on, and what is held still leaves") {
  Impairment impairment({});
  ImpairOptions deaf;
  deaf.loss = 1;
  ImpairOptions slow;
  slow.delay = milliseconds{100};
  const ByteVector bytes(1000);
  const Instant now{seconds{1}};
  impairment.Change(slow);
  impairment.Offer(now, kPeer, bytes);
  impairment.Change(deaf);
  impairment.Offer(now, kPeer, bytes);
  CHECK(impairment.counters().lost == 1);
  CHECK_FALSE(impairment.Poll(now + milliseconds{99}).has_value());
  CHECK(impairment.Poll(now + milliseconds{100}).has_value());
  CHECK_FALSE(impairment.NextTimeout().has_value());
}

TEST_CASE("impair: when the rate limit is lifted, what waits still goes first") {
  ImpairOptions slow;
  slow.rate_kbit = 800;  // 1000 bytes take 10 ms
  Impairment impairment(slow);
  const Instant now{seconds{1}};
  for (std::uint8_t i = 0; i < 5; ++i) impairment.Offer(now, kPeer, ByteVector(1000, i));
  impairment.Change({});
  impairment.Offer(now, kPeer, ByteVector(1000, 5));
  for (std::uint8_t i = 0; i < 6; ++i) {
    const auto due = impairment.NextTimeout();
    REQUIRE(due.has_value());
    CHECK(*due == now + milliseconds{10} * std::min(i + 1, 5));
    const auto released = impairment.Poll(*due);
    REQUIRE(released.has_value());
    CHECK(released->bytes[0] == i);
  }
}

TEST_CASE("impair: reordering holds back the share asked for and loses nothing") {
  ImpairOptions options;
  options.reorder = 0.1;
  ImpairCounters counters;
  const auto arrivals = Run(options, 20000, milliseconds{1}, &counters);
  REQUIRE(arrivals.size() == 20000);
  int late = 0;
  for (const Arrival& a : arrivals) {
    const Duration delay = a.at - Instant{milliseconds{a.number}};
    if (delay == Impairment::kReorderDelay) ++late;
  }
  CHECK(late == static_cast<int>(counters.held_back));
  CHECK(late / 20000.0 == Approx(0.1).margin(0.01));
}

TEST_CASE("impair: duplicates come exactly twice") {
  ImpairOptions options;
  options.duplicate = 0.2;
  std::map<std::uint32_t, int> seen;
  for (const Arrival& a : Run(options, 10000, milliseconds{1})) ++seen[a.number];
  int twice = 0;
  for (const auto& [number, count] : seen) {
    CHECK(count <= 2);
    if (count == 2) ++twice;
  }
  CHECK(seen.size() == 10000);
  CHECK(twice / 10000.0 == Approx(0.2).margin(0.02));
}

TEST_CASE("impair: the rate limit spaces datagrams out, and its queue drops what would wait too long") {
  ImpairOptions options;
  options.rate_kbit = 800;  // 1000 bytes take 10 ms
  ImpairCounters counters;
  // 2000 kbit/s offered for 4 s.
  const auto arrivals = Run(options, 1000, milliseconds{4}, &counters);
  CHECK(arrivals.size() + counters.queue_dropped == 1000);
  for (std::size_t i = 1; i < arrivals.size(); ++i) {
    CHECK(arrivals[i].at - arrivals[i - 1].at >= milliseconds{10});
  }
  Duration longest{0};
  for (const Arrival& a : arrivals) longest = std::max(longest, a.at - Instant{milliseconds{4} * a.number});
  CHECK(longest <= Impairment::kMaxQueueTime + milliseconds{10});
  CHECK(longest >= Impairment::kMaxQueueTime);
  CHECK(arrivals.size() == Approx(430).margin(5));
}

TEST_CASE("impair: under the rate nothing is dropped") {
  ImpairOptions options;
  options.rate_kbit = 1000;
  ImpairCounters counters;
  CHECK(Run(options, 1000, milliseconds{9}, &counters).size() == 1000);
  CHECK(counters.queue_dropped == 0);
}

TEST_CASE("impair: no more than its bound is held") {
  ImpairOptions options;
  options.jitter = seconds{10};
  ImpairCounters counters;
  const auto arrivals = Run(options, 20000, Duration{0}, &counters);
  CHECK(arrivals.size() == Impairment::kMaxHeld);
  CHECK(counters.queue_dropped == 20000 - Impairment::kMaxHeld);
}

}  // namespace
}  // namespace latchkey::media
