// An authentic camera that sends whatever it likes: nothing it does may break a bound or an invariant.
#include <algorithm>

#include "tests/unit/frames/support.h"

namespace latchkey::frames {
namespace {

ByteVector RandomPayload(test::Dice& dice) {
  switch (dice.Below(9)) {
    case 0: return {};
    case 1: return dice.Bytes(1 + dice.Below(1900));
    case 2: return Nal(dice.Coin() ? "7c 85 88" : "7c 05", dice.Below(1900));
    case 3: return Nal(dice.Coin() ? "7c 45" : "5c 41", dice.Below(1900));
    case 4: return dice.Coin() ? kSps : kPps;
    case 5: return dice.Coin() ? Idr(dice.Below(1900)) : IdrSecond(dice.Below(1900));
    case 6: return dice.Coin() ? P(dice.Below(1900)) : PSecond(dice.Below(1900));
    case 7: return dice.Below(20) == 0 ? B() : Nal("90 80 81 23", 1 + dice.Below(1900));
    default: return Nal(dice.Coin() ? "10 00 9d 01 2a" : "10 01", dice.Below(1900));
  }
}

// The next number, a hole, an earlier one, or anywhere.
std::uint16_t RandomStep(test::Dice& dice, std::uint16_t last) {
  const std::size_t what = dice.Below(1000);
  if (what < 900) return static_cast<std::uint16_t>(last + 1);
  if (what < 950) return static_cast<std::uint16_t>(last + 1 + dice.Below(10));
  if (what < 990) return static_cast<std::uint16_t>(last - dice.Below(50));
  return what < 998 ? static_cast<std::uint16_t>(last + dice.Below(2500)) : dice.U16();
}

void Run(std::uint64_t seed, wire::Codec codec) {
  INFO("LATCHKEY_SEED=" << seed << " codec " << wire::CodecName(codec));
  test::Dice dice(seed);
  Bench bench(codec);
  const std::size_t marker_every = 1 + dice.Below(200);
  std::uint16_t sequence = dice.U16();
  std::uint32_t timestamp = dice.U32();
  for (int i = 0; i < 4000; ++i) {
    sequence = RandomStep(dice, sequence);
    if (dice.Below(marker_every) == 0) timestamp += dice.Below(50) == 0 ? dice.U32() : 3600;
    bench.Push(SentPacket{sequence, timestamp, dice.Below(marker_every) == 0, RandomPayload(dice)});
    if (dice.Below(10) == 0) bench.Wait(milliseconds(dice.Below(60)));
    if (dice.Below(1500) == 0) bench.assembler().BeginEpoch(kEpoch.Next(), dice.Below(2) == 0);
    const auto deadline = bench.assembler().NextDeadline();
    if (deadline && *deadline <= bench.now) bench.Wait(Duration::zero());
    REQUIRE((!bench.assembler().NextDeadline() || *bench.assembler().NextDeadline() > bench.now));
    REQUIRE(bench.assembler().bytes() <= kVideoWindowBytes);
    for (const Got& got : bench.Take()) {
      REQUIRE_FALSE(got.payloads.empty());
      REQUIRE(std::ranges::all_of(got.payloads,
                                  [](const auto& p) { return !p.empty() && p.size() <= kMaxPayload; }));
      REQUIRE(got.header.arrived_first <= got.header.whole);
    }
  }
}

TEST_CASE("assembler: whatever an authentic camera sends, it stays consistent, in bounds and awake") {
  for (std::uint64_t run = 0; run < 3; ++run) {
    for (const auto codec : {wire::Codec::kH264, wire::Codec::kVp8, wire::Codec::kOpus})
      Run(test::Seed() + run, codec);
  }
}

}  // namespace
}  // namespace latchkey::frames
