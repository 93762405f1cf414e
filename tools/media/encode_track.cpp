#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <utility>

#include "platform/loop/clock.h"
#include "tools/media/frame_view.h"
#include "tools/media/mark.h"
#include "tools/media/video_encoder.h"
#include "tools/media/video_track.h"

namespace latchkey::media {
namespace {

void Copy(const PictureView& from, Picture& to) {
  for (std::size_t i = 0; i < 3; ++i) {
    const PlaneView& plane = from.planes[i];
    for (int y = 0; y < to.PlaneHeight(i); ++y) {
      const auto row = plane.bytes.subspan(plane.stride * static_cast<std::size_t>(y),
                                           static_cast<std::size_t>(to.PlaneWidth(i)));
      std::copy(row.begin(), row.end(), to.Row(i, y).begin());
    }
  }
}

class EncodeTrack final : public VideoTrack {
 public:
  explicit EncodeTrack(const SourceOptions& options) : options_(options) {
    if (options.mark) mark_ = MarkText(*options.mark);
  }
  Status Open(const AVStream& stream);
  Status Handle(const AVPacket* packet, TrackPort& port) override;
  [[nodiscard]] std::string Description() const override;

 private:
  Status DrainDecoder(TrackPort& port);
  Status Emit(const AVFrame& decoded, TrackPort& port);
  Status MakeEncoder();

  SourceOptions options_;
  std::optional<std::uint64_t> mark_;
  VideoEncoderOptions encoding_;
  ff::CodecContext decoder_;
  ff::Frame decoded_;
  PictureConverter converter_;
  std::optional<VideoEncoder> encoder_;
  std::optional<Picture> marked_;
  std::optional<Duration> next_;  // with --fps: pictures before this media time are left out
  std::uint32_t frame_ = 0;
};

Status EncodeTrack::Open(const AVStream& stream) {
  const AVCodec* codec = avcodec_find_decoder(stream.codecpar->codec_id);
  if (codec == nullptr) {
    return Fail(ErrorCode::kUnsupported,
                std::string("this FFmpeg can't decode ") + avcodec_get_name(stream.codecpar->codec_id));
  }
  decoder_.reset(avcodec_alloc_context3(codec));
  avcodec_parameters_to_context(decoder_.get(), stream.codecpar);
  decoder_->pkt_timebase = stream.time_base;
  decoder_->thread_count = 1;
  if (const int code = avcodec_open2(decoder_.get(), codec, nullptr); code < 0) {
    return ff::FailWith("can't open the decoder", code);
  }
  decoded_ = ff::MakeFrame();
  encoding_.codec = options_.codec;
  encoding_.gop = options_.gop_seconds;
  encoding_.width = options_.width.value_or(stream.codecpar->width) & ~1;
  encoding_.height = options_.height.value_or(stream.codecpar->height) & ~1;
  AVRational rate = stream.avg_frame_rate.num > 0 ? stream.avg_frame_rate : stream.r_frame_rate;
  if (rate.num <= 0 || rate.den <= 0) rate = {25, 1};
  encoding_.fps = std::clamp(options_.fps.value_or(av_q2d(rate)), 1.0, 120.0);
  encoding_.bitrate_kbit =
      options_.bitrate_kbit.value_or(DefaultBitrateKbit(encoding_.width, encoding_.height, encoding_.fps));
  if (mark_ && (encoding_.width < kMarkMinWidth || encoding_.height < kMarkMinHeight)) {
    return Fail(ErrorCode::kInvalid, "a mark needs a picture of at least 320x180; give --size WxH");
  }
  return MakeEncoder();
}

Status EncodeTrack::MakeEncoder() {
  auto encoder = VideoEncoder::Make(encoding_);
  if (!encoder) return tl::unexpected(encoder.error());
  encoder_ = std::move(*encoder);
  if (mark_) marked_.emplace(encoding_.width, encoding_.height);
  return {};
}

std::string EncodeTrack::Description() const {
  std::array<char, 96> text{};
  (void)std::snprintf(text.data(), text.size(), "%dx%d, %.4g fps, encoded as %s at %d kbit/s",
                      encoding_.width, encoding_.height, encoding_.fps,
                      std::string(CodecName(encoding_.codec)).c_str(), encoding_.bitrate_kbit);
  return text.data();
}

Status EncodeTrack::Handle(const AVPacket* packet, TrackPort& port) {
  // A damaged packet is the camera's or the file's fault: the decoder goes on with the next.
  (void)avcodec_send_packet(decoder_.get(), packet);
  auto status = DrainDecoder(port);
  if (packet == nullptr) avcodec_flush_buffers(decoder_.get());
  return status;
}

Status EncodeTrack::DrainDecoder(TrackPort& port) {
  while (!port.queue.stopping() && avcodec_receive_frame(decoder_.get(), decoded_.get()) >= 0) {
    auto status = Emit(*decoded_, port);
    av_frame_unref(decoded_.get());
    if (!status) return status;
  }
  return {};
}

Status EncodeTrack::Emit(const AVFrame& decoded, TrackPort& port) {
  if (decoded.best_effort_timestamp == AV_NOPTS_VALUE) return {};
  MediaFrame frame;
  frame.media_time = port.media_time(decoded.best_effort_timestamp);
  if (options_.fps) {
    const Duration interval{static_cast<std::int64_t>(1e9 / encoding_.fps)};
    // An eighth of an interval of slack, so that equal rates with rounded timestamps lose nothing.
    if (next_ && frame.media_time + interval / 8 < *next_ && frame.media_time + seconds{2} > *next_)
      return {};
    next_ = next_ && frame.media_time < *next_ + interval ? *next_ + interval : frame.media_time + interval;
  }
  auto view = converter_.ToPicture(decoded, encoding_.width, encoding_.height);
  if (!view) return {};
  const auto due = port.wait(frame.media_time);
  if (!due) return {};
  frame.captured = *due;
  if (mark_) {
    Copy(*view, *marked_);
    (void)DrawMark({*mark_, frame_, platform::MonotonicNow()}, *marked_);
    view = marked_->View();
  }
  ++frame_;
  auto encoded = encoder_->Encode(*view, port.queue.TakeKeyframeRequest());
  if (!encoded) return tl::unexpected(encoded.error());
  if (encoded->bytes.empty()) return {};
  frame.bytes = std::move(encoded->bytes);
  frame.keyframe = encoded->keyframe;
  port.queue.Push(std::move(frame));
  return {};
}

}  // namespace

Result<std::unique_ptr<VideoTrack>> MakeEncodeTrack(const AVStream& stream, const SourceOptions& options) {
  auto track = std::make_unique<EncodeTrack>(options);
  if (auto status = track->Open(stream); !status) return tl::unexpected(status.error());
  return track;
}

}  // namespace latchkey::media
