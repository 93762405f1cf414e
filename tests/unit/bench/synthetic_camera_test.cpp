#include "tests/bench/synthetic_camera.h"

#include "tests/support/catch.h"

namespace latchkey::bench {
namespace {

const Instant kNow{seconds{1000}};

TEST_CASE("synthetic camera: groups of 50 frames, a keyframe of 120 packets, 2.5 Mbit/s") {
  SyntheticCamera camera(StreamShape{});
  std::size_t bytes = 0;
  for (int n = 0; n < 100; ++n) {
    const auto frame = camera.Next(kNow, false);
    CHECK(frame.keyframe == (n % 50 == 0));
    CHECK(FrameNumberOf(frame.bytes) == static_cast<std::uint32_t>(n));
    if (frame.keyframe) CHECK(frame.bytes.size() / 1140 == 120);
    bytes += frame.bytes.size();
  }
  CHECK(static_cast<double>(bytes) * 8 / 4 == Approx(2'500'000).epsilon(0.01));
}

TEST_CASE("synthetic camera: a keyframe asked for begins a new group") {
  SyntheticCamera camera(StreamShape{});
  for (int n = 0; n < 30; ++n) (void)camera.Next(kNow, false);
  CHECK(camera.Next(kNow, true).keyframe);
  for (int n = 0; n < 49; ++n) CHECK_FALSE(camera.Next(kNow, false).keyframe);
  CHECK(camera.Next(kNow, false).keyframe);
}

TEST_CASE("fingerprint: it ignores what stands before the picture, and notices any change in it") {
  SyntheticCamera camera(StreamShape{});
  const auto key = camera.Next(kNow, false).bytes;
  const auto print = PictureFingerprint(key);
  ByteVector delimited{0, 0, 0, 1, 9, 0xf0};
  delimited.insert(delimited.end(), key.begin(), key.end());
  CHECK(PictureFingerprint(delimited) == print);
  CHECK(FrameNumberOf(delimited) == 0U);

  SECTION("a part is missing") {
    ByteVector torn = key;
    torn.erase(torn.begin() + 5000, torn.begin() + 6140);
    CHECK(PictureFingerprint(torn) != print);
  }
  SECTION("two parts have changed places") {
    ByteVector torn = key;
    std::swap_ranges(torn.begin() + 5000, torn.begin() + 6000, torn.begin() + 9001);
    CHECK(PictureFingerprint(torn) != print);
  }
  SECTION("it is another frame") {
    CHECK(PictureFingerprint(camera.Next(kNow, false).bytes) != print);
  }
  SECTION("there is no picture at all") {
    CHECK(PictureFingerprint(ByteVector{0, 0, 0, 1, 9, 0xf0}) == 0);
    CHECK_FALSE(FrameNumberOf(ByteVector{0, 0, 0, 1, 9, 0xf0}).has_value());
  }
}

}  // namespace
}  // namespace latchkey::bench
