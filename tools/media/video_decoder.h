// Video decoding with libavcodec: H.264 or VP8, one thread, no delay.
#pragma once

#include <memory>
#include <optional>

#include "daemon/base/bytes.h"
#include "daemon/base/result.h"
#include "daemon/wire/codec.h"
#include "tools/media/picture.h"

namespace latchkey::media {

// FFmpeg's libraries write to stderr what they think of a stream; a viewer of a bad network would drown in
// it. From now on only what ends the program is written.
void SilenceLibraries();

class VideoDecoder {
 public:
  static Result<VideoDecoder> Make(wire::Codec codec);
  VideoDecoder(VideoDecoder&&) noexcept;
  VideoDecoder& operator=(VideoDecoder&&) noexcept;
  ~VideoDecoder();

  struct Output {
    std::optional<PictureView> picture;  // lent until the next call
    bool damaged = false;                // the decoder complained, or concealed something
  };
  // One whole frame (an Annex B access unit, or a VP8 frame). Pictures of other formats than 8-bit 4:2:0
  // are converted.
  Output Decode(ByteView frame);

 private:
  struct Impl;
  explicit VideoDecoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey::media
