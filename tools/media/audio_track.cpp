#include "tools/media/audio_track.h"

#include <algorithm>
#include <string>

namespace latchkey::media {

Result<std::unique_ptr<AudioTrack>> AudioTrack::Make(const AVStream& stream) {
  const AVCodec* codec = avcodec_find_decoder(stream.codecpar->codec_id);
  if (codec == nullptr) {
    return Fail(ErrorCode::kUnsupported,
                std::string("this FFmpeg can't decode ") + avcodec_get_name(stream.codecpar->codec_id));
  }
  ff::CodecContext decoder(avcodec_alloc_context3(codec));
  avcodec_parameters_to_context(decoder.get(), stream.codecpar);
  decoder->pkt_timebase = stream.time_base;
  decoder->thread_count = 1;
  if (const int code = avcodec_open2(decoder.get(), codec, nullptr); code < 0) {
    return ff::FailWith("can't open the audio decoder", code);
  }
  auto encoder = OpusEncoder::Make(std::clamp(stream.codecpar->ch_layout.nb_channels, 1, 2));
  if (!encoder) return tl::unexpected(encoder.error());
  return std::unique_ptr<AudioTrack>(new AudioTrack(std::move(decoder), std::move(*encoder)));
}

Status AudioTrack::Handle(const AVPacket* packet, TrackPort& port) {
  (void)avcodec_send_packet(decoder_.get(), packet);
  while (!port.queue.stopping() && avcodec_receive_frame(decoder_.get(), frame_.get()) >= 0) {
    if (frame_->best_effort_timestamp == AV_NOPTS_VALUE) continue;
    const Duration start = port.media_time(frame_->best_effort_timestamp);
    const auto due = port.wait(start);
    if (!due) return {};
    auto status = encoder_.Push(*frame_, start, [&](ByteVector bytes, Duration media_time) {
      port.queue.Push({wire::StreamKind::kAudio, std::move(bytes), false, media_time, *due});
    });
    av_frame_unref(frame_.get());
    if (!status) return status;
  }
  if (packet == nullptr) avcodec_flush_buffers(decoder_.get());
  return {};
}

}  // namespace latchkey::media
