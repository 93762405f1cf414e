#include "daemon/wire/rtp.h"

#include <array>
#include <vector>

#include "daemon/wire/rtp_extensions.h"
#include "tests/unit/wire/support.h"

namespace latchkey::wire {
namespace {

using test::Copy;
using test::Dice;
using test::Hex;

const ByteVector kPlain = Hex("8064 0058 65431278 12345678 aabbcc");
// One CSRC, one-byte extensions 1 (one byte) and 5 (three bytes), 4 bytes of padding.
const ByteVector kFull =
    Hex("b1e4 0058 65431278 12345678 90abcdef bede0002 10aa 52010203 0000 aabbcc 00000004");

TEST_CASE("rtp: a plain packet is read") {
  const auto packet = ParseRtp(kPlain);
  REQUIRE(packet);
  CHECK(packet->header == RtpHeader{false, 100, 0x58, 0x65431278, 0x12345678});
  CHECK(packet->header_size == 12);
  CHECK(Copy(packet->payload) == Hex("aabbcc"));
  CHECK(packet->padding == 0);
  CHECK_FALSE(packet->has_extension);
}

TEST_CASE("rtp: CSRC, extension and padding are taken apart") {
  const auto packet = ParseRtp(kFull);
  REQUIRE(packet);
  CHECK(packet->header.marker);
  CHECK(packet->header.payload_type == 100);
  CHECK(Copy(packet->csrcs) == Hex("90abcdef"));
  CHECK(packet->extension_profile == 0xBEDE);
  CHECK(packet->header_size == 28);
  CHECK(Copy(packet->payload) == Hex("aabbcc"));
  CHECK(packet->padding == 4);
  REQUIRE(packet->FindExtension(1));
  CHECK(Copy(*packet->FindExtension(1)) == Hex("aa"));
  REQUIRE(packet->FindExtension(5));
  CHECK(Copy(*packet->FindExtension(5)) == Hex("010203"));
  CHECK_FALSE(packet->FindExtension(2));
}

TEST_CASE("rtp: every header cut short is refused") {
  for (std::size_t n = 0; n < 28; ++n) {
    const ByteVector prefix = Exactly(ByteView(kFull).first(n));
    INFO("prefix of " << n);
    CHECK_FALSE(ParseRtp(prefix));
    CHECK_FALSE(ParseProtectedRtp(prefix));
  }
}

TEST_CASE(
    "rtp: padding of zero, or larger than the payload, is refused in clear and not looked at under SRTP") {
  for (const std::string_view tail : {"00", "05", "ff"}) {
    ByteVector bytes = Hex("a064 0058 65431278 12345678 aabbcc");
    bytes.push_back(Hex(tail)[0]);
    INFO("padding count " << tail);
    CHECK_FALSE(ParseRtp(bytes));
    const auto packet = ParseProtectedRtp(bytes);
    REQUIRE(packet);
    CHECK(packet->payload.size() == 4);
  }
  CHECK_FALSE(ParseRtp(Hex("a064 0058 65431278 12345678")));
  const ByteVector padding_bytes = Hex("a064 0058 65431278 12345678 000003");
  const auto all_padding = ParseRtp(padding_bytes);
  REQUIRE(all_padding);
  CHECK(all_padding->payload.empty());
}

TEST_CASE("rtp: other versions are refused") {
  for (const unsigned first : {0x00U, 0x40U, 0xc0U}) {
    ByteVector bytes = kPlain;
    bytes[0] = static_cast<std::uint8_t>(first);
    CHECK_FALSE(ParseRtp(bytes));
  }
}

TEST_CASE("rtp: two-byte extensions with padding between them are found, empty ones too") {
  const ByteVector bytes = Hex("9064 0001 00000001 00000002 1003 0003 1100 00 0203aabbcc 00 ff00 00 aa");
  const auto packet = ParseRtp(bytes);
  REQUIRE(packet);
  REQUIRE(packet->FindExtension(0x11));
  CHECK(packet->FindExtension(0x11)->empty());
  REQUIRE(packet->FindExtension(2));
  CHECK(Copy(*packet->FindExtension(2)) == Hex("aabbcc"));
  CHECK(packet->FindExtension(0xff));
  CHECK(Copy(packet->payload) == Hex("aa"));
}

TEST_CASE("rtp: an element that reaches past its block ends the walk, and earlier ones stay") {
  const ByteVector bytes =
      Hex("9064 0001 00000001 00000002 bede 0001 10aa 2fbb 0102030405060708090a0b0c0d0e0f10");
  const auto packet = ParseRtp(bytes);
  REQUIRE(packet);
  CHECK(packet->FindExtension(1));
  CHECK_FALSE(packet->FindExtension(2));
  RtpExtensionReader reader = packet->extensions();
  CHECK(reader.Next());
  CHECK_FALSE(reader.Next());
  CHECK_FALSE(reader.Next());
}

TEST_CASE("rtp: id 15 stops a one-byte walk, and an unknown profile has no elements") {
  const ByteVector stopped_bytes = Hex("9064 0001 00000001 00000002 bede 0001 f0aa 10bb");
  const auto stopped = ParseRtp(stopped_bytes);
  REQUIRE(stopped);
  CHECK_FALSE(stopped->FindExtension(1));
  CHECK_FALSE(stopped->FindExtension(15));
  const ByteVector other_bytes = Hex("9064 0001 00000001 00000002 abcd 0001 10aa 10bb");
  const auto other = ParseRtp(other_bytes);
  REQUIRE(other);
  CHECK(other->has_extension);
  CHECK_FALSE(other->extensions().Next());
}

TEST_CASE("rtp: any header that is written is read back") {
  const std::uint64_t seed = test::Seed();
  INFO("LATCHKEY_SEED=" << seed);
  Dice dice(seed);
  for (int round = 0; round < 2000; ++round) {
    const RtpHeader header{dice.Coin(), static_cast<std::uint8_t>(dice.Below(128)), dice.U16(), dice.U32(),
                           dice.U32()};
    std::vector<ByteVector> values;
    std::vector<RtpExtension> extensions;
    const std::size_t count = dice.Below(5);
    for (std::size_t i = 0; i < count; ++i) values.push_back(dice.Bytes(1 + dice.Below(16)));
    for (std::size_t i = 0; i < count; ++i)
      extensions.push_back({static_cast<std::uint8_t>(i + 1), values[i]});
    std::array<std::uint8_t, kRtpMaxWrittenHeader> buffer{};
    const std::size_t size = WriteRtpHeader(header, extensions, buffer);
    REQUIRE(size > 0);
    const auto packet = ParseRtp(ByteView(buffer).first(size));
    REQUIRE(packet);
    CHECK(packet->header == header);
    CHECK(packet->header_size == size);
    for (std::size_t i = 0; i < count; ++i) {
      const auto found = packet->FindExtension(extensions[i].id);
      REQUIRE(found);
      CHECK(Copy(*found) == values[i]);
    }
    CHECK(WriteRtpHeader(header, extensions, MutableByteView(buffer).first(size - 1)) == 0);
  }
}

TEST_CASE("rtp: the largest header we may write fits its bound") {
  const ByteVector value(16, 0xee);
  std::vector<RtpExtension> extensions;
  for (std::uint8_t id = 1; id <= 14; ++id) extensions.push_back({id, value});
  std::array<std::uint8_t, kRtpMaxWrittenHeader> buffer{};
  CHECK(WriteRtpHeader({}, extensions, buffer) > 0);
}

TEST_CASE("rtp: patching changes the five fields and nothing else") {
  ByteVector bytes = kFull;
  const RtpHeader header{false, 96, 7, 8, 9};
  PatchRtpHeader(header, bytes);
  const auto packet = ParseRtp(bytes);
  REQUIRE(packet);
  CHECK(packet->header == header);
  CHECK(bytes[0] == kFull[0]);
  CHECK(Copy(ByteView(bytes).subspan(12)) == Copy(ByteView(kFull).subspan(12)));
}

TEST_CASE("rtp: RTX gives the original sequence number and payload, a probe without one gives nothing") {
  const ByteVector bytes = Hex("1234 aabb");
  const auto rtx = ParseRtx(bytes);
  REQUIRE(rtx);
  CHECK(rtx->original_sequence == 0x1234);
  CHECK(Copy(rtx->payload) == Hex("aabb"));
  CHECK_FALSE(ParseRtx({}));
  CHECK_FALSE(ParseRtx(Hex("12")));
}

TEST_CASE("rtp: extension values are what was written, and a wrong size is nothing") {
  CHECK(ReadTransportSequence(TransportSequenceBytes(0xfedc)) == 0xfedc);
  CHECK_FALSE(ReadTransportSequence(Hex("01")));
  CHECK_FALSE(ReadTransportSequence(Hex("010203")));
  CHECK(ReadAbsSendTime(AbsSendTimeBytes(milliseconds{1500})) == (3U << 17U));
  CHECK(ReadAbsSendTime(AbsSendTimeBytes(seconds{64} + milliseconds{500})) == (1U << 17U));
  CHECK_FALSE(ReadAbsSendTime(Hex("0102")));
  CHECK(ReadPlayoutDelay(PlayoutDelayBytes({milliseconds{0}, milliseconds{400}})) ==
        PlayoutDelay{milliseconds{0}, milliseconds{400}});
  CHECK(ReadPlayoutDelay(PlayoutDelayBytes({milliseconds{-5}, seconds{100}})) ==
        PlayoutDelay{milliseconds{0}, milliseconds{40950}});
  CHECK(ReadVideoRotation(Hex("03")) == 270);
  CHECK_FALSE(ReadVideoRotation(Hex("0300")));
}

}  // namespace
}  // namespace latchkey::wire
