// The simulation's own promises: the same seed is the same world, and its stand-ins refuse what the real ones
// do.
#include <algorithm>
#include <array>

#include "tests/sim/cheap_crypto.h"
#include "tests/sim/cheap_srtp.h"
#include "tests/sim/world.h"
#include "tests/support/catch.h"
#include "tests/support/seeded_entropy.h"

namespace latchkey::sim {
namespace {

std::uint64_t TraceOf(std::uint64_t seed, bool real) {
  WorldPlan plan = MakePlan(seed);
  for (CellPlan& cell : plan.cells) cell.real = real;
  World world(plan, seed);
  world.Run(seconds{20});
  CHECK(world.tally().filmed > 0);
  return world.trace();
}

TEST_CASE("sim: the same seed is the same world, another seed another") {
  for (const std::uint64_t seed : {1U, 6U}) {
    CHECK(TraceOf(seed, false) == TraceOf(seed, false));
    CHECK(TraceOf(seed, true) == TraceOf(seed, true));
    CHECK(TraceOf(seed, false) != TraceOf(seed + 1, false));
  }
}

TEST_CASE("sim: a stand-in's seal opens with its key, nonce and additional data alone, unchanged") {
  CheapCrypto crypto;
  test::SeededEntropy entropy(1);
  std::array<std::uint8_t, 32> bytes{};
  entropy.Fill(bytes);
  const auto aead = crypto.MakeAes256Gcm(Secret32(bytes));
  const std::array<std::uint8_t, 21> plain{1, 2, 3};
  const std::array<std::uint8_t, 2> additional{4, 5};
  std::array<std::uint8_t, plain.size() + ports::kAeadTagSize> sealed{};
  aead->Seal({9}, additional, plain, sealed);
  std::array<std::uint8_t, plain.size()> out{};
  CHECK(aead->Open({9}, additional, sealed, out));
  CHECK(out == plain);
  CHECK_FALSE(aead->Open({8}, additional, sealed, out));
  CHECK_FALSE(aead->Open({9}, {}, sealed, out));
  bytes[0] ^= 1U;
  CHECK_FALSE(crypto.MakeAes256Gcm(Secret32(bytes))->Open({9}, additional, sealed, out));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    sealed[i] ^= 0x40U;
    CHECK_FALSE(aead->Open({9}, additional, sealed, out));
    sealed[i] ^= 0x40U;
  }
}

TEST_CASE("sim: a stand-in for SRTP refuses another key, a changed packet, and one that came before") {
  CheapSrtpFactory factory;
  ports::SrtpKey key;
  key.key_and_salt.RevealForWriting()[0] = 1;
  const auto sender = *factory.MakeSender(key);
  const auto receiver = *factory.MakeReceiver(key);
  const auto stranger = *factory.MakeReceiver(ports::SrtpKey{});
  std::array<std::uint8_t, 12 + 5 + ports::kSrtpMaxOverhead> packet{0x80, 96, 0, 7};
  const std::size_t size = sender->ProtectRtp(packet, 17);
  const auto open = [&](ports::SrtpReceiver& with, std::size_t flipped) {
    auto copy = packet;
    if (flipped < size) copy[flipped] ^= 1U;
    return with.UnprotectRtp(MutableByteView(copy).first(size)).reason;
  };
  CHECK(open(*stranger, size) == DropReason::kSrtpAuthentication);
  for (std::size_t i = 2; i < size; ++i) CHECK(open(*receiver, i) == DropReason::kSrtpAuthentication);
  CHECK(open(*receiver, size) == DropReason::kNone);
  CHECK(open(*receiver, size) == DropReason::kSrtpReplay);
  // Byte for byte it may be protected again; another packet under its number may not.
  auto again = packet;
  CHECK(sender->ProtectRtp(again, 17) == size);
  CHECK(again == packet);
  again[15] ^= 1U;
  CHECK_THROWS_AS(sender->ProtectRtp(again, 17), std::runtime_error);
}

}  // namespace
}  // namespace latchkey::sim
