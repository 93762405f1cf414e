#include "daemon/wire/stun.h"

#include <array>
#include <vector>

#include "tests/unit/wire/support.h"

namespace latchkey::wire {
namespace {

using test::Copy;
using test::Hex;

constexpr std::string_view kPassword = "VOkJxbRl1RmTxUk/WvJxBt";  // of all vectors of RFC 5769 2.1 to 2.3

// RFC 5769 2.1.
const ByteVector kRequest =
    Hex("0001 0058 2112a442 b7e7a701bc34d686fa87dfae"
        "8022 0010 5354554e207465737420636c69656e74"
        "0024 0004 6e0001ff"
        "8029 0008 932ff9b151263b36"
        "0006 0009 6576746a3a68367659202020"
        "0008 0014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
        "8028 0004 e57a3bcf");
// RFC 5769 2.2.
const ByteVector kResponseV4 =
    Hex("0101 003c 2112a442 b7e7a701bc34d686fa87dfae"
        "8022 000b 7465737420766563746f7220"
        "0020 0008 0001a147e112a643"
        "0008 0014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7"
        "8028 0004 c07d4c96");
// RFC 5769 2.3.
const ByteVector kResponseV6 =
    Hex("0101 0048 2112a442 b7e7a701bc34d686fa87dfae"
        "8022 000b 7465737420766563746f7220"
        "0020 0014 0002a147 0113a9faa5d3f179bc25f4b5bed2b9d9"
        "0008 0014 a382954e4be67bf11784c97c8292c275bfe3ed41"
        "8028 0004 c8fb0b4c");

bool Verifies(ByteView bytes, std::string_view password) {
  const auto message = ParseStun(bytes);
  return message && StunIntegrityVerifies(*message, AsBytes(password), TestHmac);
}

// A message of hand-made attributes, with the right length in its header.
ByteVector Message(std::string_view attributes) {
  ByteVector bytes = Hex("0001 0000 2112a442 000102030405060708090a0b");
  const ByteVector rest = Hex(attributes);
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  bytes[3] = static_cast<std::uint8_t>(rest.size());
  return bytes;
}

TEST_CASE("stun: the sample request of RFC 5769 is read and verifies") {
  const auto message = ParseStun(kRequest);
  REQUIRE(message);
  CHECK(message->message_class == StunClass::kRequest);
  CHECK(message->username == "evtj:h6vY");
  CHECK(message->priority == 0x6e0001ff);
  CHECK(message->ice_controlled == 0x932ff9b151263b36);
  CHECK_FALSE(message->ice_controlling);
  CHECK_FALSE(message->use_candidate);
  CHECK(message->has_fingerprint);
  CHECK(message->unknown().empty());
  CHECK(message->transaction.bytes[0] == 0xb7);
  CHECK(StunIntegrityVerifies(*message, AsBytes(kPassword), TestHmac));
  CHECK_FALSE(StunIntegrityVerifies(*message, AsBytes("VOkJxbRl1RmTxUk/WvJxBT"), TestHmac));
}

TEST_CASE("stun: the sample responses of RFC 5769 carry the mapped address") {
  const auto v4 = ParseStun(kResponseV4);
  REQUIRE(v4);
  CHECK(v4->message_class == StunClass::kSuccess);
  REQUIRE(v4->mapped_address);
  CHECK(v4->mapped_address->ToString() == "192.0.2.1:32853");
  CHECK(Verifies(kResponseV4, kPassword));
  const auto v6 = ParseStun(kResponseV6);
  REQUIRE(v6);
  REQUIRE(v6->mapped_address);
  CHECK(v6->mapped_address->ToString() == "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
  CHECK(Verifies(kResponseV6, kPassword));
}

TEST_CASE("stun: no bit of an authenticated message can be changed unnoticed") {
  const std::size_t fingerprint = kRequest.size() - 8;
  for (std::size_t bit = 0; bit < kRequest.size() * 8; ++bit) {
    // Another type there makes it an attribute behind MESSAGE-INTEGRITY, which is ignored.
    if (bit / 8 == fingerprint || bit / 8 == fingerprint + 1) continue;
    ByteVector bytes = kRequest;
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1U << (bit % 8)));
    INFO("bit " << bit);
    CHECK_FALSE(Verifies(bytes, kPassword));
  }
}

TEST_CASE("stun: a message without MESSAGE-INTEGRITY never verifies") {
  const auto message = ParseStun(Message("0006 0003 613a6200"));
  REQUIRE(message);
  CHECK_FALSE(message->integrity);
  CHECK_FALSE(StunIntegrityVerifies(*message, AsBytes(kPassword), TestHmac));
}

TEST_CASE("stun: every truncation is refused") {
  const auto parse = [](ByteView b) { return ParseStun(b).has_value(); };
  CheckNoPrefixParses(kRequest, parse);
  CheckNoPrefixParses(kResponseV4, parse);
  CheckNoPrefixParses(kResponseV6, parse);
}

TEST_CASE("stun: another method, cookie or length is refused") {
  const ByteVector good = Message("");
  REQUIRE(ParseStun(good));
  ByteVector method = good;
  method[1] = 0x03;  // Allocate request
  CHECK_FALSE(ParseStun(method));
  ByteVector cookie = good;
  cookie[4] = 0;
  CHECK_FALSE(ParseStun(cookie));
  ByteVector longer = good;
  longer.push_back(0);
  CHECK_FALSE(ParseStun(longer));
  ByteVector odd = Message("8022 0000");
  odd.pop_back();
  odd[3] = 3;
  CHECK_FALSE(ParseStun(odd));
}

TEST_CASE("stun: a FINGERPRINT that is wrong, short or not last is refused") {
  ByteVector wrong = kRequest;
  wrong.back() ^= 1U;
  CHECK_FALSE(ParseStun(wrong));
  CHECK_FALSE(ParseStun(Message("8028 0002 00000000")));
}

// CRC-32 bit by bit, apart from the table that is tested.
std::uint32_t SlowCrc(ByteView bytes) {
  std::uint32_t crc = 0xffffffffU;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

TEST_CASE("stun: an attribute behind a right FINGERPRINT is refused") {
  ByteVector bytes = Message("8028 0004 00000000  8022 0000");
  ByteWriter crc(MutableByteView(bytes).subspan(24, 4));
  crc.U32(SlowCrc(ByteView(bytes).first(20)) ^ 0x5354554eU);
  CHECK_FALSE(ParseStun(bytes));
  bytes.erase(bytes.begin() + 28, bytes.end());
  bytes[3] = 8;
  ByteWriter last(MutableByteView(bytes).subspan(24, 4));
  last.U32(SlowCrc(ByteView(bytes).first(20)) ^ 0x5354554eU);
  REQUIRE(ParseStun(bytes));
  CHECK(ParseStun(bytes)->has_fingerprint);
}

TEST_CASE("stun: what stands behind MESSAGE-INTEGRITY is not believed") {
  std::array<std::uint8_t, 256> buffer{};
  StunWriter writer(StunClass::kRequest, {}, buffer);
  writer.Username("a:b");
  writer.Sign(AsBytes(kPassword), TestHmac);
  writer.UseCandidate();
  writer.Priority(7);
  const auto message = ParseStun(writer.Finish());
  REQUIRE(message);
  CHECK(StunIntegrityVerifies(*message, AsBytes(kPassword), TestHmac));
  CHECK_FALSE(message->use_candidate);
  CHECK_FALSE(message->priority);
}

TEST_CASE(
    "stun: unknown comprehension-required attributes are listed up to the bound, optional ones are not") {
  const auto few = ParseStun(Message("7001 0000  c057 0004 00000001  7002 0001 aa000000"));
  REQUIRE(few);
  REQUIRE(few->unknown().size() == 2);
  CHECK(few->unknown()[0] == 0x7001);
  CHECK(few->unknown()[1] == 0x7002);
  std::string many;
  for (int i = 0; i < 20; ++i) many += "7001 0000 ";
  const auto bounded = ParseStun(Message(many));
  REQUIRE(bounded);
  CHECK(bounded->unknown().size() == kStunMaxUnknown);
}

TEST_CASE("stun: of a repeated attribute the first counts") {
  const auto message = ParseStun(Message("0024 0004 00000001 0024 0004 00000002"));
  REQUIRE(message);
  CHECK(message->priority == 1);
}

TEST_CASE("stun: attributes of a wrong size are refused") {
  CHECK_FALSE(ParseStun(Message("0024 0003 00000100")));
  CHECK_FALSE(ParseStun(Message("0024 0008 0000000100000000")));
  CHECK_FALSE(ParseStun(Message("0025 0004 00000000")));
  CHECK_FALSE(ParseStun(Message("802a 0004 00000000")));
  CHECK_FALSE(ParseStun(Message("0008 0010 00000000000000000000000000000000")));
  CHECK_FALSE(ParseStun(Message("0020 0008 0003a147e112a643")));
  CHECK_FALSE(ParseStun(Message("0020 0008 0002a147e112a643")));
  CHECK_FALSE(ParseStun(Message("0009 0004 00000200")));
  CHECK_FALSE(ParseStun(Message("0009 0004 00000464")));
}

TEST_CASE("stun: a USERNAME over its bound and a message over its bound are refused") {
  ByteVector bytes = Hex("0001 0000 2112a442 000102030405060708090a0b 0006 0200");
  bytes.insert(bytes.end(), 512, 'a');
  bytes[2] = 2;
  bytes[3] = 4;
  CHECK_FALSE(ParseStun(bytes));
  ByteVector large = Hex("0001 0000 2112a442 000102030405060708090a0b 8022 0000");
  const std::size_t value = kStunMaxMessage - 24 + 4;
  large.insert(large.end(), value, 0);
  large[2] = static_cast<std::uint8_t>((value + 4) >> 8U);
  large[3] = static_cast<std::uint8_t>((value + 4) & 0xffU);
  large[22] = static_cast<std::uint8_t>(value >> 8U);
  large[23] = static_cast<std::uint8_t>(value & 0xffU);
  CHECK_FALSE(ParseStun(large));
}

TEST_CASE("stun: a check that is written is read back and verifies") {
  std::array<std::uint8_t, 256> buffer{};
  StunCheck check;
  check.transaction.bytes.fill(0x5a);
  check.username = "hub1:peer";
  check.priority = 0x7e0000ff;
  check.tie_breaker = 0x0102030405060708;
  check.use_candidate = true;
  const ByteView bytes = WriteStunCheck(check, AsBytes("secret"), TestHmac, buffer);
  REQUIRE_FALSE(bytes.empty());
  const auto message = ParseStun(bytes);
  REQUIRE(message);
  CHECK(message->transaction == check.transaction);
  CHECK(message->username == "hub1:peer");
  CHECK(message->priority == 0x7e0000ff);
  CHECK(message->ice_controlling == 0x0102030405060708);
  CHECK(message->use_candidate);
  CHECK(message->has_fingerprint);
  CHECK(StunIntegrityVerifies(*message, AsBytes("secret"), TestHmac));
}

TEST_CASE("stun: a success carries an address of either family back") {
  for (const std::string_view text : {"192.168.7.9", "fd00::1:2:3"}) {
    std::array<std::uint8_t, 128> buffer{};
    const SocketAddress address{*IpAddress::Parse(text), 50123};
    const auto message = ParseStun(WriteStunSuccess({}, address, AsBytes("k"), TestHmac, buffer));
    REQUIRE(message);
    CHECK(message->message_class == StunClass::kSuccess);
    CHECK(message->mapped_address == address);
    CHECK(StunIntegrityVerifies(*message, AsBytes("k"), TestHmac));
  }
}

TEST_CASE("stun: a 420 lists what was not understood, a 487 only says so") {
  std::array<std::uint8_t, 128> buffer{};
  const std::array<std::uint16_t, 3> unknown{0x7001, 0x7002, 0x7003};
  const ByteView refusal =
      WriteStunError({}, StunErrorCode::kUnknownAttribute, unknown, AsBytes("k"), TestHmac, buffer);
  const auto message = ParseStun(refusal);
  REQUIRE(message);
  CHECK(message->message_class == StunClass::kError);
  CHECK(message->error_code == 420);
  CHECK(Copy(refusal.subspan(28, 12)) == Hex("000a 0006 7001 7002 7003 0000"));
  const auto conflict =
      ParseStun(WriteStunError({}, StunErrorCode::kRoleConflict, {}, AsBytes("k"), TestHmac, buffer));
  REQUIRE(conflict);
  CHECK(conflict->error_code == 487);
}

TEST_CASE("stun: a writer without room says so") {
  std::array<std::uint8_t, 256> buffer{};
  StunCheck check;
  check.username = "a:b";
  const std::size_t size = WriteStunCheck(check, AsBytes("k"), TestHmac, buffer).size();
  REQUIRE(size > 0);
  for (std::size_t room = 0; room < size; ++room) {
    ByteVector small(room);
    INFO("room " << room);
    CHECK(WriteStunCheck(check, AsBytes("k"), TestHmac, small).empty());
  }
}

TEST_CASE("stun: a username splits at its first colon, and both halves must be there") {
  const auto split = SplitStunUsername("hub:peer");
  REQUIRE(split);
  CHECK(split->local == "hub");
  CHECK(split->remote == "peer");
  CHECK_FALSE(SplitStunUsername("hub"));
  CHECK_FALSE(SplitStunUsername(":peer"));
  CHECK_FALSE(SplitStunUsername("hub:"));
  CHECK_FALSE(SplitStunUsername(""));
}

}  // namespace
}  // namespace latchkey::wire
