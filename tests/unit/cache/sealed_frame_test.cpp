#include "daemon/cache/sealed_frame.h"

#include <type_traits>

#include "tests/unit/cache/support.h"

namespace latchkey::cache {

// Damages frames as no code of the daemon can.
struct SealedFrameTestAccess {
  static frames::FrameHeader& Header(SealedFrame& frame) { return frame.header_; }
  static ByteVector& Bytes(SealedFrame& frame) { return frame.bytes_; }
};

namespace {

// A key that opens comes from a grant and from nothing else (invariant 1); a grant from an unwrap.
static_assert(!std::is_constructible_v<OpenKey, ports::Crypto&, Secret32>);
static_assert(!std::is_constructible_v<OpenKey, ports::Crypto&, const Secret32&>);
static_assert(!std::is_constructible_v<OpenKey, ports::Crypto&, access::Grant&>);
static_assert(!std::is_constructible_v<OpenKey, ports::Crypto&, const access::Grant&>);
static_assert(!std::is_constructible_v<OpenKey, SealKey>);
static_assert(!std::is_default_constructible_v<OpenKey> && !std::is_copy_constructible_v<OpenKey>);
static_assert(!std::is_default_constructible_v<access::Grant> &&
              !std::is_copy_constructible_v<access::Grant>);
static_assert(!std::is_constructible_v<access::Grant, access::WrapContext, Secret32>);
static_assert(!std::is_default_constructible_v<SealedFrame> && !std::is_copy_constructible_v<SealedFrame>);
static_assert(!std::is_constructible_v<SealedFrame, frames::FrameHeader, ByteVector>);
static_assert(!std::is_copy_constructible_v<SealKey>);

constexpr Epoch kEpoch{3};

class Bench {
 public:
  SealedFrame Seal(const Shape& shape = {}, std::uint64_t number = 1) {
    auto frame = MakeFrame(kCamera, kEpoch, shape);
    frame.header.number = FrameNumber{number};
    return seal_.Seal(std::move(frame));
  }
  OpenKey Key(CameraId camera = kCamera, Epoch epoch = kEpoch, std::uint8_t content_key = 1) {
    return OpenKey(crypto_, GrantFor(crypto_, camera, epoch, ContentKey(content_key)));
  }
  OpenOutcome Open(const SealedFrame& frame) { return Key().Open(frame, buffer).outcome; }
  platform::OpenSslCrypto& crypto() { return crypto_; }

  OpenBuffer buffer;

