#include "daemon/wire/h264_sps.h"

#include <array>

#include "daemon/base/ascii.h"
#include "daemon/wire/bit_reader.h"

namespace latchkey::wire {
namespace {

constexpr std::uint8_t kBaselineIdc = 66;
constexpr std::uint8_t kMainIdc = 77;
constexpr std::uint8_t kExtendedIdc = 88;
constexpr std::uint8_t kHighIdc = 100;
// constraint_set0..5_flag from the top bit down.
constexpr std::uint8_t kSet0 = 0x80;
constexpr std::uint8_t kSet1 = 0x40;
constexpr std::uint8_t kSet4 = 0x08;
constexpr std::uint8_t kSet5 = 0x04;

constexpr std::uint32_t kMaxSpsId = 31;
constexpr std::uint32_t kMaxRefFramesInPocCycle = 255;
constexpr std::uint32_t kMaxRefFrames = 16;
constexpr std::uint32_t kMaxCpbCount = 32;
constexpr std::uint32_t kMacroblock = 16;
constexpr std::uint32_t kExtendedSar = 255;

// Profiles whose SPS has chroma format, bit depths and scaling lists (7.3.2.1.1).
constexpr bool HasChromaFormat(std::uint8_t profile_idc) {
  constexpr std::array<std::uint8_t, 13> kProfiles{100, 110, 122, 244, 44,  83, 86,
                                                   118, 128, 138, 139, 134, 135};
  for (const std::uint8_t p : kProfiles) {
    if (p == profile_idc) return true;
  }
  return false;
}

// scaling_list() (7.3.2.1.1.1): only its length matters.
void SkipScalingList(RbspReader& reader, unsigned size) {
  std::int32_t last = 8;
  std::int32_t next = 8;
  for (unsigned i = 0; i < size && reader.ok(); ++i) {
    if (next != 0) {
      const std::int32_t delta = reader.Se();
      next = static_cast<std::int32_t>((static_cast<std::int64_t>(last) + delta) & 0xff);
    }
    if (next != 0) last = next;
  }
}

struct ChromaFormat {
  std::uint32_t idc = 1;  // 4:2:0, where the SPS has none
  bool separate_planes = false;
};

std::optional<ChromaFormat> ReadChromaFormat(RbspReader& reader) {
  ChromaFormat chroma;
  chroma.idc = reader.Ue();
  if (chroma.idc > 3) return std::nullopt;
  if (chroma.idc == 3) chroma.separate_planes = reader.Bit();
  const std::uint32_t luma_depth = reader.Ue();
  const std::uint32_t chroma_depth = reader.Ue();
  if (luma_depth > 6 || chroma_depth > 6) return std::nullopt;
  reader.Skip(1);  // qpprime_y_zero_transform_bypass_flag
  if (reader.Bit()) {
    const unsigned lists = chroma.idc == 3 ? 12 : 8;
    for (unsigned i = 0; i < lists && reader.ok(); ++i) {
      if (reader.Bit()) SkipScalingList(reader, i < 6 ? 16 : 64);
    }
  }
  return reader.ok() ? std::optional(chroma) : std::nullopt;
}

bool ReadPicOrderCount(RbspReader& reader, H264Sps& sps) {
  sps.pic_order_cnt_type = reader.Ue();
  if (sps.pic_order_cnt_type > 2) return false;
  if (sps.pic_order_cnt_type == 0 && reader.Ue() > 12) return false;
  if (sps.pic_order_cnt_type == 1) {
    reader.Skip(1);  // delta_pic_order_always_zero_flag
    (void)reader.Se();
    (void)reader.Se();
    const std::uint32_t cycle = reader.Ue();
    if (cycle > kMaxRefFramesInPocCycle) return false;
    for (std::uint32_t i = 0; i < cycle && reader.ok(); ++i) (void)reader.Se();
  }
  return reader.ok();
}

// Samples cut off each way (7.4.2.1.1): in units of chroma samples and, for fields, of two rows.
bool ReadSize(RbspReader& reader, const ChromaFormat& chroma, H264Sps& sps) {
  const std::uint64_t width_mbs = std::uint64_t{reader.Ue()} + 1;
  const std::uint64_t height_units = std::uint64_t{reader.Ue()} + 1;
  sps.frame_mbs_only = reader.Bit();
  if (!sps.frame_mbs_only) reader.Skip(1);  // mb_adaptive_frame_field_flag
  reader.Skip(1);                           // direct_8x8_inference_flag
  const std::uint64_t rows_per_unit = sps.frame_mbs_only ? 1 : 2;
  const std::uint64_t width = width_mbs * kMacroblock;
  const std::uint64_t height = height_units * rows_per_unit * kMacroblock;
  std::uint64_t crop_x = 0;
  std::uint64_t crop_y = 0;
  if (reader.Bit()) {
    const bool subsampled = !chroma.separate_planes && chroma.idc != 0;
    const std::uint64_t unit_x = subsampled && chroma.idc != 3 ? 2 : 1;
    const std::uint64_t unit_y = (subsampled && chroma.idc == 1 ? 2U : 1U) * rows_per_unit;
    crop_x = (std::uint64_t{reader.Ue()} + reader.Ue()) * unit_x;
    crop_y = (std::uint64_t{reader.Ue()} + reader.Ue()) * unit_y;
  }
  if (!reader.ok() || width > kH264MaxDimension || height > kH264MaxDimension || crop_x >= width ||
      crop_y >= height) {
    return false;
  }
  sps.width = static_cast<std::uint32_t>(width - crop_x);
  sps.height = static_cast<std::uint32_t>(height - crop_y);
  return true;
}

// hrd_parameters() (E.1.2).
void SkipHrd(RbspReader& reader) {
  const std::uint32_t count = reader.Ue() + 1;
  reader.Skip(8);
  for (std::uint32_t i = 0; i < count && i < kMaxCpbCount && reader.ok(); ++i) {
    (void)reader.Ue();
    (void)reader.Ue();
    reader.Skip(1);
  }
  reader.Skip(20);
}

// vui_parameters() (E.1.1), for the bitstream restriction at its end.
void ReadVui(RbspReader& reader, H264Sps& sps) {
  if (reader.Bit() && reader.Bits(8) == kExtendedSar) reader.Skip(32);
  if (reader.Bit()) reader.Skip(1);  // overscan
  if (reader.Bit()) {                // video_signal_type
    reader.Skip(4);
    if (reader.Bit()) reader.Skip(24);
  }
  if (reader.Bit()) {  // chroma_loc_info
    (void)reader.Ue();
    (void)reader.Ue();
  }
  if (reader.Bit()) reader.Skip(65);  // timing_info
  const bool nal_hrd = reader.Bit();
  if (nal_hrd) SkipHrd(reader);
  const bool vcl_hrd = reader.Bit();
  if (vcl_hrd) SkipHrd(reader);
  if (nal_hrd || vcl_hrd) reader.Skip(1);  // low_delay_hrd_flag
  reader.Skip(1);                          // pic_struct_present_flag
  if (!reader.Bit()) return;
  reader.Skip(1);  // motion_vectors_over_pic_boundaries_flag
  for (int i = 0; i < 4; ++i) (void)reader.Ue();
  const std::uint32_t reorder = reader.Ue();
  const std::uint32_t buffering = reader.Ue();
  if (reader.ok() && reorder <= buffering && buffering <= kMaxRefFrames) sps.max_num_reorder_frames = reorder;
}

}  // namespace

std::optional<H264ProfileLevel> ParseProfileLevelId(std::string_view text) {
  if (text.size() != 6) return std::nullopt;
  std::array<std::uint8_t, 3> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto high = HexDigit(text[2 * i]);
    const auto low = HexDigit(text[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    bytes[i] = static_cast<std::uint8_t>((*high << 4U) | *low);
  }
  return H264ProfileLevel{bytes[0], bytes[1], bytes[2]};
}

std::string FormatProfileLevelId(const H264ProfileLevel& profile_level) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte :
       {profile_level.profile_idc, profile_level.constraints, profile_level.level_idc}) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

H264Profile ProfileOf(const H264ProfileLevel& profile_level) {
  const auto has = [&](std::uint8_t flag) { return (profile_level.constraints & flag) != 0; };
  switch (profile_level.profile_idc) {
    case kBaselineIdc: return has(kSet1) ? H264Profile::kConstrainedBaseline : H264Profile::kBaseline;
    case kMainIdc: return has(kSet0) ? H264Profile::kConstrainedBaseline : H264Profile::kMain;
    case kExtendedIdc:
      if (has(kSet0)) return has(kSet1) ? H264Profile::kConstrainedBaseline : H264Profile::kBaseline;
      return has(kSet1) ? H264Profile::kMain : H264Profile::kOther;
    case kHighIdc: return has(kSet4) && has(kSet5) ? H264Profile::kConstrainedHigh : H264Profile::kHigh;
    default: return H264Profile::kOther;
  }
}

bool ProfileAccepts(const H264ProfileLevel& receiver, const H264ProfileLevel& stream) {
  const H264Profile to = ProfileOf(receiver);
  const H264Profile from = ProfileOf(stream);
  if (to == H264Profile::kOther || from == H264Profile::kOther) {
    return receiver.profile_idc == stream.profile_idc && receiver.constraints == stream.constraints;
  }
  if (from == to || from == H264Profile::kConstrainedBaseline) return true;
  return to == H264Profile::kHigh && (from == H264Profile::kMain || from == H264Profile::kConstrainedHigh);
}

bool H264Sps::MayReorder() const {
  const H264Profile profile = ProfileOf(profile_level);
  const bool baseline = profile == H264Profile::kBaseline || profile == H264Profile::kConstrainedBaseline;
  return !baseline && profile != H264Profile::kConstrainedHigh && pic_order_cnt_type != 2 &&
         max_num_reorder_frames.value_or(1) != 0;
}

//   | profile_idc (8) | constraint flags (8) | level_idc (8) | id ue(v) | ...
std::optional<H264Sps> ParseH264Sps(ByteView nal_body) {
  RbspReader reader(nal_body);
  H264Sps sps;
  sps.profile_level.profile_idc = static_cast<std::uint8_t>(reader.Bits(8));
  sps.profile_level.constraints = static_cast<std::uint8_t>(reader.Bits(8));
  sps.profile_level.level_idc = static_cast<std::uint8_t>(reader.Bits(8));
  sps.id = reader.Ue();
  if (!reader.ok() || sps.id > kMaxSpsId) return std::nullopt;
  ChromaFormat chroma;
  if (HasChromaFormat(sps.profile_level.profile_idc)) {
    const auto read = ReadChromaFormat(reader);
    if (!read) return std::nullopt;
    chroma = *read;
  }
  if (reader.Ue() > 12) return std::nullopt;  // log2_max_frame_num_minus4
  if (!ReadPicOrderCount(reader, sps)) return std::nullopt;
  sps.max_num_ref_frames = reader.Ue();
  reader.Skip(1);  // gaps_in_frame_num_value_allowed_flag
  if (sps.max_num_ref_frames > kMaxRefFrames || !ReadSize(reader, chroma, sps)) return std::nullopt;
  const bool has_vui = reader.Bit();
  if (!reader.ok()) return std::nullopt;
  if (has_vui) ReadVui(reader, sps);
  // A VUI cut short says nothing, but the picture's size stands.
  return sps;
}

}  // namespace latchkey::wire
