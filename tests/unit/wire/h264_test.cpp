#include "daemon/wire/h264.h"

#include <algorithm>
#include <string>
#include <vector>

#include "daemon/wire/bit_reader.h"
#include "daemon/wire/h264_pack.h"
#include "tests/unit/wire/support.h"

namespace latchkey::wire {
namespace {

using test::Copy;
using test::Dice;
using test::Hex;

H264PayloadInfo Inspect(std::string_view hex) {
  const ByteVector bytes = Hex(hex);
  const auto info = InspectH264Payload(bytes);
  REQUIRE(info);
  return *info;
}
bool Refused(std::string_view hex) {
  return !ParseH264Payload(Hex(hex)) && !InspectH264Payload(Hex(hex));
}

TEST_CASE("h264: bits leave emulation prevention out, and end in failure, not beyond") {
  const ByteVector bytes = Hex("000003 01 80");
  RbspReader reader(bytes);
  CHECK(reader.Bits(24) == 1);
  CHECK(reader.Bit());
  CHECK(reader.Bits(7) == 0);
  CHECK(reader.ok());
  CHECK_FALSE(reader.Bit());
  CHECK_FALSE(reader.ok());
}

TEST_CASE("h264: Exp-Golomb codes are those of the standard's tables") {
  const ByteVector bytes = Hex("a642 9800");  // 1 010 011 00100 00101 00110 0...
  RbspReader reader(bytes);
  for (std::uint32_t expected = 0; expected < 6; ++expected) CHECK(reader.Ue() == expected);
  RbspReader again(bytes);
  for (const int expected : {0, 1, -1, 2, -2, 3}) CHECK(again.Se() == expected);
  const ByteVector zeros(20, 0);
  RbspReader endless(zeros);
  CHECK(endless.Ue() == 0);
  CHECK_FALSE(endless.ok());
}

TEST_CASE("h264: single NALs say what they are") {
  const auto idr = Inspect("65 88840af2");
  CHECK((idr.idr && idr.vcl && idr.reference && idr.starts_picture && idr.starts_access_unit));
  CHECK((idr.begins_nal && idr.ends_nal));
  CHECK_FALSE((idr.sps || idr.pps || idr.b_slice));
  const auto sps = Inspect("67 42c01f");
  CHECK((sps.sps && sps.starts_access_unit));
  CHECK_FALSE((sps.vcl || sps.starts_picture));
  CHECK(Inspect("68 ce").pps);
  const auto p = Inspect("41 9a3815e0");
  CHECK((p.vcl && p.starts_picture));
  CHECK_FALSE((p.idr || p.b_slice));
  CHECK_FALSE(Inspect("0c ff").starts_access_unit);
}

TEST_CASE("h264: B slices are found by their header, referenced or not") {
  CHECK(Inspect("41 9e417885").b_slice);
  const auto unreferenced = Inspect("01 9e626a42");
  CHECK(unreferenced.b_slice);
  CHECK_FALSE(unreferenced.reference);
  CHECK(Inspect("7c 81 9e417885").b_slice);        // the start of a FU-A
  CHECK_FALSE(Inspect("7c 01 9e417885").b_slice);  // in the middle the bits mean something else
}

TEST_CASE("h264: a slice that is not the first of its picture starts neither picture nor access unit") {
  const auto slice = Inspect("41 42 9a");  // first_mb_in_slice 1
  CHECK(slice.vcl);
  CHECK_FALSE((slice.starts_picture || slice.starts_access_unit));
  const auto later = Inspect("5c 05 aabb");
  CHECK(later.idr);
  CHECK_FALSE((later.starts_access_unit || later.begins_nal || later.ends_nal));
}

TEST_CASE("h264: STAP-A gives each of its NALs") {
  const ByteVector bytes = Hex("78 0003 6742c0 0002 68ce 0003 658884");
  auto payload = ParseH264Payload(bytes);
  REQUIRE(payload);
  std::vector<std::uint8_t> types;
  while (const auto piece = payload->Next()) {
    types.push_back(piece->type());
    CHECK((piece->first && piece->last));
  }
  CHECK(types == std::vector<std::uint8_t>{7, 8, 5});
  const auto info = Inspect("78 0003 6742c0 0002 68ce 0003 658884");
  CHECK((info.sps && info.pps && info.idr && info.starts_picture && info.starts_access_unit));
}

TEST_CASE("h264: FU-A rebuilds the NAL header and keeps start and end") {
  const ByteVector bytes = Hex("7c 85 aabb");
  auto payload = ParseH264Payload(bytes);
  REQUIRE(payload);
  const auto piece = payload->Next();
  REQUIRE(piece);
  CHECK(piece->header == 0x65);
  CHECK(Copy(piece->body) == Hex("aabb"));
  CHECK((piece->first && !piece->last));
  CHECK_FALSE(payload->Next());
  CHECK_FALSE(Refused("7c c5 aabb"));  // start and end at once: cameras do it
}

TEST_CASE("h264: what mode 1 has not, and what is broken, is refused") {
  CHECK(Refused(""));
  for (const std::string_view type : {"60", "79", "7a", "7b", "7d", "7e", "7f"}) {
    INFO("indicator " << type);
    CHECK(Refused(std::string(type) + " 0001 0003 658884"));
  }
  CHECK(Refused("e5 8884"));            // forbidden bit
  CHECK(Refused("78"));                 // STAP-A of nothing
  CHECK(Refused("78 00"));              // half a size
  CHECK(Refused("78 0000"));            // a NAL of nothing
  CHECK(Refused("78 0003 6588"));       // past the end
  CHECK(Refused("78 0002 68ce 0003"));  // the second past the end
  CHECK(Refused("78 0003 7885aa"));     // nested
  CHECK(Refused("78 0002 e8ce"));       // forbidden bit inside
  CHECK(Refused("7c"));                 // no FU header
  CHECK(Refused("7c 9c aa"));           // FU-A of a FU-A
  CHECK(Refused("7c 80 aa"));           // FU-A of type 0
}

TEST_CASE("annex b: NALs stand between start codes of either length") {
  const ByteVector stream = Hex("ff 00000001 6742 000001 68ce 00000001 000001 6588 0000");
  AnnexBReader reader(stream);
  CHECK(Copy(*reader.Next()) == Hex("6742"));
  CHECK(Copy(*reader.Next()) == Hex("68ce"));
  CHECK(Copy(*reader.Next()) == Hex("6588"));
  CHECK_FALSE(reader.Next());
  CHECK_FALSE(AnnexBReader(Hex("6742")).Next());
  CHECK_FALSE(AnnexBReader({}).Next());
}

// A NAL of `size` bytes without start codes in it.
ByteVector RandomNal(Dice& dice, std::uint8_t header, std::size_t size) {
  ByteVector nal{header};
  while (nal.size() < size) nal.push_back(static_cast<std::uint8_t>(1 + dice.Below(255)));
  return nal;
}

TEST_CASE("h264: a NAL of any size is cut to at most the bound and put together again") {
  const std::uint64_t seed = test::Seed();
  INFO("LATCHKEY_SEED=" << seed);
  Dice dice(seed);
  for (int round = 0; round < 400; ++round) {
    const std::size_t max = H264Fragmenter::kMinPayload + dice.Below(1300);
    const ByteVector nal = RandomNal(dice, 0x65, 1 + dice.Below(5000));
    H264Fragmenter fragmenter(nal, max);
    H264Depacketiser depacketiser;
    ByteVector buffer(max);
    std::size_t smallest = max;
    std::size_t largest = 0;
    while (const auto payload = fragmenter.Next(buffer)) {
      REQUIRE(payload->size() <= max);
      REQUIRE(depacketiser.Push(*payload));
      smallest = std::min(smallest, payload->size());
      largest = std::max(largest, payload->size());
      CHECK(depacketiser.Whole() == fragmenter.Done());
    }
    CHECK(largest - smallest <= 1);
    ByteVector expected = Hex("00000001");
    expected.insert(expected.end(), nal.begin(), nal.end());
    CHECK(depacketiser.unit() == expected);
  }
}

TEST_CASE("h264: an access unit becomes payloads and comes back without AUD and filler") {
  Dice dice(test::Seed());
  ByteVector unit = Hex("00000001 09f0 00000001 0c ffff 80");
  ByteVector expected;
  for (const std::uint8_t header :
       {std::uint8_t{0x67}, std::uint8_t{0x68}, std::uint8_t{0x65}, std::uint8_t{0x65}}) {
    ByteVector nal = Hex("00000001");
    const ByteVector body = RandomNal(dice, header, header == 0x65 ? 3000 : 12);
    nal.insert(nal.end(), body.begin(), body.end());
    unit.insert(unit.end(), nal.begin(), nal.end());
    expected.insert(expected.end(), nal.begin(), nal.end());
  }
  H264Packetiser packetiser(unit, 1200);
  H264Depacketiser depacketiser;
  ByteVector buffer(1200);
  int markers = 0;
  int payloads = 0;
  bool last = false;
  while (const auto payload = packetiser.Next(buffer)) {
    CHECK_FALSE(last);
    last = payload->last;
    markers += payload->last ? 1 : 0;
    ++payloads;
    REQUIRE(depacketiser.Push(payload->bytes));
  }
  CHECK(markers == 1);
  CHECK(payloads == 2 + 3 + 3);
  CHECK(last);
  REQUIRE(depacketiser.Whole());
  CHECK(depacketiser.unit() == expected);
  const ByteVector delimiter = Hex("00000001 09f0");
  H264Packetiser nothing(delimiter, 1200);
  CHECK_FALSE(nothing.Next(buffer));
}

TEST_CASE("h264: a hole in a fragmented NAL damages the unit until it is cleared") {
  H264Depacketiser depacketiser;
  CHECK_FALSE(depacketiser.Push(Hex("7c 05 aabb")));  // no start
  CHECK_FALSE(depacketiser.Push(Hex("65 8884")));     // damage lasts
  CHECK_FALSE(depacketiser.Whole());
  depacketiser.Clear();
  CHECK(depacketiser.Push(Hex("7c 85 aabb")));
  CHECK_FALSE(depacketiser.Whole());
  CHECK_FALSE(depacketiser.Push(Hex("65 8884")));  // the NAL before was cut short
  depacketiser.Clear();
  CHECK(depacketiser.Push(Hex("7c 85 aabb")));
  CHECK_FALSE(depacketiser.Push(Hex("7c 41 aabb")));  // goes on as another type
  depacketiser.Clear();
  CHECK(depacketiser.Push(Hex("65 8884")));
  CHECK(depacketiser.Whole());
  CHECK_FALSE(depacketiser.Push({}));
}

TEST_CASE("h264: an access unit over the bound is refused") {
  H264Depacketiser depacketiser;
  ByteVector large(60000, 0x11);
  large[0] = 0x65;
  bool taken = true;
  std::size_t pushes = 0;
  for (; taken && pushes < 1000; ++pushes) taken = depacketiser.Push(large);
  CHECK_FALSE(taken);
  CHECK(pushes == kH264MaxAccessUnit / 60004 + 1);
  CHECK(depacketiser.unit().size() <= kH264MaxAccessUnit);
}

}  // namespace
}  // namespace latchkey::wire