 private:
  platform::OpenSslCrypto crypto_;
  SealKey seal_{crypto_, ContentKey(1)};
};

TEST_CASE("sealed frame: the grant's key opens it, to the same payloads") {
  Bench bench;
  const SealedFrame frame = bench.Seal({true, 3000});
  OpenKey key = bench.Key();
  const auto opened = key.Open(frame, bench.buffer);
  REQUIRE(opened.outcome == OpenOutcome::kOpened);
  std::vector<ByteVector> payloads;
  for (const ByteView p : opened.payloads) payloads.push_back(test::Copy(p));
  CHECK(payloads == std::vector<ByteVector>{ByteVector(1200, 7), ByteVector(1200, 7), ByteVector(600, 7)});
  CHECK(key.camera() == kCamera);
  CHECK(key.epoch() == kEpoch);
  CHECK(key.Allows(wire::Rights::kLive));
  CHECK_FALSE(key.Allows(wire::Rights::kStill));
  CHECK(key.not_after() == kWall + std::chrono::minutes(10));
}

TEST_CASE("sealed frame: at rest no payload is in the clear") {
  Bench bench;
  const SealedFrame frame = bench.Seal({true, 3000});
  const ByteVector plain(16, 7);
  CHECK(std::ranges::search(frame.bytes(), plain).empty());
}

TEST_CASE("sealed frame: a change of any field of its header makes it fail to open") {
  using Change = void (*)(frames::FrameHeader&);
  const std::vector<std::pair<const char*, Change>> changes{
      {"number", [](frames::FrameHeader& h) { h.number = h.number.Next(); }},
      {"stream", [](frames::FrameHeader& h) { h.stream = wire::StreamKind::kAudio; }},
      {"codec", [](frames::FrameHeader& h) { h.codec = wire::Codec::kVp8; }},
      {"keyframe", [](frames::FrameHeader& h) { h.keyframe = !h.keyframe; }},
      {"timestamp", [](frames::FrameHeader& h) { ++h.timestamp.value; }},
      {"captured", [](frames::FrameHeader& h) { h.captured += Duration{1}; }},
      {"arrived first", [](frames::FrameHeader& h) { h.arrived_first += Duration{1}; }},
      {"whole", [](frames::FrameHeader& h) { h.whole += Duration{1}; }}};
  for (const auto& [name, change] : changes) {
    INFO(name);
    Bench bench;
    SealedFrame frame = bench.Seal();
    change(SealedFrameTestAccess::Header(frame));
    CHECK(bench.Open(frame) == OpenOutcome::kFailed);
  }
}

TEST_CASE("sealed frame: camera and epoch in the header are held by the tag, not only compared") {
  // A frame relabelled as ours, with the very key it was sealed with.
  for (const bool camera : {true, false}) {
    Bench bench;
    SealedFrame frame = bench.Seal();
    auto& header = SealedFrameTestAccess::Header(frame);
    if (camera) header.camera = kOther;
    if (!camera) header.epoch = header.epoch.Next();
    OpenKey key = bench.Key(header.camera, header.epoch);
    CHECK(key.Open(frame, bench.buffer).outcome == OpenOutcome::kFailed);
  }
}

TEST_CASE("sealed frame: a change of any byte makes it fail to open, and gives nothing out") {
  Bench bench;
  for (std::size_t i = 0; i < 116; ++i) {
    SealedFrame frame = bench.Seal({false, 98}, i + 1);
    REQUIRE(frame.bytes().size() == 116);
    SealedFrameTestAccess::Bytes(frame)[i] ^= 0x10;
    OpenKey key = bench.Key();
    const auto opened = key.Open(frame, bench.buffer);
    CHECK(opened.outcome == OpenOutcome::kFailed);
    CHECK(opened.payloads.empty());
  }
}

TEST_CASE("sealed frame: the grant for another camera opens nothing, even with the same content key") {
  Bench bench;
  const SealedFrame frame = bench.Seal();
  OpenKey other = bench.Key(kOther);
  CHECK(other.Open(frame, bench.buffer).outcome == OpenOutcome::kStale);
}

TEST_CASE("sealed frame: a frame of another epoch is refused as stale, not tried") {
  Bench bench;
  const SealedFrame frame = bench.Seal();
  OpenKey before = bench.Key(kCamera, Epoch{2});
  OpenKey after = bench.Key(kCamera, Epoch{4});
  CHECK(before.Open(frame, bench.buffer).outcome == OpenOutcome::kStale);
  CHECK(after.Open(frame, bench.buffer).outcome == OpenOutcome::kStale);
}

TEST_CASE("sealed frame: another content key under the right labels is our own fault, and shows") {
  Bench bench;
  const SealedFrame frame = bench.Seal();
  OpenKey wrong = bench.Key(kCamera, kEpoch, 2);
  CHECK(wrong.Open(frame, bench.buffer).outcome == OpenOutcome::kFailed);
}

TEST_CASE("sealed frame: a frame that was built in the right size is sealed in place") {
  Bench bench;
  const SealedFrame frame = bench.Seal({true, 1200});
  CHECK(frame.bytes().size() == 1200 + 2 + 16);
  CHECK(frame.footprint() == sizeof(SealedFrame) + 1218);
}

TEST_CASE("sealed frame: one buffer serves frames of all sizes, the larger leaving nothing in the smaller") {
  Bench bench;
  const SealedFrame large = bench.Seal({true, 5000, wire::StreamKind::kVideo, 0x11}, 1);
  const SealedFrame small = bench.Seal({false, 10, wire::StreamKind::kVideo, 0x22}, 2);
  OpenKey key = bench.Key();
  CHECK(key.Open(large, bench.buffer).outcome == OpenOutcome::kOpened);
  const auto opened = key.Open(small, bench.buffer);
  REQUIRE(opened.outcome == OpenOutcome::kOpened);
  CHECK(opened.payloads.bytes() == 12);
  const ByteView view = *opened.payloads.begin();
  bench.buffer.Wipe();
  CHECK(std::ranges::all_of(view, [](auto b) { return b == 0; }));
}

}  // namespace
}  // namespace latchkey::cache
