// A camera without an encoder: H.264 access units of the right shape and size, each with its number inside,
// so that a benchmark knows of every frame when it left and when it came.
#pragma once

#include <cstdint>
#include <optional>

#include "daemon/base/bytes.h"
#include "tools/media/frame_queue.h"

namespace latchkey::bench {

struct StreamShape {
  double fps = 25;
  int bitrate_kbit = 2500;
  double gop_seconds = 2;
  int keyframe_packets = 120;
};

class SyntheticCamera {
 public:
  explicit SyntheticCamera(const StreamShape& shape);

  // The next frame; a keyframe at each start of a group, and when `force_keyframe`.
  media::MediaFrame Next(Instant captured, bool force_keyframe);
  [[nodiscard]] Duration interval() const { return interval_; }
  [[nodiscard]] std::uint32_t next_number() const { return number_; }

 private:
  Duration interval_;
  int frames_per_group_;
  std::size_t key_bytes_;
  std::size_t delta_bytes_;
  std::uint32_t number_ = 0;
  int since_key_ = 0;
};

// The number of an access unit of a SyntheticCamera; nothing when it is none.
std::optional<std::uint32_t> FrameNumberOf(ByteView annex_b);

// Tells the bytes of the picture in an access unit from those of any other; parameter sets and delimiters,
// which a server may repeat or leave out, don't count. 0 when there is no picture.
std::uint64_t PictureFingerprint(ByteView annex_b);

}  // namespace latchkey::bench
