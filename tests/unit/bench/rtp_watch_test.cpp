#include "tests/bench/rtp_watch.h"

#include "tests/support/bytes.h"
#include "tests/support/catch.h"

namespace latchkey::bench {
namespace {

ByteVector Packet(std::uint8_t payload_type, std::uint16_t sequence, std::uint32_t ssrc = 1,
                  bool marker = false) {
  ByteVector bytes(100);
  ByteWriter writer(bytes);
  writer.U8(0x80);
  writer.U8(static_cast<std::uint8_t>(payload_type | (marker ? 0x80U : 0U)));
  writer.U16(sequence);
  writer.U32(0);
  writer.U32(ssrc);
  return bytes;
}

TEST_CASE("rtp watch: packets are counted by payload type, whatever their marker") {
  RtpWatch watch;
  for (std::uint16_t s = 0; s < 10; ++s) (void)watch.Note(Packet(96, s, 1, s % 2 == 0));
  for (std::uint16_t s = 0; s < 3; ++s) (void)watch.Note(Packet(97, s, 2));
  CHECK(watch.packets() == 13);
  CHECK(watch.of_type(96) == 10);
  CHECK(watch.of_type(97) == 3);
  CHECK(watch.repeats() == 0);
}

TEST_CASE("rtp watch: STUN, DTLS and RTCP are no RTP, and neither is what is too short to be") {
  RtpWatch watch;
  CHECK_FALSE(watch.Note(test::Hex("0001 0000 2112a442")).has_value());
  CHECK_FALSE(watch.Note(test::Hex("16 fefd 0000")).has_value());
  CHECK_FALSE(watch.Note(test::Hex("81 cd 0003 00000001 00000002")).has_value());
  CHECK_FALSE(watch.Note(test::Hex("80 60 0001 00000000 000000")).has_value());
  CHECK_FALSE(watch.Note({}).has_value());
  CHECK(watch.packets() == 0);
  CHECK(watch.of_kind(wire::DatagramKind::kStun) == 1);
  CHECK(watch.of_kind(wire::DatagramKind::kRtcp) == 1);
}

TEST_CASE(
    "rtp watch: a sequence number that comes again is a repeat, on its own SSRC alone, also when out of "
    "order") {
  RtpWatch watch;
  for (const int s : {10, 12, 11, 13}) {
    CHECK_FALSE(watch.Note(Packet(96, static_cast<std::uint16_t>(s)))->repeat);
  }
  CHECK(watch.Note(Packet(96, 11))->repeat);
  CHECK(watch.Note(Packet(96, 10))->repeat);
  CHECK_FALSE(watch.Note(Packet(96, 11, 2))->repeat);
  CHECK(watch.repeats() == 2);
}

TEST_CASE("rtp watch: rounds of the sequence number are not repeats of the one before") {
  RtpWatch watch;
  for (std::uint32_t s = 65000; s < 65000 + 3 * 65536; ++s) {
    const auto sighting = watch.Note(Packet(96, static_cast<std::uint16_t>(s)));
    REQUIRE(sighting.has_value());
    if (sighting->repeat) FAIL("sequence " << s);
    // One in a thousand comes twice.
    if (s % 1000 == 0) REQUIRE(watch.Note(Packet(96, static_cast<std::uint16_t>(s)))->repeat);
  }
  CHECK(watch.repeats() == 3 * 65536 / 1000 + 1);
}

TEST_CASE("rtp watch: a jump over half the range forgets what lies behind it") {
  RtpWatch watch;
  (void)watch.Note(Packet(96, 100));
  (void)watch.Note(Packet(96, 30000));
  (void)watch.Note(Packet(96, 60000));
  CHECK_FALSE(watch.Note(Packet(96, 100))->repeat);
}

TEST_CASE("rtp watch: streams beyond its bound are counted but not followed") {
  RtpWatch watch;
  for (std::uint32_t ssrc = 0; ssrc <= RtpWatch::kMaxStreams; ++ssrc) (void)watch.Note(Packet(96, 1, ssrc));
  CHECK(watch.Note(Packet(96, 1, 0))->repeat);
  CHECK_FALSE(watch.Note(Packet(96, 1, RtpWatch::kMaxStreams))->repeat);
  CHECK(watch.packets() == RtpWatch::kMaxStreams + 3);
}

}  // namespace
}  // namespace latchkey::bench
