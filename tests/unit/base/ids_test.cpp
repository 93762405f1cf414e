#include "daemon/base/ids.h"

#include "tests/support/catch.h"

namespace latchkey {
namespace {

constexpr std::string_view kHex = "00112233445566778899aabbccddeeff";

TEST_CASE("ids: hexadecimal goes there and back") {
  const auto id = CameraId::FromHex(kHex);
  REQUIRE(id);
  CHECK(id->ToHex() == kHex);
  CHECK_FALSE(id->IsNull());
}

TEST_CASE("ids: only the exact spelling is an id") {
  CHECK_FALSE(CameraId::FromHex("00112233445566778899AABBCCDDEEFF"));   // folded
  CHECK_FALSE(CameraId::FromHex("00112233445566778899aabbccddeef"));    // a prefix
  CHECK_FALSE(CameraId::FromHex("00112233445566778899aabbccddeeff0"));  // longer
  CHECK_FALSE(CameraId::FromHex(" 0112233445566778899aabbccddeeff"));
  CHECK_FALSE(CameraId::FromHex(""));
}

TEST_CASE("ids: one character that is no lower-case digit, at any place, is enough to be none") {
  for (std::size_t place = 0; place < 2 * CameraId::kSize; ++place) {
    for (int c = 0; c < 256; ++c) {
      std::string text(kHex);
      text[place] = static_cast<char>(c);
      const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
      INFO(place << " " << c);
      REQUIRE(CameraId::FromHex(text).has_value() == digit);
    }
  }
}

TEST_CASE("ids: every single bit counts in a comparison") {
  const auto id = *CameraId::FromHex(kHex);
  for (std::size_t bit = 0; bit < 128; ++bit) {
    auto bytes = id.bytes();
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1U << (bit % 8)));
    CHECK(CameraId(bytes) != id);
  }
}

}  // namespace
}  // namespace latchkey
