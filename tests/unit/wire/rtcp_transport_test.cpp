#include "daemon/wire/rtcp_transport.h"

#include <array>
#include <map>
#include <vector>

#include "tests/unit/wire/support.h"

namespace latchkey::wire {
namespace {

using test::Copy;
using test::Dice;
using test::Hex;

std::vector<TransportStatus> StatusesOf(const TransportFeedback& feedback) {
  std::vector<TransportStatus> all;
  auto reader = feedback.statuses();
  while (const auto status = reader.Next()) all.push_back(*status);
  REQUIRE(reader.ok());
  return all;
}

TEST_CASE("transport feedback: runs, one-bit and two-bit chunks are read") {
  // Base 10, 25 statuses: a run of 4 received, 14 by one bit (10000000000001), 7 by two bits (0 2 1 0 0 0 0).
  const ByteVector bytes =
      Hex("8fcd 0008 11223344 55667788 000a 0019 000002 09"
          "2004 a001 c900 01020304 05 06 ffff 07 00");
  const auto feedback = ParseTransportFeedback(OnlyBlock(bytes));
  REQUIRE(feedback);
  CHECK(feedback->base_sequence == 10);
  CHECK(feedback->reference_time == 2);
  CHECK(feedback->feedback_count == 9);
  const auto all = StatusesOf(*feedback);
  REQUIRE(all.size() == 25);
  const Duration start = kTransportReferenceTick * 2;
  CHECK(all[0].sequence == 10);
  CHECK(all[0].arrival == start + kTransportTick);
  CHECK(all[3].arrival == start + kTransportTick * 10);
  CHECK(all[4].arrival == start + kTransportTick * 15);
  CHECK_FALSE(all[5].arrival);
  CHECK(all[17].arrival == start + kTransportTick * 21);
  CHECK_FALSE(all[18].arrival);
  CHECK(all[19].arrival == start + kTransportTick * 20);  // a delta of -1
  CHECK(all[20].arrival == start + kTransportTick * 27);
}

TEST_CASE("transport feedback: what is short, empty, reserved or over the bound is refused") {
  const auto refused = [](std::string_view text) { return !ParseTransportFeedback(OnlyBlock(Hex(text))); };
  CHECK(refused("8fcd 0003 11223344 55667788 000a0001"));                       // no reference time
  CHECK(refused("8fcd 0004 11223344 55667788 000a 0001 000002 09"));            // no chunk
  CHECK(refused("8fcd 0005 11223344 55667788 000a 0000 000002 09 2001 0100"));  // no status
  CHECK(refused("8fcd 0005 11223344 55667788 000a 0004 000002 09 2004 0101"));  // deltas run out
  CHECK(refused("8fcd 0005 11223344 55667788 000a 0001 000002 09 6001 0101"));  // reserved symbol
  CHECK(refused("8fcd 0005 11223344 55667788 000a 2001 000002 09 1fff 0002"));  // over the bound
  CHECK_FALSE(refused("8fcd 0005 11223344 55667788 000a 1fff 000002 09 1fff 0000"));
}

TEST_CASE("transport feedback: a negative reference time is signed") {
  const auto feedback =
      ParseTransportFeedback(OnlyBlock(Hex("8fcd 0005 11223344 55667788 000a 0001 fffffe 09 2001 0100")));
  REQUIRE(feedback);
  CHECK(feedback->reference_time == -2);
}

// Everything that `arrivals` says, in as many feedbacks as it takes.
std::map<std::uint16_t, Duration> Sent(std::span<const TransportArrival> arrivals, std::size_t room) {
  std::map<std::uint16_t, Duration> seen;
  std::uint8_t count = 0;
  ByteVector buffer(room);
  while (!arrivals.empty()) {
    ByteWriter writer(buffer);
    const std::size_t covered = WriteTransportFeedback(1, 2, count++, arrivals, writer);
    REQUIRE(covered > 0);
    REQUIRE(writer.ok());
    const auto feedback = ParseTransportFeedback(OnlyBlock(writer.Written()));
    REQUIRE(feedback);
    for (const TransportStatus& status : StatusesOf(*feedback)) {
      if (status.arrival) seen[status.sequence] = *status.arrival;
    }
    arrivals = arrivals.subspan(covered);
  }
  return seen;
}

TEST_CASE("transport feedback: any list of arrivals is told whole and to the tick") {
  const std::uint64_t seed = test::Seed();
  INFO("LATCHKEY_SEED=" << seed);
  Dice dice(seed);
  for (int round = 0; round < 300; ++round) {
    std::vector<TransportArrival> arrivals;
    auto sequence = dice.U16();
    Duration now = milliseconds{dice.Below(1'000'000)};
    const std::size_t count = 1 + dice.Below(300);
    for (std::size_t i = 0; i < count; ++i) {
      arrivals.push_back({sequence, now});
      sequence = static_cast<std::uint16_t>(sequence + 1 + (dice.Below(4) == 0 ? dice.Below(60) : 0));
      now += microseconds{dice.Below(dice.Below(8) == 0 ? 100'000 : 3000)};
      if (dice.Below(20) == 0 && now > seconds{1}) now -= microseconds{dice.Below(4000)};
      if (dice.Below(100) == 0) now += seconds{10};
    }
    const auto seen = Sent(arrivals, 64 + dice.Below(1200));
    REQUIRE(seen.size() == arrivals.size());
    for (const TransportArrival& arrival : arrivals) {
      const auto found = seen.find(arrival.sequence);
      REQUIRE(found != seen.end());
      CHECK(found->second / kTransportTick == arrival.arrival / kTransportTick);
    }
  }
}

TEST_CASE("transport feedback: a sequence that steps back ends the feedback instead of confusing it") {
  const std::array<TransportArrival, 3> arrivals{
      {{5, milliseconds{1}}, {5, milliseconds{2}}, {4, milliseconds{3}}}};
  std::array<std::uint8_t, 64> buffer{};
  ByteWriter writer(buffer);
  CHECK(WriteTransportFeedback(1, 2, 0, arrivals, writer) == 1);
}

TEST_CASE("transport feedback: a gap over the bound ends the feedback") {
  const std::array<TransportArrival, 2> arrivals{
      {{0, milliseconds{1}}, {kMaxTransportStatuses, milliseconds{2}}}};
  std::array<std::uint8_t, 64> buffer{};
  ByteWriter writer(buffer);
  CHECK(WriteTransportFeedback(1, 2, 0, arrivals, writer) == 1);
}

TEST_CASE("transport feedback: without room nothing is written") {
  const std::array<TransportArrival, 1> arrivals{{{5, milliseconds{1}}}};
  std::array<std::uint8_t, 23> buffer{};
  ByteWriter writer(buffer);
  CHECK(WriteTransportFeedback(1, 2, 0, arrivals, writer) == 0);
  CHECK(writer.size() == 0);
  CHECK(writer.ok());
  CHECK(WriteTransportFeedback(1, 2, 0, {}, writer) == 0);
}

}  // namespace
}  // namespace latchkey::wire
