// The sequence parameter set (H.264 7.3.2.1.1) as far as a hub must know it, and profile-level-id
// (RFC 6184 8.1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/base/bytes.h"

namespace latchkey::wire {

// profile_idc, the constraint flags' byte, level_idc: the six digits of profile-level-id.
struct H264ProfileLevel {
  std::uint8_t profile_idc = 0x42;
  std::uint8_t constraints = 0;
  std::uint8_t level_idc = 0;
  friend bool operator==(const H264ProfileLevel&, const H264ProfileLevel&) = default;
};
// Exactly six hexadecimal digits of either case.
std::optional<H264ProfileLevel> ParseProfileLevelId(std::string_view text);
// Six lower-case digits.
std::string FormatProfileLevelId(const H264ProfileLevel& profile_level);
// What a missing profile-level-id means (RFC 6184 8.1): Baseline, level 1.
constexpr H264ProfileLevel kDefaultProfileLevel{0x42, 0x00, 0x0a};
// Constrained Baseline, level 3.1: what every browser takes.
constexpr H264ProfileLevel kWebProfileLevel{0x42, 0xe0, 0x1f};

// The sub-profiles of RFC 6184 table 5 that matter here.
enum class H264Profile : std::uint8_t {
  kConstrainedBaseline,
  kBaseline,
  kMain,
  kConstrainedHigh,
  kHigh,
  kOther,
  kCount
};
H264Profile ProfileOf(const H264ProfileLevel& profile_level);
// May a stream of `stream` be sent to a receiver that said `receiver`? By profile alone: levels are
// asymmetric in practice and browsers decode above what they offer. Constrained Baseline goes everywhere,
// each other only to its own kind or a superset (Main and Constrained High to High).
bool ProfileAccepts(const H264ProfileLevel& receiver, const H264ProfileLevel& stream);

// A picture larger than this either way is refused (level 6.2 ends below it).
constexpr std::uint32_t kH264MaxDimension = 16384;

struct H264Sps {
  H264ProfileLevel profile_level;
  std::uint32_t id = 0;     // 0..31
  std::uint32_t width = 0;  // luma samples after cropping
  std::uint32_t height = 0;
  std::uint32_t max_num_ref_frames = 0;
  bool frame_mbs_only = true;                           // false: fields or MBAFF may come
  std::uint32_t pic_order_cnt_type = 0;                 // 2: output order is decoding order, no B-frames
  std::optional<std::uint32_t> max_num_reorder_frames;  // of the VUI's bitstream restriction
  // May pictures be output in another order than decoded? Only "no" is sure: POC type 2, Baseline, or an
  // explicit 0 reorder frames.
  [[nodiscard]] bool MayReorder() const;
};
// `nal_body` is what follows the NAL header byte. Nothing when short or out of the standard's ranges.
std::optional<H264Sps> ParseH264Sps(ByteView nal_body);

}  // namespace latchkey::wire
