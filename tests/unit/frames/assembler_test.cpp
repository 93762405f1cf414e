#include "daemon/frames/assembler.h"

#include "tests/unit/frames/support.h"

namespace latchkey::frames {
namespace {

TEST_CASE("assembler: a keyframe leaves with its last packet, payloads and times as they came") {
  Bench bench;
  Camera camera;
  const auto key = camera.Key();
  bench.Push(key[0]);
  bench.now += milliseconds(1);
  bench.Push(key[1]);
  CHECK(bench.Count() == 0);
  bench.now += milliseconds(1);
  bench.Push(key[2]);
  const auto got = bench.Take();
  REQUIRE(got.size() == 1);
  CHECK(got[0].payloads == std::vector<ByteVector>{kSps, kPps, Idr()});
  const FrameHeader& header = got[0].header;
  CHECK(header.keyframe);
  CHECK(header.camera == kCamera);
  CHECK(header.epoch == kEpoch);
  CHECK(header.rtp_timestamp() == 9000);
  CHECK(header.stream == wire::StreamKind::kVideo);
  CHECK(header.arrived_first == kStart);
  CHECK(header.whole == kStart + milliseconds(2));
}

TEST_CASE("assembler: a frame that is not whole is not given out, however many packets follow") {
  Bench bench;
  Camera camera;
  bench.Push(camera.Key());
  auto broken = camera.Frame({P(), PSecond()});
  bench.Push(broken[1]);
  for (int i = 0; i < 50; ++i) bench.Push(camera.Delta());
  CHECK(bench.Count() == 1);
}

TEST_CASE("assembler: reordered packets come out in order and at once when the hole is filled") {
  Bench bench;
  Camera camera;
  bench.Push(camera.Key());
  const auto a = camera.Delta();
  const auto b = camera.Delta();
  bench.Push(b);
  CHECK(bench.Count() == 1);
  bench.Push(a);
  const auto got = bench.Take();
  REQUIRE(got.size() == 2);
  CHECK(got[0].header.timestamp < got[1].header.timestamp);
}

TEST_CASE("assembler: a hole holds the line for the hold, not longer, and then until the next keyframe") {
  Bench bench;
  Camera camera;
  bench.Push(camera.Key());
  camera.Skip(1);
  bench.Push(camera.Delta());
  CHECK(bench.assembler().NextDeadline() == kStart + milliseconds(100));
  CHECK_FALSE(bench.assembler().KeyframeWanted());
  bench.Wait(milliseconds(99));
  bench.Push(camera.Delta());
  CHECK_FALSE(bench.assembler().KeyframeWanted());
  bench.Wait(milliseconds(1));
  CHECK(bench.assembler().KeyframeWanted());
  CHECK_FALSE(bench.assembler().NextDeadline());
  CHECK(bench.Count() == 1);
  bench.Push(camera.Delta());
  CHECK(bench.Count() == 0);
  bench.Push(camera.Key());
  bench.Push(camera.Delta());
  CHECK(bench.Count() == 2);
  CHECK_FALSE(bench.assembler().KeyframeWanted());
  CHECK(bench.assembler().counters().given_up == 1);
  CHECK(bench.assembler().counters().packets_lost == 1);
  CHECK(bench.assembler().counters().undecodable == 3);
}

TEST_CASE("assembler: a packet within the hold repairs the line without loss") {
  Bench bench;
  Camera camera;
  bench.Push(camera.Key());
  const auto lost = camera.Delta();
  bench.Push(camera.Delta());
  bench.Wait(milliseconds(99));
  bench.Push(lost);
  CHECK(bench.Count() == 3);
  CHECK(bench.assembler().counters().packets_lost == 0);
}

TEST_CASE("assembler: after a loss a whole keyframe further on does not wait for what is missing before it") {
  Bench bench;
  Camera camera;
  bench.Push(camera.Key());
  camera.Skip(1);
  bench.Push(camera.Delta());
  bench.Wait(milliseconds(100));
  camera.Skip(3);
  bench.Push(camera.Delta());
  camera.Skip(2);
  bench.Take();
  bench.Push(camera.Key());
  CHECK(bench.Count() == 1);
}

TEST_CASE("assembler: a keyframe on its way is not asked for") {
  Bench bench;
  Camera camera;
  CHECK(bench.assembler().KeyframeWanted());
  const auto key = camera.Frame({kSps, kPps, Idr(), IdrSecond()});
  bench.Push({key.begin(), key.begin() + 3});
  CHECK_FALSE(bench.assembler().KeyframeWanted());
  bench.Push(key[3]);
  CHECK(bench.Count() == 1);
}

TEST_CASE("assembler: a keyframe that lost a slice never leaves") {
  for (std::size_t lost = 2; lost < 5; ++lost) {
    Bench bench;
    Camera camera;
    auto key = camera.Frame({kSps, kPps, Idr(), IdrSecond(), IdrSecond(30)});
    key.erase(key.begin() + static_cast<std::ptrdiff_t>(lost));
    bench.Push(key);
    bench.Push(camera.Delta());
    bench.Wait(milliseconds(200));
    bench.Push(camera.Delta());
    bench.Wait(milliseconds(200));
    INFO("lost packet " << lost);
    CHECK(bench.Count() == 0);
    CHECK(bench.assembler().KeyframeWanted());
  }
}

TEST_CASE("assembler: duplicates and stragglers are counted, and change nothing") {
  Bench bench;
  Camera camera;
  const auto key = camera.Key();
  bench.Push(key);
  CHECK(bench.Push(key[1]) == DropReason::kTooOld);
  const auto frame = camera.Frame({P(), PSecond()});
  bench.Push(frame[0]);
  CHECK(bench.Push(frame[0]) == DropReason::kDuplicate);
  bench.Push(frame[1]);
  CHECK(bench.Count() == 2);
  CHECK(bench.assembler().counters().drops.of(DropReason::kDuplicate) == 1);
  CHECK(bench.assembler().counters().drops.of(DropReason::kTooOld) == 1);
}

TEST_CASE("assembler: the numbers before the first packet seen may still come") {
  Bench bench;
  Camera camera(0);
  const auto key = camera.Key();
  bench.Push(key[2]);
  bench.Push(key[0]);
  bench.Push(key[1]);
  CHECK(bench.Take().at(0).payloads.size() == 3);
}

TEST_CASE(
    "assembler: a stream joined in the middle waits the hold for overtaken packets, then asks for a "
    "keyframe") {
  Bench bench;
  Camera camera;
  bench.Push(camera.Delta());
  CHECK(bench.assembler().NextDeadline() == kStart + milliseconds(100));
  bench.Wait(milliseconds(100));
  CHECK_FALSE(bench.assembler().NextDeadline());
  CHECK(bench.assembler().counters().undecodable == 1);
  CHECK(bench.assembler().KeyframeWanted());
}

TEST_CASE("assembler: padding fills its number and is not part of a frame") {
  Bench bench;
  Camera camera;
  bench.Push(camera.Key());
  bench.Push(camera.Frame({ByteVector{}}));
  bench.Push(camera.Delta());
  const auto got = bench.Take();
  REQUIRE(got.size() == 2);
  CHECK(got[1].payloads == std::vector<ByteVector>{P()});
}

TEST_CASE("assembler: a jump beyond the window begins afresh, in both directions") {
  Bench bench;
  Camera camera(100);
  bench.Push(camera.Key());
  bench.Push(camera.Delta());
  camera.Skip(5000);
  bench.Push(camera.Key());
  bench.Push(camera.Delta());
  CHECK(bench.Count() == 4);
  CHECK(bench.assembler().counters().resyncs == 1);
  Camera rebooted(60000, 77);
  const auto key = rebooted.Key();
  CHECK(bench.Push(key[0]) == DropReason::kTooOld);  // alone it could be a straggler
  bench.Push({key.begin() + 1, key.end()});
  bench.Push(rebooted.Delta());
  bench.Push(rebooted.Key());
  CHECK(bench.assembler().counters().resyncs == 2);
  CHECK(bench.Count() >= 1);
}

TEST_CASE("assembler: sequence and timestamp wrap within frames and between them") {
  Bench bench;
  Camera camera(65534, 0xffffffffU - 3600);
  bench.Push(camera.Key());
  bench.Push(camera.Delta());
  bench.Push(camera.Frame({P(), PSecond()}));
  const auto got = bench.Take();
  REQUIRE(got.size() == 3);
  CHECK(got[1].header.timestamp.value - got[0].header.timestamp.value == 3600);
  CHECK(got[2].header.timestamp.value - got[1].header.timestamp.value == 3600);
  CHECK(got[2].header.rtp_timestamp() == 3599);
}

TEST_CASE("assembler: a frame without an end can't fill memory") {
  Bench bench;
  Camera camera;
  bench.Push(camera.Key());
  std::vector<ByteVector> endless(3000, PSecond(1100));
  endless[0] = P(1100);
  bench.Push(camera.Frame(endless, false));
  CHECK(bench.assembler().bytes() <= kVideoWindowBytes);
  CHECK(bench.assembler().counters().too_large >= 1);
  bench.Push(camera.Key());
  CHECK(bench.Count() == 2);
}

TEST_CASE("assembler: a full window gives up the hole at its head") {
  Bench bench;
  Camera camera;
  bench.Push(camera.Key());
  camera.Skip(1);
  for (int i = 0; i < 2100; ++i) bench.Push(camera.Delta());
  CHECK(bench.assembler().counters().given_up == 1);
  bench.Push(camera.Key());
  CHECK(bench.Count() == 2);
}

TEST_CASE("assembler: a new epoch forgets packets and waits for a keyframe, but knows the parameter sets") {
  Bench bench;
  Camera camera;
  bench.Push(camera.Key());
  bench.Push(camera.Frame({P()}, false));
  bench.Take();
  bench.assembler().BeginEpoch(Epoch{6}, true);
  CHECK(bench.assembler().bytes() == 0);
  CHECK(bench.assembler().KeyframeWanted());
  bench.Push(camera.Delta());
  bench.Push(camera.Frame({Idr()}));
  const auto got = bench.Take();
  REQUIRE(got.size() == 1);
  CHECK(got[0].header.epoch == Epoch{6});
  CHECK(got[0].payloads.size() == 3);
}

TEST_CASE("assembler: missing numbers are listed with the moment they showed") {
  Bench bench;
  Camera camera(10);
  bench.Push(camera.Key());
  camera.Skip(2);
  bench.now += milliseconds(7);
  bench.Push(camera.Delta());
  std::vector<MissingPacket> missing;
  bench.assembler().ListMissing(missing);
  REQUIRE(missing.size() == 2);
  CHECK(missing[0].sequence.Wire() == 13);
  CHECK(missing[1].sequence.Wire() == 14);
  CHECK(missing[0].noticed == kStart + milliseconds(7));
}

TEST_CASE(
    "assembler: what left in the epoch before does not leave again in the next, unless the numbers are new") {
  const bool renumbered = GENERATE(false, true);
  Bench bench;
  Camera camera;
  const auto key = camera.Key();
  bench.Push(key);
  bench.Push(camera.Delta());
  CHECK(bench.Count() == 2);
  bench.assembler().BeginEpoch(Epoch{6}, renumbered);
  // Repeated by the camera, or late.
  for (const auto& packet : key) CHECK((bench.Push(packet) == DropReason::kTooOld) != renumbered);
  CHECK(bench.Count() == (renumbered ? 1 : 0));
  bench.Push(camera.Key());
  bench.Wait(milliseconds(200));
  CHECK(bench.Count() == 1);
}

}  // namespace
}  // namespace latchkey::frames
