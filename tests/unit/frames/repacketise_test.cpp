#include "daemon/frames/repacketise.h"

#include "daemon/wire/h264_pack.h"
#include "daemon/wire/vp8.h"
#include "tests/unit/frames/support.h"

namespace latchkey::frames {
namespace {

std::vector<ByteVector> Cut(wire::Codec codec, ByteView payload) {
  FrameBuilder builder(payload.size(), 1);
  if (!AddPayload(codec, payload, builder)) {
    CHECK(builder.bytes() == 0);
    return {};
  }
  const PlainFrame frame = std::move(builder).Build({});
  std::vector<ByteVector> out;
  for (const ByteView p : frame.payloads()) {
    CHECK(p.size() <= kMaxPayload);
    out.push_back(test::Copy(p));
  }
  return out;
}

ByteVector Unit(const std::vector<ByteVector>& payloads) {
  wire::H264Depacketiser whole;
  for (const auto& p : payloads) REQUIRE(whole.Push(p));
  REQUIRE(whole.Whole());
  return whole.unit();
}

TEST_CASE("repacketise: what fits is left as it is") {
  CHECK(Cut(wire::Codec::kH264, P(1100)).size() == 1);
  CHECK(Cut(wire::Codec::kOpus, ByteVector(1200, 1)).size() == 1);
}

TEST_CASE("repacketise: a NAL of mode 0 that is too long becomes FU-A and is the same NAL again") {
  for (const std::size_t filling : {1199U, 1200U, 1500U, 2000U}) {
    const ByteVector nal = Idr(filling);
    const auto cut = Cut(wire::Codec::kH264, nal);
    CHECK(cut.size() == 2);
    CHECK(Unit(cut) == Unit({nal}));
  }
}

TEST_CASE("repacketise: a FU-A fragment that is too long keeps its place in the NAL") {
  test::Dice dice(test::Seed());
  const ByteVector body = dice.Bytes(4000);
  const auto fragment = [&body](std::uint8_t head, std::size_t from, std::size_t to) {
    ByteVector f{0x7c, head};
    f.insert(f.end(), body.begin() + static_cast<std::ptrdiff_t>(from),
             body.begin() + static_cast<std::ptrdiff_t>(to));
    return f;
  };
  const std::vector<ByteVector> sent{fragment(0x85, 0, 1900), fragment(0x05, 1900, 3700),
                                     fragment(0x45, 3700, 4000)};
  std::vector<ByteVector> cut;
  for (const auto& f : sent) {
    for (auto& p : Cut(wire::Codec::kH264, f)) cut.push_back(std::move(p));
  }
  CHECK(cut.size() == 5);
  CHECK(Unit(cut) == Unit(sent));
}

TEST_CASE("repacketise: a STAP-A that is too long comes apart into its NALs") {
  ByteVector stap{0x78};
  std::vector<ByteVector> nals{kSps, kPps, Idr(1500)};
  for (const auto& nal : nals) {
    stap.push_back(static_cast<std::uint8_t>(nal.size() >> 8U));
    stap.push_back(static_cast<std::uint8_t>(nal.size() & 0xffU));
    stap.insert(stap.end(), nal.begin(), nal.end());
  }
  const auto cut = Cut(wire::Codec::kH264, stap);
  REQUIRE(cut.size() == 4);
  CHECK(cut[0] == kSps);
  CHECK(cut[1] == kPps);
  CHECK(Unit(cut) == Unit({stap}));
}

TEST_CASE("repacketise: VP8 goes on under a descriptor without the S bit") {
  test::Dice dice(test::Seed());
  ByteVector payload = Hex("90 80 81 23");  // X, S; I; 15-bit picture id
  const ByteVector data = dice.Bytes(1900);
  payload.insert(payload.end(), data.begin(), data.end());
  const auto cut = Cut(wire::Codec::kVp8, payload);
  REQUIRE(cut.size() == 2);
  wire::Vp8Depacketiser whole;
  for (const auto& p : cut) REQUIRE(whole.Push(p));
  CHECK(whole.frame() == data);
  const auto second = wire::ParseVp8Payload(cut[1]);
  REQUIRE(second);
  CHECK_FALSE(second->descriptor.partition_start);
  CHECK(second->descriptor.picture_id == std::optional<std::uint16_t>{0x123});
}

TEST_CASE("repacketise: sound that is too long, and nonsense, is refused whole") {
  CHECK(Cut(wire::Codec::kOpus, ByteVector(1201, 1)).empty());
  CHECK(Cut(wire::Codec::kH264, ByteVector(1500, 0xff)).empty());
  CHECK(Cut(wire::Codec::kH264, {}).empty());
}

TEST_CASE("repacketise: aggregates of tiny NALs don't make a frame of more records than a viewer is sent") {
  Bench bench;
  Camera camera;
  // 660 NALs of one byte in each packet: 100 packets would come apart into 66,000.
  ByteVector aggregate{24};
  for (int i = 0; i < 660; ++i) aggregate.insert(aggregate.end(), {0, 1, 12});
  std::vector<ByteVector> payloads{kSps, kPps, Idr()};
  payloads.insert(payloads.end(), 100, aggregate);
  bench.Push(camera.Frame(payloads));
  CHECK(bench.Count() == 0);
  CHECK(bench.assembler().counters().too_large == 1);
  CHECK(bench.assembler().KeyframeWanted());
  bench.Push(camera.Key());
  CHECK(bench.Count() == 1);
}

TEST_CASE("repacketise: a long payload leaves the assembler cut") {
  Bench bench;
  Camera camera;
  bench.Push(camera.Frame({kSps, kPps, Idr(1900)}));
  const auto got = bench.Take();
  REQUIRE(got.size() == 1);
  CHECK(got[0].payloads.size() == 4);
}

}  // namespace
}  // namespace latchkey::frames
