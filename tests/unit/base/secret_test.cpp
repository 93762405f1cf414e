#include "daemon/base/secret.h"

#include <algorithm>
#include <new>
#include <type_traits>

#include "tests/support/catch.h"

namespace latchkey {
namespace {

static_assert(!std::is_copy_constructible_v<Secret32>);
static_assert(!std::is_copy_assignable_v<Secret32>);

TEST_CASE("secret: moving leaves nothing behind") {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(0xa5);
  Secret32 first{bytes};
  const Secret32 second = std::move(first);
  // Looking at the moved-from object is the point here.
  CHECK(std::ranges::all_of(first.Reveal(), [](auto b) { return b == 0; }));  // NOLINT
  CHECK(std::ranges::all_of(second.Reveal(), [](auto b) { return b == 0xa5; }));
}

TEST_CASE("secret: the end of its life wipes it") {
  alignas(Secret32) std::array<std::uint8_t, sizeof(Secret32)> memory{};
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(0x5a);
  auto* secret = new (memory.data()) Secret32(bytes);
  CHECK(memory[0] == 0x5a);
  secret->~Secret32();
  CHECK(std::ranges::all_of(memory, [](auto b) { return b == 0; }));
}

TEST_CASE("secret: comparison sees a difference in any byte and in length") {
  std::array<std::uint8_t, 32> a{};
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto b = a;
    b[i] = 1;
    CHECK_FALSE(ConstantTimeEqual(a, b));
  }
  CHECK(ConstantTimeEqual(a, std::array<std::uint8_t, 32>{}));
  CHECK_FALSE(ConstantTimeEqual(a, std::span<const std::uint8_t>(a).first(31)));
}

}  // namespace
}  // namespace latchkey
