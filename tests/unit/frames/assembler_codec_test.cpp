// What cameras do with markers, parameter sets and payload formats.
#include "daemon/frames/assembler.h"
#include "tests/unit/frames/support.h"

namespace latchkey::frames {
namespace {

TEST_CASE("assembler: a camera that never sets the marker ends its frames by the next timestamp") {
  Bench bench;
  Camera camera;
  bench.Push(camera.Frame({kSps, kPps, Idr()}, false));
  CHECK(bench.Count() == 0);
  bench.Push(camera.Frame({P(), PSecond()}, false));
  const auto got = bench.Take();
  REQUIRE(got.size() == 1);
  CHECK(got[0].payloads.size() == 3);
  bench.Push(camera.Frame({P()}, false));
  CHECK(bench.Take()[0].payloads.size() == 2);
}

TEST_CASE("assembler: a marker on parameter sets ends no frame") {
  Bench bench;
  Camera camera;
  auto key = camera.Key();
  key[0].marker = true;
  key[1].marker = true;
  bench.Push(key);
  const auto got = bench.Take();
  REQUIRE(got.size() == 1);
  CHECK(got[0].payloads.size() == 3);
}

TEST_CASE("assembler: a camera with a marker on each slice is understood from its second slice on") {
  Bench bench;
  Camera camera;
  const auto all_marked = [&camera](std::vector<ByteVector> payloads) {
    auto packets = camera.Frame(std::move(payloads));
    for (auto& p : packets) p.marker = true;
    return packets;
  };
  bench.Push(all_marked({kSps, kPps, Idr(), IdrSecond()}));
  bench.Push(all_marked({P(), PSecond()}));
  bench.Take();
  CHECK(bench.assembler().KeyframeWanted());
  bench.Push(all_marked({kSps, kPps, Idr(), IdrSecond()}));
  bench.Push(all_marked({P(), PSecond()}));
  bench.Push(all_marked({P(), PSecond()}));
  const auto got = bench.Take();
  REQUIRE(got.size() == 2);
  CHECK(got[0].payloads.size() == 4);
  CHECK(got[1].payloads.size() == 2);
}

TEST_CASE("assembler: parameter sets under a timestamp of their own serve the keyframe behind them") {
  Bench bench;
  Camera camera;
  bench.Push(camera.Frame({kSps, kPps}));
  bench.Push(camera.Frame({Idr()}));
  const auto got = bench.Take();
  REQUIRE(got.size() == 1);
  CHECK(got[0].payloads == std::vector<ByteVector>{kSps, kPps, Idr()});
}

TEST_CASE(
    "assembler: a keyframe without parameter sets gets those of SDP, newer ones of the stream instead") {
  Bench bench(wire::Codec::kH264, {kSps, kPps});
  Camera camera;
  bench.Push(camera.Frame({Idr()}));
  CHECK(bench.Take().at(0).payloads == std::vector<ByteVector>{kSps, kPps, Idr()});
  const ByteVector other = Hex("68 ce 3c 81");
  bench.Push(camera.Frame({other, P()}));
  bench.Push(camera.Frame({Idr()}));
  CHECK(bench.Take().at(1).payloads == std::vector<ByteVector>{kSps, other, Idr()});
}

TEST_CASE("assembler: a keyframe for which no parameter sets are known is nothing to begin with") {
  Bench bench;
  Camera camera;
  bench.Push(camera.Frame({Idr()}));
  bench.Push(camera.Delta());
  bench.Wait(milliseconds(100));
  CHECK(bench.Count() == 0);
  CHECK(bench.assembler().KeyframeWanted());
}

TEST_CASE("assembler: intra refresh and recovery points without IDR are no start") {
  Bench bench;
  Camera camera;
  const ByteVector recovery_point = Hex("06 06 01 c4 80");
  const ByteVector intra_slice = Nal("41 88");  // I slice that is no IDR
  bench.Push(camera.Frame({kSps, kPps, recovery_point, intra_slice}));
  CHECK(bench.Count() == 0);
  CHECK(bench.assembler().KeyframeWanted());
}

TEST_CASE("assembler: B slices are unsupported until a group of pictures came without them") {
  Bench bench;
  Camera camera;
  bench.Push(camera.Key());
  bench.Push(camera.Frame({B()}));
  CHECK(bench.assembler().unsupported() == Unsupported::kReordering);
  CHECK_FALSE(bench.assembler().KeyframeWanted());
  bench.Push(camera.Delta());
  bench.Push(camera.Key());
  bench.Push(camera.Delta());
  CHECK(bench.Count() == 1);
  CHECK(bench.assembler().unsupported() == Unsupported::kReordering);
  bench.Push(camera.Key());
  bench.Push(camera.Delta());
  CHECK(bench.assembler().unsupported() == Unsupported::kNone);
  CHECK(bench.Count() == 2);
}

TEST_CASE("assembler: a malformed payload breaks its frame and is not missed") {
  Bench bench;
  Camera camera;
  bench.Push(camera.Key());
  auto frame = camera.Frame({P(), Hex("80 00"), PSecond()});
  bench.Push(frame[0]);
  CHECK(bench.Push(frame[1]) == DropReason::kPayloadMalformed);
  bench.Push(frame[2]);
  std::vector<MissingPacket> missing;
  bench.assembler().ListMissing(missing);
  CHECK(missing.empty());
  CHECK(bench.Count() == 1);
  CHECK(bench.assembler().counters().broken == 1);
  CHECK(bench.assembler().KeyframeWanted());
}

TEST_CASE("assembler: fragments that don't fit together make no frame") {
  const ByteVector start = Hex("7c 85 88 80 01");
  const ByteVector middle = Hex("7c 05 01 02");
  const ByteVector end = Hex("7c 45 03 04");
  Bench bench(wire::Codec::kH264, {kSps, kPps});
  Camera camera;
  bench.Push(camera.Frame({start, start, end}));  // begins twice
  bench.Push(camera.Frame({start, middle}));      // no end: the next timestamp cuts it
  bench.Push(camera.Frame({middle, end}));        // no start
  bench.Push(camera.Delta());
  CHECK(bench.Count() == 0);
  bench.Push(camera.Frame({start, middle, end}));
  CHECK(bench.Count() == 1);
}

TEST_CASE("assembler: every sound packet is a frame, and a lost one is skipped after the hold") {
  Bench bench(wire::Codec::kOpus);
  Camera camera;
  const auto packet = [&camera] { return camera.Frame({Hex("78 01 02")}, false); };
  bench.Push(packet());
  bench.Push(packet());
  const auto got = bench.Take();
  REQUIRE(got.size() == 2);
  CHECK(got[0].header.stream == wire::StreamKind::kAudio);
  CHECK_FALSE(got[0].header.keyframe);
  camera.Skip(1);
  bench.Push(packet());
  CHECK(bench.Count() == 0);
  bench.Wait(milliseconds(100));
  CHECK(bench.Count() == 1);
  bench.Push(packet());
  CHECK(bench.Count() == 1);
  CHECK_FALSE(bench.assembler().KeyframeWanted());
}

TEST_CASE("assembler: VP8 frames begin with partition 0 and end with the marker or the next frame") {
  Bench bench(wire::Codec::kVp8);
  Camera camera;
  const ByteVector key = Hex("10 00 9d 01 2a 10 00 10 00");
  const ByteVector more = Hex("00 01 02 03");
  const ByteVector delta = Hex("10 01 02 03");
  bench.Push(camera.Frame({delta}));
  CHECK(bench.Count() == 0);
  bench.Push(camera.Frame({key, more}));
  bench.Push(camera.Frame({delta, more}, false));
  bench.Push(camera.Frame({delta}));
  const auto got = bench.Take();
  REQUIRE(got.size() == 3);
  CHECK(got[0].header.keyframe);
  CHECK_FALSE(got[1].header.keyframe);
  CHECK(got[1].payloads.size() == 2);
}

TEST_CASE("assembler: a VP8 frame whose first packet is gone is dropped with what depends on it") {
  Bench bench(wire::Codec::kVp8);
  Camera camera;
  const ByteVector key = Hex("10 00 9d 01 2a 10 00 10 00");
  const ByteVector more = Hex("00 01 02 03");
  const ByteVector delta = Hex("10 01 02 03");
  bench.Push(camera.Frame({key}));
  auto lost = camera.Frame({delta, more, more});
  bench.Push({lost.begin() + 1, lost.end()});
  bench.Push(camera.Frame({delta}));
  bench.Wait(milliseconds(100));
  CHECK(bench.Count() == 1);
  bench.Push(camera.Frame({key}));
  CHECK(bench.Count() == 1);
}

}  // namespace
}  // namespace latchkey::frames
