// What the fuzzer of tests/fuzz/keeper_fuzz.cpp looks for, by chance from seeds and without clang: a front
// and lanes that say anything end themselves, and neither the keeper nor anybody else.
#include "tests/fuzz/keeper_hub.h"
#include "tests/support/bytes.h"
#include "tests/support/catch.h"

namespace latchkey::fuzz {
namespace {

TEST_CASE("hostile children: whatever they say, nobody sees without a grant, and an honest lane is served") {
  const auto seed = GENERATE(range(1U, 9U));
  INFO("seed " << seed);
  test::Dice dice(seed);
  for (int run = 0; run < 25; ++run) {
    ByteVector input(64 + dice.Below(4000));
    for (std::uint8_t& byte : input) byte = dice.U8();
    HostileHub hub;
    ByteReader reader(input);
    while (reader.ok() && reader.remaining() > 0) hub.Act(reader);
    hub.ServeHonestly();
  }
  SUCCEED("every invariant is checked on the way");
}

}  // namespace
}  // namespace latchkey::fuzz
