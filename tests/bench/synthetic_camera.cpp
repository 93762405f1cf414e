#include "tests/bench/synthetic_camera.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace latchkey::bench {
namespace {

constexpr std::array<std::uint8_t, 4> kStartCode{0, 0, 0, 1};
// 1280x720, Constrained Baseline, level 3.1, no reordering.
constexpr std::array<std::uint8_t, 12> kSps{0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01,
                                            0x40, 0x16, 0xe8, 0x40, 0x00, 0x80};
constexpr std::array<std::uint8_t, 4> kPps{0x68, 0xce, 0x3c, 0x80};
// NAL header, then first_mb_in_slice 0, slice_type I (7) or P (5), pic_parameter_set_id 0.
constexpr std::array<std::uint8_t, 3> kIdrSlice{0x65, 0x88, 0x84};
constexpr std::array<std::uint8_t, 3> kDeltaSlice{0x41, 0x9a, 0x24};
// The number stands here in the slice, four bits a byte with the high bit set: no start code can appear.
constexpr std::size_t kNumberAt = 8;
constexpr std::size_t kNumberDigits = 8;
constexpr std::size_t kBytesPerPacket = 1140;

// Parameter sets and whatever a server put before them end before this.
constexpr std::size_t kSliceWithin = 256;

void Append(ByteVector& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

// From the NAL header of the first slice to the end; empty when there is none of ours.
ByteView SliceOf(ByteView annex_b) {
  for (std::size_t i = 0; i + 4 + kNumberAt + kNumberDigits < annex_b.size() && i < kSliceWithin; ++i) {
    const ByteView here = annex_b.subspan(i);
    if (!std::equal(kStartCode.begin() + 1, kStartCode.end(), here.begin())) continue;
    if (here[3] == kIdrSlice[0] || here[3] == kDeltaSlice[0]) return here.subspan(3);
  }
  return {};
}

}  // namespace

SyntheticCamera::SyntheticCamera(const StreamShape& shape)
    : interval_(static_cast<std::int64_t>(1e9 / shape.fps)),
      frames_per_group_(std::max(2, static_cast<int>(std::lround(shape.fps * shape.gop_seconds)))),
      key_bytes_(static_cast<std::size_t>(shape.keyframe_packets) * kBytesPerPacket) {
  const double group_bytes = shape.bitrate_kbit * 125.0 * frames_per_group_ / shape.fps;
  const double rest = std::max(0.0, group_bytes - static_cast<double>(key_bytes_));
  delta_bytes_ = std::max<std::size_t>(200, static_cast<std::size_t>(rest / (frames_per_group_ - 1)));
}

media::MediaFrame SyntheticCamera::Next(Instant captured, bool force_keyframe) {
  const bool key = force_keyframe || since_key_ % frames_per_group_ == 0;
  if (key) since_key_ = 0;
  ++since_key_;
  media::MediaFrame frame;
  frame.keyframe = key;
  frame.captured = captured;
  frame.media_time = interval_ * number_;
  frame.bytes.reserve((key ? key_bytes_ : delta_bytes_) + 64);
  if (key) {
    Append(frame.bytes, kStartCode);
    Append(frame.bytes, kSps);
    Append(frame.bytes, kStartCode);
    Append(frame.bytes, kPps);
  }
  Append(frame.bytes, kStartCode);
  const std::size_t slice = frame.bytes.size();
  Append(frame.bytes, key ? ByteView(kIdrSlice) : ByteView(kDeltaSlice));
  // Each place its own byte, so that a part missing or moved shows; the high bit keeps start codes out.
  frame.bytes.resize(slice + (key ? key_bytes_ : delta_bytes_));
  for (std::size_t i = slice + kDeltaSlice.size(); i < frame.bytes.size(); ++i) {
    frame.bytes[i] = static_cast<std::uint8_t>(0x80U | ((i ^ (i >> 7U)) & 0x7fU));
  }
  for (std::size_t i = 0; i < kNumberDigits; ++i) {
    const auto shift = static_cast<unsigned>(4 * (kNumberDigits - 1 - i));
    frame.bytes[slice + kNumberAt + i] = static_cast<std::uint8_t>(0x80U | ((number_ >> shift) & 0xfU));
  }
  ++number_;
  return frame;
}

std::optional<std::uint32_t> FrameNumberOf(ByteView annex_b) {
  const ByteView slice = SliceOf(annex_b);
  if (slice.empty()) return std::nullopt;
  std::uint32_t number = 0;
  for (const std::uint8_t digit : slice.subspan(kNumberAt, kNumberDigits)) {
    number = (number << 4U) | (digit & 0xfU);
  }
  return number;
}

std::uint64_t PictureFingerprint(ByteView annex_b) {
  const ByteView slice = SliceOf(annex_b);
  if (slice.empty()) return 0;
  // FNV-1a.
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::uint8_t byte : slice) hash = (hash ^ byte) * 0x100000001b3ULL;
  return hash;
}

}  // namespace latchkey::bench
