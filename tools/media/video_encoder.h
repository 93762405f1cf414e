// Video encoding for real time: x264 (Constrained Baseline, no B-frames, zero latency) or libvpx's VP8.
#pragma once

#include <cstdint>
#include <memory>

#include "daemon/base/bytes.h"
#include "daemon/base/result.h"
#include "daemon/wire/codec.h"
#include "tools/media/picture.h"

namespace latchkey::media {

struct VideoEncoderOptions {
  wire::Codec codec = wire::Codec::kH264;  // kH264 or kVp8
  int width = 1280;                        // even
  int height = 720;
  double fps = 25;  // for rate control; pictures may come at other times
  double gop = 2;   // seconds between keyframes, > 0
  int bitrate_kbit = 2500;
};

// The bitrate for a size and rate where nobody said one: 2500 kbit/s at 1280x720, 25 per second, in
// proportion to pixels elsewhere, within 200..8000.
int DefaultBitrateKbit(int width, int height, double fps);

struct EncodedPicture {
  ByteVector bytes;  // H.264: an Annex B access unit, SPS and PPS in front of each IDR; VP8: a frame
  bool keyframe = false;
};

class VideoEncoder {
 public:
  static Result<VideoEncoder> Make(const VideoEncoderOptions& options);
  VideoEncoder(VideoEncoder&&) noexcept;
  VideoEncoder& operator=(VideoEncoder&&) noexcept;
  ~VideoEncoder();

  // `picture` has the size of the options. One in, one out.
  Result<EncodedPicture> Encode(const PictureView& picture, bool force_keyframe);

 private:
  struct Impl;
  explicit VideoEncoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey::media
