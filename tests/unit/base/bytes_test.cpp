#include "daemon/base/bytes.h"

#include <array>

#include "tests/support/catch.h"

namespace latchkey {
namespace {

TEST_CASE("bytes: what is written is read back in network order") {
  std::array<std::uint8_t, 18> buffer{};
  ByteWriter writer(buffer);
  writer.U8(1);
  writer.U16(0x0203);
  writer.U24(0x040506);
  writer.U32(0x0708090a);
  writer.U64(0x0b0c0d0e0f101112);
  REQUIRE(writer.ok());
  for (std::size_t i = 0; i < buffer.size(); ++i) CHECK(buffer[i] == i + 1);
  ByteReader reader(buffer);
  CHECK(reader.U8() == 1);
  CHECK(reader.U16() == 0x0203);
  CHECK(reader.U24() == 0x040506);
  CHECK(reader.U32() == 0x0708090a);
  CHECK(reader.U64() == 0x0b0c0d0e0f101112);
  CHECK(reader.AtEnd());
}

TEST_CASE("bytes: a short read makes the reader bad for good and yields zero") {
  const std::array<std::uint8_t, 3> buffer{1, 2, 3};
  ByteReader reader(buffer);
  CHECK(reader.U32() == 0);
  CHECK_FALSE(reader.ok());
  CHECK(reader.U8() == 0);
  CHECK_FALSE(reader.AtEnd());
}

TEST_CASE("bytes: a full writer writes nothing more") {
  std::array<std::uint8_t, 4> buffer{};
  ByteWriter writer(MutableByteView(buffer).first(3));
  writer.U16(0x0102);
  writer.U16(0x0304);
  CHECK_FALSE(writer.ok());
  CHECK(writer.size() == 2);
  CHECK(buffer[2] == 0);
  CHECK(buffer[3] == 0);
}

}  // namespace
}  // namespace latchkey
