#include "tools/media/video_decoder.h"

#include <cstring>
#include <string>

#include "tools/media/ffmpeg.h"
#include "tools/media/frame_view.h"

namespace latchkey::media {

void SilenceLibraries() {
  av_log_set_level(AV_LOG_FATAL);
}

struct VideoDecoder::Impl {
  ff::CodecContext context;
  ff::Packet packet;
  ff::Frame frame;
  PictureConverter converter;
};

VideoDecoder::VideoDecoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
VideoDecoder::VideoDecoder(VideoDecoder&&) noexcept = default;
VideoDecoder& VideoDecoder::operator=(VideoDecoder&&) noexcept = default;
VideoDecoder::~VideoDecoder() = default;

Result<VideoDecoder> VideoDecoder::Make(wire::Codec codec) {
  const AVCodecID id = codec == wire::Codec::kH264 ? AV_CODEC_ID_H264 : AV_CODEC_ID_VP8;
  const AVCodec* decoder = avcodec_find_decoder(id);
  if (decoder == nullptr) return Fail(ErrorCode::kSystem, "this FFmpeg has no decoder for the stream");
  auto impl = std::make_unique<Impl>();
  impl->context.reset(avcodec_alloc_context3(decoder));
  impl->context->thread_count = 1;
  impl->context->flags |= AV_CODEC_FLAG_LOW_DELAY;
  if (const int code = avcodec_open2(impl->context.get(), decoder, nullptr); code < 0) {
    return ff::FailWith("can't open the decoder", code);
  }
  impl->packet = ff::MakePacket();
  impl->frame = ff::MakeFrame();
  return VideoDecoder(std::move(impl));
}

VideoDecoder::Output VideoDecoder::Decode(ByteView frame) {
  Impl& my = *impl_;
  Output output;
  // The decoder may read a little past the end: av_new_packet pads.
  if (av_new_packet(my.packet.get(), static_cast<int>(frame.size())) < 0) return {std::nullopt, true};
  std::memcpy(my.packet->data, frame.data(), frame.size());
  output.damaged = avcodec_send_packet(my.context.get(), my.packet.get()) < 0;
  av_packet_unref(my.packet.get());
  // The newest picture is the one to show; with low delay there is one for each packet.
  while (avcodec_receive_frame(my.context.get(), my.frame.get()) >= 0) {
    if (my.frame->decode_error_flags != 0 || (my.frame->flags & AV_FRAME_FLAG_CORRUPT) != 0) {
      output.damaged = true;
    }
    output.picture = my.converter.ToPicture(*my.frame, my.frame->width, my.frame->height);
    if (output.picture && my.converter.borrowed()) break;
  }
  return output;
}

}  // namespace latchkey::media
