#include "daemon/wire/vp8.h"

#include <array>

#include "tests/unit/wire/support.h"

namespace latchkey::wire {
namespace {

using test::Copy;
using test::Dice;
using test::Hex;

// Frame tag of a key frame of 640 x 360, then some data.
const ByteVector kKeyframe = Hex("10 0200 9d012a 8002 6841 aabbccdd");

TEST_CASE("vp8: the short descriptor and the full one are read") {
  const ByteVector plain = Hex("10 00aa");
  const auto simple = ParseVp8Payload(plain);
  REQUIRE(simple);
  CHECK((simple->StartsFrame() && simple->StartsKeyframe()));
  CHECK_FALSE(simple->descriptor.picture_id);
  const ByteVector full = Hex("b3 f0 9234 56 6b 01bb");
  const auto payload = ParseVp8Payload(full);
  REQUIRE(payload);
  const Vp8Descriptor& d = payload->descriptor;
  CHECK((d.non_reference && d.partition_start && d.partition == 3));
  CHECK(d.picture_id == 0x1234);
  CHECK(d.picture_id_is_long);
  CHECK(d.tl0_pic_idx == 0x56);
  CHECK(d.temporal_id == 1);
  CHECK(d.layer_sync);
  CHECK(d.key_idx == 11);
  CHECK(Copy(payload->data) == Hex("01bb"));
  CHECK_FALSE(payload->StartsFrame());
}

TEST_CASE("vp8: a short picture id has 7 bits, a byte for KEYIDX alone gives no TID") {
  const ByteVector short_id = Hex("90 80 7f 01");
  const auto payload = ParseVp8Payload(short_id);
  REQUIRE(payload);
  CHECK(payload->descriptor.picture_id == 127);
  CHECK_FALSE(payload->descriptor.picture_id_is_long);
  CHECK_FALSE(payload->StartsKeyframe());
  const ByteVector key_only = Hex("90 10 ff 00");
  const auto key = ParseVp8Payload(key_only);
  REQUIRE(key);
  CHECK(key->descriptor.key_idx == 31);
  CHECK_FALSE(key->descriptor.temporal_id);
}

TEST_CASE("vp8: a descriptor cut short, or with nothing behind it, is refused") {
  const auto parse = [](ByteView b) { return ParseVp8Payload(b).has_value(); };
  CheckNoPrefixParses(Hex("b3 f0 9234 56 6b 01"), parse);
  CheckNoPrefixParses(Hex("10 00"), parse);
}

TEST_CASE("vp8: only the first packet of partition 0 starts a frame") {
  CHECK_FALSE(ParseVp8Payload(Hex("00 00"))->StartsFrame());
  CHECK_FALSE(ParseVp8Payload(Hex("11 00"))->StartsFrame());
  CHECK(ParseVp8Payload(Hex("10 01"))->StartsFrame());
  CHECK_FALSE(ParseVp8Payload(Hex("10 01"))->StartsKeyframe());
}

TEST_CASE("vp8: a key frame says its size, anything else none") {
  CHECK(ParseVp8Dimensions(kKeyframe) == Vp8Dimensions{640, 360});  // scaling bits left out
  CHECK_FALSE(ParseVp8Dimensions(Hex("11 0200 9d012a 8002 6801")));
  CHECK_FALSE(ParseVp8Dimensions(Hex("10 0200 9d012b 8002 6801")));
  CheckNoPrefixParses(ByteView(kKeyframe).first(10),
                      [](ByteView b) { return ParseVp8Dimensions(b).has_value(); });
}

TEST_CASE("vp8: any descriptor that is written is read back") {
  const std::uint64_t seed = test::Seed();
  INFO("LATCHKEY_SEED=" << seed);
  Dice dice(seed);
  for (int round = 0; round < 2000; ++round) {
    Vp8Descriptor d;
    d.non_reference = dice.Coin();
    d.partition_start = dice.Coin();
    d.partition = static_cast<std::uint8_t>(dice.Below(8));
    if (dice.Coin()) {
      d.picture_id_is_long = dice.Coin();
      d.picture_id = static_cast<std::uint16_t>(dice.Below(d.picture_id_is_long ? 0x8000 : 0x80));
    }
    if (dice.Coin()) d.tl0_pic_idx = dice.U8();
    if (dice.Coin()) {
      d.temporal_id = static_cast<std::uint8_t>(dice.Below(4));
      d.layer_sync = dice.Coin();
    }
    if (dice.Coin()) d.key_idx = static_cast<std::uint8_t>(dice.Below(32));
    std::array<std::uint8_t, kVp8MaxDescriptor + 1> buffer{};
    const std::size_t size = WriteVp8Descriptor(d, buffer);
    REQUIRE(size > 0);
    CHECK(WriteVp8Descriptor(d, MutableByteView(buffer).first(size - 1)) == 0);
    const auto payload = ParseVp8Payload(ByteView(buffer).first(size + 1));
    REQUIRE(payload);
    CHECK(payload->descriptor == d);
    CHECK(payload->data.size() == 1);
  }
}

TEST_CASE("vp8: a frame of any size is cut to at most the bound and put together again") {
  const std::uint64_t seed = test::Seed();
  INFO("LATCHKEY_SEED=" << seed);
  Dice dice(seed);
  for (int round = 0; round < 400; ++round) {
    const std::size_t max = Vp8Fragmenter::kMinPayload + dice.Below(1300);
    const ByteVector frame = dice.Bytes(1 + dice.Below(5000));
    Vp8Fragmenter fragmenter(frame, 0x7123, max);
    Vp8Depacketiser depacketiser;
    ByteVector buffer(max);
    while (const auto bytes = fragmenter.Next(buffer)) {
      REQUIRE(bytes->size() <= max);
      CHECK(ParseVp8Payload(*bytes)->descriptor.picture_id == 0x7123);
      REQUIRE(depacketiser.Push(*bytes));
    }
    CHECK(fragmenter.Done());
    REQUIRE(depacketiser.Whole());
    CHECK(depacketiser.frame() == frame);
  }
}

TEST_CASE("vp8: a frame without its start, or with two, is damaged until it is cleared") {
  Vp8Depacketiser depacketiser;
  CHECK_FALSE(depacketiser.Push(Hex("00 aa")));
  CHECK_FALSE(depacketiser.Push(Hex("10 aa")));
  depacketiser.Clear();
  CHECK(depacketiser.Push(Hex("10 aa")));
  CHECK(depacketiser.Push(Hex("00 bb")));
  CHECK(depacketiser.frame() == Hex("aabb"));
  CHECK_FALSE(depacketiser.Push(Hex("10 cc")));
  CHECK_FALSE(depacketiser.Whole());
}

TEST_CASE("vp8: a frame over the bound is refused") {
  Vp8Depacketiser depacketiser;
  ByteVector large(65000, 0);
  large[0] = 0x10;
  bool taken = true;
  for (int i = 0; taken && i < 100; ++i) {
    taken = depacketiser.Push(large);
    large[0] = 0;
  }
  CHECK_FALSE(taken);
  CHECK(depacketiser.frame().size() <= kVp8MaxFrame);
}

}  // namespace
}  // namespace latchkey::wire
