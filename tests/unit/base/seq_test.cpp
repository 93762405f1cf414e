#include "daemon/base/seq.h"

#include "tests/support/catch.h"

namespace latchkey {
namespace {

TEST_CASE("seq: the counter goes on over its wrap") {
  Unwrapper<std::uint16_t> unwrapper;
  const auto first = unwrapper.Unwrap(65534);
  CHECK(unwrapper.Unwrap(65535) == first + 1);
  CHECK(unwrapper.Unwrap(0) == first + 2);
  CHECK(unwrapper.Unwrap(1) == first + 3);
}

TEST_CASE("seq: a late number is behind, not a wrap ahead") {
  Unwrapper<std::uint16_t> unwrapper;
  const auto first = unwrapper.Unwrap(3);
  CHECK(unwrapper.Unwrap(65533) == first - 6);
  CHECK(unwrapper.highest() == first);
  CHECK(first - 6 > 0);
}

TEST_CASE("seq: peeking changes nothing") {
  Unwrapper<std::uint32_t> unwrapper;
  const auto first = unwrapper.Unwrap(0xfffffff0U);
  CHECK(unwrapper.Peek(0x10U) == first + 0x20);
  CHECK(unwrapper.highest() == first);
}

}  // namespace
}  // namespace latchkey
