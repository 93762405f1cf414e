// Between FFmpeg's frames and ours. Internal to this folder, like ffmpeg.h.
#pragma once

#include <optional>

#include "tools/media/ffmpeg.h"
#include "tools/media/picture.h"

namespace latchkey::media {

// Shows a frame as 8-bit 4:2:0 of a given size: borrowed where it has that already, scaled otherwise.
class PictureConverter {
 public:
  // The view is valid until the next call and while `frame` keeps its data. Nothing when the size is out
  // of bounds or the format can't be converted.
  std::optional<PictureView> ToPicture(const AVFrame& frame, int width, int height);
  // Whether the last view points into the frame.
  [[nodiscard]] bool borrowed() const { return borrowed_; }

 private:
  ff::Scaler scaler_;
  ff::Frame scaled_;
  bool borrowed_ = false;
};

}  // namespace latchkey::media
