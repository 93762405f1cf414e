// Each bound on what one stream may keep, reached.
#include <algorithm>

#include "daemon/frames/nack.h"
#include "daemon/frames/parameter_sets.h"
#include "tests/unit/frames/support.h"

namespace latchkey::frames {
namespace {

// A keyframe whose slices, beside the first, are `slices` packets of these bytes.
std::vector<SentPacket> KeyOf(Camera& camera, std::size_t slices, const ByteVector& payload) {
  std::vector<ByteVector> payloads{kSps, kPps, Idr()};
  payloads.insert(payloads.end(), slices, payload);
  return camera.Frame(std::move(payloads));
}

// An aggregate (RFC 6184 5.7.1) that is too long to pass on as it is, of NALs of three bytes.
ByteVector TinyNals(std::size_t count) {
  ByteVector payload{0x78};
  for (std::size_t i = 0; i < count; ++i) {
    for (const int byte : {0x00, 0x03, 0x65, 0x42, 0x20}) payload.push_back(static_cast<std::uint8_t>(byte));
  }
  return payload;
}

TEST_CASE("limits: a frame over kMaxFrame goes with what depends on it, and the next keyframe is shown") {
  Camera camera;
  Bench bench;
  constexpr std::size_t kSlice = 1150;
  bench.Push(KeyOf(camera, kMaxFrame / kSlice + 1, IdrSecond(kSlice)));
  bench.Push(camera.Delta());
  CHECK(bench.Count() == 0);
  CHECK(bench.assembler().counters().too_large == 1);
  CHECK(bench.assembler().KeyframeWanted());
  // 64 kB below there is room for all that a frame gains in the cache.
  bench.Push(KeyOf(camera, (kMaxFrame - 70'000) / kSlice, IdrSecond(kSlice)));
  CHECK(bench.Count() == 1);
}

TEST_CASE("limits: aggregates that come apart into more than kMaxRecords are no frame") {
  constexpr std::size_t kNals = 285;
  const ByteVector aggregate = TinyNals(kNals);
  REQUIRE(aggregate.size() > kMaxPayload);
  Camera camera;
  Bench bench;
  bench.Push(KeyOf(camera, kMaxRecords / kNals + 1, aggregate));
  CHECK(bench.Count() == 0);
  CHECK(bench.assembler().counters().too_large == 1);
  bench.Push(KeyOf(camera, kMaxRecords / kNals - 1, aggregate));
  const auto got = bench.Take();
  REQUIRE(got.size() == 1);
  CHECK(got.front().payloads.size() == 3 + (kMaxRecords / kNals - 1) * kNals);
}

TEST_CASE("limits: of each kind kMaxSets parameter sets are known, and none over kMaxSize") {
  ParameterSets sets;
  // pic_parameter_set_id ue(v) of 0, 1, 2 ...: 1, 010, 011, 00100 ...
  const auto pps = [](std::uint8_t id, std::size_t filling) {
    const auto code = static_cast<std::uint8_t>(id + 1);
    std::uint8_t bits = 0;
    while ((code >> bits) > 1) ++bits;
    ByteVector nal{0x68, static_cast<std::uint8_t>(code << (7 - 2 * bits)), 0x80};
    nal.insert(nal.end(), filling, 0x55);
    return nal;
  };
  for (std::uint8_t id = 0; id < ParameterSets::kMaxSets + 2; ++id) sets.Learn(pps(id, 3));
  REQUIRE(sets.pps().size() == ParameterSets::kMaxSets);
  CHECK(sets.pps().front() == pps(2, 3));
  CHECK(sets.pps().back() == pps(ParameterSets::kMaxSets + 1, 3));
  sets.Learn(pps(0, ParameterSets::kMaxSize));
  CHECK(sets.pps().front() == pps(2, 3));
}

TEST_CASE("limits: of more than kMaxEntries missing packets the newest are asked for") {
  NackScheduler scheduler(true);
  std::vector<MissingPacket> missing;
  constexpr auto kMany = static_cast<std::int64_t>(NackScheduler::kMaxEntries) + 500;
  for (std::int64_t i = 0; i < kMany; ++i) missing.push_back({{i}, kStart});
  scheduler.OnGap(kStart);
  // Credit for all of them.
  std::vector<std::uint16_t> asked;
  std::vector<std::uint16_t> all;
  for (std::int64_t i = 0; i < kMany; ++i) {
    scheduler.OnPacket({kMany + i}, std::nullopt, false, kStart);
    if (i % 100 != 0) continue;
    asked.clear();
    scheduler.Poll(missing, {seconds(1), Duration::zero(), 0, false}, kStart + microseconds(3000 + i), asked);
    REQUIRE(scheduler.IsConsistent());
    all.insert(all.end(), asked.begin(), asked.end());
  }
  REQUIRE(!all.empty());
  CHECK(*std::min_element(all.begin(), all.end()) == kMany - NackScheduler::kMaxEntries);
}

}  // namespace
}  // namespace latchkey::frames
