#include "daemon/wire/h264_sps.h"

#include "tests/unit/wire/support.h"

namespace latchkey::wire {
namespace {

using test::Dice;
using test::Hex;

// Made with x264, header byte left out.
const ByteVector kBaseline = Hex("42c01fd9005005bb011000000300100000030320f1832480");
const ByteVector kHigh = Hex("64001eacd940a02ff97011000003000100000300320f162d96");
const ByteVector kMainWithHrd = Hex("4d401ed900a02fea6c0440000003004000000c9808007a10001e84e4c30078b17240");
const ByteVector kInterlaced = Hex("4d4028eca03c0227ef011000000300100000030321f162d960");
const ByteVector kFullChroma = Hex("f4000a9196411ec044000003000400000300c83c489920");

TEST_CASE("sps: constrained baseline 720p, no reordering") {
  const auto sps = ParseH264Sps(kBaseline);
  REQUIRE(sps);
  CHECK(FormatProfileLevelId(sps->profile_level) == "42c01f");
  CHECK(sps->width == 1280);
  CHECK(sps->height == 720);
  CHECK(sps->frame_mbs_only);
  CHECK(sps->pic_order_cnt_type == 2);
  CHECK(sps->max_num_reorder_frames == 0);
  CHECK_FALSE(sps->MayReorder());
}

TEST_CASE("sps: high with B-frames says that it reorders") {
  const auto sps = ParseH264Sps(kHigh);
  REQUIRE(sps);
  CHECK(sps->width == 640);
  CHECK(sps->height == 360);
  CHECK(sps->max_num_reorder_frames == 2);
  CHECK(sps->MayReorder());
}

TEST_CASE("sps: main with HRD parameters and odd cropping") {
  const auto sps = ParseH264Sps(kMainWithHrd);
  REQUIRE(sps);
  CHECK(sps->width == 638);
  CHECK(sps->height == 358);
  CHECK(sps->max_num_reorder_frames == 0);
  CHECK_FALSE(sps->MayReorder());
}

TEST_CASE("sps: interlaced rows count double, full chroma crops by one") {
  const auto interlaced = ParseH264Sps(kInterlaced);
  REQUIRE(interlaced);
  CHECK_FALSE(interlaced->frame_mbs_only);
  CHECK(interlaced->width == 1920);
  CHECK(interlaced->height == 1080);
  const auto full = ParseH264Sps(kFullChroma);
  REQUIRE(full);
  CHECK(full->width == 64);
  CHECK(full->height == 48);
  CHECK(full->profile_level.profile_idc == 244);
}

TEST_CASE("sps: cut short before its size it is nothing, behind it the size stands") {
  for (std::size_t n = 0; n <= kBaseline.size(); ++n) {
    const ByteVector prefix = Exactly(ByteView(kBaseline).first(n));
    const auto sps = ParseH264Sps(prefix);
    INFO("prefix of " << n);
    CHECK(sps.has_value() == (n >= 8));
    if (sps) CHECK(sps->width == 1280);
  }
}

TEST_CASE("sps: any change of its bits is survived, and no size is beyond the bound") {
  const std::uint64_t seed = test::Seed();
  INFO("LATCHKEY_SEED=" << seed);
  Dice dice(seed);
  for (int round = 0; round < 20000; ++round) {
    ByteVector bytes = Exactly(dice.Coin() ? kHigh : kMainWithHrd);
    for (std::size_t flips = 1 + dice.Below(4); flips > 0; --flips) {
      bytes[dice.Below(bytes.size())] = dice.U8();
    }
    const auto sps = ParseH264Sps(bytes);
    if (!sps) continue;
    CHECK((sps->width > 0 && sps->width <= kH264MaxDimension));
    CHECK((sps->height > 0 && sps->height <= kH264MaxDimension));
  }
}

TEST_CASE("profile-level-id: six digits of either case, written in lower case") {
  const auto id = ParseProfileLevelId("42E01f");
  REQUIRE(id);
  CHECK(*id == kWebProfileLevel);
  CHECK(FormatProfileLevelId(*id) == "42e01f");
  for (const std::string_view bad : {"", "42e01", "42e01f0", "42e01g", " 42e01", "0x42e0"}) {
    INFO(bad);
    CHECK_FALSE(ParseProfileLevelId(bad));
  }
}

H264Profile Profile(std::string_view text) {
  return ProfileOf(*ParseProfileLevelId(text));
}

TEST_CASE("profile-level-id: sub-profiles are those of RFC 6184 table 5") {
  CHECK(Profile("42e01f") == H264Profile::kConstrainedBaseline);
  CHECK(Profile("42001f") == H264Profile::kBaseline);
  CHECK(Profile("4d801f") == H264Profile::kConstrainedBaseline);
  CHECK(Profile("4d001f") == H264Profile::kMain);
  CHECK(Profile("58c01f") == H264Profile::kConstrainedBaseline);
  CHECK(Profile("58601f") == H264Profile::kMain);
  CHECK(Profile("64001f") == H264Profile::kHigh);
  CHECK(Profile("640c1f") == H264Profile::kConstrainedHigh);
  CHECK(Profile("f4001f") == H264Profile::kOther);
}

TEST_CASE("profile-level-id: a stream goes only to who can decode its profile") {
  const auto accepts = [](std::string_view receiver, std::string_view stream) {
    return ProfileAccepts(*ParseProfileLevelId(receiver), *ParseProfileLevelId(stream));
  };
  CHECK(accepts("42e01f", "42e028"));
  CHECK(accepts("64001f", "42e01f"));
  CHECK(accepts("64001f", "4d001f"));
  CHECK(accepts("64001f", "640c1f"));
  CHECK_FALSE(accepts("42e01f", "64001f"));
  CHECK_FALSE(accepts("42e01f", "4d001f"));
  CHECK_FALSE(accepts("640c1f", "64001f"));
  CHECK_FALSE(accepts("42e01f", "42001f"));
  CHECK_FALSE(accepts("64001f", "f4001f"));
  CHECK(accepts("f4001f", "f4001f"));
}

}  // namespace
}  // namespace latchkey::wire
