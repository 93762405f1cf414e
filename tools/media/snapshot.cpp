#include "tools/media/snapshot.h"

#include <cstring>
#include <fstream>

#include "daemon/base/bytes.h"
#include "tools/media/ffmpeg.h"
#include "tools/media/frame_view.h"

namespace latchkey::media {
namespace {

bool EndsWith(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

Status WritePicture(const PictureView& picture, const std::string& path) {
  const bool png = EndsWith(path, ".png");
  const AVCodec* codec = avcodec_find_encoder(png ? AV_CODEC_ID_PNG : AV_CODEC_ID_MJPEG);
  if (codec == nullptr) return Fail(ErrorCode::kSystem, "this FFmpeg can't write " + path);
  const AVPixelFormat format = png ? AV_PIX_FMT_RGB24 : AV_PIX_FMT_YUVJ420P;
  const ff::Frame frame = ff::MakeFrame();
  frame->format = format;
  frame->width = picture.width();
  frame->height = picture.height();
  if (av_frame_get_buffer(frame.get(), 0) < 0) return Fail(ErrorCode::kSystem, "no memory for a picture");
  const ff::Scaler scaler(sws_getContext(frame->width, frame->height, AV_PIX_FMT_YUV420P, frame->width,
                                         frame->height, format, SWS_BILINEAR, nullptr, nullptr, nullptr));
  if (!scaler) return Fail(ErrorCode::kSystem, "can't convert the picture");
  std::array<const std::uint8_t*, 3> planes{};
  std::array<int, 3> strides{};
  for (std::size_t i = 0; i < 3; ++i) {
    planes[i] = picture.planes[i].bytes.data();
    strides[i] = static_cast<int>(picture.planes[i].stride);
  }
  sws_scale(scaler.get(), planes.data(), strides.data(), 0, frame->height, frame->data, frame->linesize);
  const ff::CodecContext context(avcodec_alloc_context3(codec));
  context->width = frame->width;
  context->height = frame->height;
  context->pix_fmt = format;
  context->time_base = {1, 25};
  if (const int code = avcodec_open2(context.get(), codec, nullptr); code < 0) {
    return ff::FailWith("can't write " + path, code);
  }
  const ff::Packet packet = ff::MakePacket();
  avcodec_send_frame(context.get(), frame.get());
  avcodec_send_frame(context.get(), nullptr);
  if (const int code = avcodec_receive_packet(context.get(), packet.get()); code < 0) {
    return ff::FailWith("can't write " + path, code);
  }
  std::ofstream file(path, std::ios::binary);
  const auto text = AsText({packet->data, static_cast<std::size_t>(packet->size)});
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.flush()) return Fail(ErrorCode::kSystem, "can't write " + path);
  return {};
}

}  // namespace latchkey::media
