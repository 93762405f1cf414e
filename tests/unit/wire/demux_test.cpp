#include "daemon/wire/demux.h"

#include <array>

#include "daemon/wire/codec.h"
#include "tests/support/catch.h"

namespace latchkey::wire {
namespace {

DatagramKind Classify(unsigned first, unsigned second) {
  const std::array<std::uint8_t, 2> bytes{static_cast<std::uint8_t>(first),
                                          static_cast<std::uint8_t>(second)};
  return ClassifyDatagram(bytes);
}

TEST_CASE("demux: every first byte goes where RFC 7983 sends it") {
  for (unsigned first = 0; first < 256; ++first) {
    DatagramKind expected = DatagramKind::kUnknown;
    if (first <= 3) expected = DatagramKind::kStun;
    if (first >= 20 && first <= 63) expected = DatagramKind::kDtls;
    if (first >= 128 && first <= 191) expected = DatagramKind::kRtp;
    INFO("first byte " << first);
    CHECK(Classify(first, 96) == expected);
  }
}

TEST_CASE("demux: packet types 192 to 223 are RTCP, the rest is RTP") {
  for (unsigned second = 0; second < 256; ++second) {
    INFO("second byte " << second);
    CHECK(Classify(0x80, second) ==
          (second >= 192 && second <= 223 ? DatagramKind::kRtcp : DatagramKind::kRtp));
  }
}

TEST_CASE("demux: nothing and half a header are unknown") {
  CHECK(ClassifyDatagram({}) == DatagramKind::kUnknown);
  const std::array<std::uint8_t, 1> one{0x80};
  CHECK(ClassifyDatagram(one) == DatagramKind::kUnknown);
}

TEST_CASE("codec: names are found in any case and never by a part") {
  CHECK(CodecFromName("h264") == Codec::kH264);
  CHECK(CodecFromName("VP8") == Codec::kVp8);
  CHECK(CodecFromName("OPUS") == Codec::kOpus);
  CHECK(CodecFromName("pcma") == Codec::kPcma);
  CHECK_FALSE(CodecFromName("VP80"));
  CHECK_FALSE(CodecFromName("VP"));
  CHECK_FALSE(CodecFromName(""));
  CHECK_FALSE(CodecFromName("H265"));
}

TEST_CASE("codec: each has its kind and clock") {
  CHECK(StreamKindOf(Codec::kH264) == StreamKind::kVideo);
  CHECK(StreamKindOf(Codec::kPcmu) == StreamKind::kAudio);
  CHECK(ClockRate(Codec::kVp8) == 90000);
  CHECK(ClockRate(Codec::kOpus) == 48000);
  CHECK(ClockRate(Codec::kPcma) == 8000);
  CHECK(CodecName(Codec::kOpus) == "opus");
}

}  // namespace
}  // namespace latchkey::wire
