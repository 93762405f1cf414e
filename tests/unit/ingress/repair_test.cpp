#include "daemon/ingress/repair.h"

#include <map>
#include <random>

#include "tests/support/catch.h"
#include "tests/support/gate_feed.h"

namespace latchkey::ingress {
namespace {

using test::kStart;

// Sound of 50 packets a second through a network that delays each by itself.
struct Sound {
  explicit Sound(bool nack) : repair(nack, false, {milliseconds(60), seconds(1)}) {}

  void Run(int count, unsigned jitter_ms, unsigned loss_percent = 0) {
    for (int i = 0; i < count; ++i) {
      now += milliseconds(20);
      const auto arrival = now + milliseconds(jitter_ms > 0 ? random() % jitter_ms : 0);
      if (random() % 100 >= loss_percent) under_way.emplace(arrival, sequence);
      ++sequence;
      Deliver(now);
    }
  }
  void Deliver(Instant until) {
    while (true) {
      auto next = std::optional<Instant>();
      if (!under_way.empty()) next = under_way.begin()->first;
      for (const auto due : {assembler.NextDeadline(), repair.NextDeadline()}) {
        if (due && (!next || *due < *next)) next = due;
      }
      if (!next || *next > until) return;
      at = std::max(at, *next);
      if (!under_way.empty() && under_way.begin()->first <= at) {
        Arrive(under_way.begin()->second);
        under_way.erase(under_way.begin());
      }
      for (const std::uint16_t asked : repair.Update(assembler, reception, at)) {
        // Repeated after 30 ms, as the camera's packet of that number.
        if (random() % 100 >= 5) under_way.emplace(at + milliseconds(30), asked);
      }
      if (assembler.NextDeadline() && *assembler.NextDeadline() <= at) assembler.HandleTimeout(at);
      while (assembler.PollFrame()) ++frames;
      REQUIRE(repair.IsConsistent());
    }
  }
  void Arrive(std::uint16_t number) {
    const ByteVector payload(160, 0x55);
    const auto packet = feed.Packet(number, std::uint32_t{number} * 160U, false, payload, at);
    const auto taken = repair.OnPacket(packet, assembler, at);
    reception.OnPacket(packet.sequence(), packet.header().timestamp, 8000, taken.asked, at);
  }

  std::mt19937 random{20260126};
  test::GateFeed feed{wire::Codec::kPcmu};
  frames::Assembler assembler{
      {CameraId{CameraId::Bytes{1}}, Epoch{1}, wire::Codec::kPcmu, milliseconds(60), {}}};
  Reception reception;
  Repair repair;
  Instant now = kStart;
  Instant at = kStart;
  std::multimap<Instant, std::uint16_t> under_way;
  std::uint16_t sequence = 100;
  std::uint64_t frames = 0;
};

TEST_CASE("repair: where the camera repeats packets, nearly none is given up at 5 % loss") {
  Sound sound(true);
  sound.Run(5000, 0, 5);
  CHECK(sound.frames + 5 >= 5000 - sound.under_way.size());
  CHECK(sound.repair.round_trip());
  CHECK(ToMilliseconds(*sound.repair.round_trip()) == 30);
  CHECK(sound.repair.asked() > 200);
  CHECK(sound.repair.requests() < 3 * sound.repair.asked());
}

TEST_CASE(
    "repair: a camera that repeats nothing is asked for nothing and holds the line no longer than it must") {
  Sound sound(false);
  sound.Run(1000, 0, 5);
  CHECK(sound.repair.requests() == 0);
  CHECK(sound.repair.depth() == milliseconds(60));
}

TEST_CASE(
    "repair: a camera that repeats nothing is waited for as long as its network reorders, once that is "
    "known") {
  Sound sound(false);
  sound.Run(2000, 150);
  const std::uint64_t before = sound.frames;
  sound.Run(2000, 150);
  CHECK(sound.frames - before > 1960);
  CHECK(sound.repair.depth() > milliseconds(100));
}

}  // namespace
}  // namespace latchkey::ingress
