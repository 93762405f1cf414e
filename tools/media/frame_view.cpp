#include "tools/media/frame_view.h"

#include <utility>

namespace latchkey::media {
namespace {

PictureView ViewOf(const AVFrame& frame) {
  PictureView view;
  for (std::size_t i = 0; i < 3; ++i) {
    const int width = i == 0 ? frame.width : (frame.width + 1) / 2;
    const int height = i == 0 ? frame.height : (frame.height + 1) / 2;
    const auto stride = static_cast<std::size_t>(frame.linesize[i]);
    const std::size_t size = stride * static_cast<std::size_t>(height - 1) + static_cast<std::size_t>(width);
    view.planes[i] = {{frame.data[i], size}, stride, width, height};
  }
  return view;
}

bool IsPlain420(const AVFrame& frame) {
  if (frame.format != AV_PIX_FMT_YUV420P && frame.format != AV_PIX_FMT_YUVJ420P) return false;
  return frame.linesize[0] > 0 && frame.linesize[1] > 0 && frame.linesize[2] > 0;
}

}  // namespace

std::optional<PictureView> PictureConverter::ToPicture(const AVFrame& frame, int width, int height) {
  borrowed_ = false;
  if (width < 2 || height < 2 || width > kMaxPictureSide || height > kMaxPictureSide) return std::nullopt;
  if (frame.width < 2 || frame.height < 2) return std::nullopt;
  if (IsPlain420(frame) && frame.width == width && frame.height == height) {
    borrowed_ = true;
    return ViewOf(frame);
  }
  scaler_.reset(sws_getCachedContext(scaler_.release(), frame.width, frame.height,
                                     static_cast<AVPixelFormat>(frame.format), width, height,
                                     AV_PIX_FMT_YUV420P, SWS_BILINEAR, nullptr, nullptr, nullptr));
  if (!scaler_) return std::nullopt;
  if (!scaled_ || scaled_->width != width || scaled_->height != height) {
    scaled_ = ff::MakeFrame();
    scaled_->format = AV_PIX_FMT_YUV420P;
    scaled_->width = width;
    scaled_->height = height;
    if (av_frame_get_buffer(scaled_.get(), 0) < 0) {
      scaled_.reset();
      return std::nullopt;
    }
  }
  sws_scale(scaler_.get(), frame.data, frame.linesize, 0, frame.height, scaled_->data, scaled_->linesize);
  return ViewOf(*scaled_);
}

}  // namespace latchkey::media
