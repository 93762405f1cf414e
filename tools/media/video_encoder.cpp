#include "tools/media/video_encoder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "tools/media/ffmpeg.h"

namespace latchkey::media {
namespace {

constexpr int kTicksPerSecond = 1000;

void ConfigureX264(const VideoEncoderOptions& options, ff::Options& dict, AVCodecContext& context) {
  context.profile = 578;  // Constrained Baseline; the name of the constant differs between 5.1 and 7.1
  dict.Set("preset", "veryfast").Set("tune", "zerolatency").Set("profile", "baseline");
  // No scene cuts: keyframes come when asked for and every --gop seconds, as of a camera. One slice a
  // picture and one thread: two cores are shared with the hub, and slices cost bits.
  dict.Set("x264-params", "scenecut=0:sliced-threads=0:threads=1:repeat-headers=1:rc-lookahead=0:bframes=0");
  dict.Set("forced-idr", "1");
  // A 4:2:0 picture of 720p in "veryfast" costs about 6 ms; "ultrafast" halves that and looks worse at
  // the same rate only where there is texture. Large pictures take the fast one.
  if (options.width * options.height > 640 * 480) dict.Set("preset", "ultrafast");
}

void ConfigureVpx(ff::Options& dict) {
  dict.Set("deadline", "realtime").Set("cpu-used", "8").Set("lag-in-frames", "0").Set("error-resilient", "1");
  dict.Set("auto-alt-ref", "0").Set("static-thresh", "1").Set("max-intra-rate", "400");
}

}  // namespace

int DefaultBitrateKbit(int width, int height, double fps) {
  const double pixels = static_cast<double>(width) * height * fps;
  return std::clamp(static_cast<int>(2500 * pixels / (1280.0 * 720 * 25)), 200, 8000);
}

struct VideoEncoder::Impl {
  ff::CodecContext context;
  ff::Frame frame;
  ff::Packet packet;
  std::int64_t next_pts = 0;
  std::int64_t pts_step = 0;
};

VideoEncoder::VideoEncoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
VideoEncoder::VideoEncoder(VideoEncoder&&) noexcept = default;
VideoEncoder& VideoEncoder::operator=(VideoEncoder&&) noexcept = default;
VideoEncoder::~VideoEncoder() = default;

Result<VideoEncoder> VideoEncoder::Make(const VideoEncoderOptions& options) {
  const bool h264 = options.codec == wire::Codec::kH264;
  const char* name = h264 ? "libx264" : "libvpx";
  const AVCodec* codec = avcodec_find_encoder_by_name(name);
  if (codec == nullptr) {
    return Fail(ErrorCode::kSystem,
                std::string("this FFmpeg has no encoder ") + name + "; install libavcodec-extra");
  }
  auto impl = std::make_unique<Impl>();
  impl->context.reset(avcodec_alloc_context3(codec));
  AVCodecContext& context = *impl->context;
  context.width = options.width;
  context.height = options.height;
  context.pix_fmt = AV_PIX_FMT_YUV420P;
  context.time_base = {1, kTicksPerSecond};
  context.framerate = {static_cast<int>(std::lround(options.fps * 1000)), 1000};
  context.bit_rate = std::int64_t{options.bitrate_kbit} * 1000;
  context.rc_max_rate = context.bit_rate;
  context.rc_buffer_size = options.bitrate_kbit * 1000;  // one second: a keyframe may be large
  context.gop_size = std::max(1, static_cast<int>(std::lround(options.gop * options.fps)));
  context.max_b_frames = 0;
  context.thread_count = 1;
  ff::Options dict;
  if (h264) {
    ConfigureX264(options, dict, context);
  } else {
    ConfigureVpx(dict);
  }
  if (const int code = avcodec_open2(&context, codec, dict.get()); code < 0) {
    return ff::FailWith(std::string("can't open the encoder ") + name, code);
  }
  impl->pts_step = std::max<std::int64_t>(1, std::llround(kTicksPerSecond / options.fps));
  impl->frame = ff::MakeFrame();
  impl->packet = ff::MakePacket();
  impl->frame->format = context.pix_fmt;
  impl->frame->width = context.width;
  impl->frame->height = context.height;
  if (const int code = av_frame_get_buffer(impl->frame.get(), 0); code < 0) {
    return ff::FailWith("no memory for a picture", code);
  }
  return VideoEncoder(std::move(impl));
}

Result<EncodedPicture> VideoEncoder::Encode(const PictureView& picture, bool force_keyframe) {
  Impl& my = *impl_;
  LATCHKEY_CHECK(picture.width() == my.context->width && picture.height() == my.context->height);
  if (const int code = av_frame_make_writable(my.frame.get()); code < 0) {
    return ff::FailWith("no memory for a picture", code);
  }
  for (std::size_t i = 0; i < 3; ++i) {
    const PlaneView& plane = picture.planes[i];
    for (int y = 0; y < plane.height; ++y) {
      std::memcpy(my.frame->data[i] + std::ptrdiff_t{my.frame->linesize[i]} * y,
                  plane.bytes.data() + plane.stride * static_cast<std::size_t>(y),
                  static_cast<std::size_t>(plane.width));
    }
  }
  my.frame->pts = my.next_pts;
  my.next_pts += my.pts_step;
  my.frame->pict_type = force_keyframe ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
  if (const int code = avcodec_send_frame(my.context.get(), my.frame.get()); code < 0) {
    return ff::FailWith("the encoder took no picture", code);
  }
  EncodedPicture encoded;
  if (const int code = avcodec_receive_packet(my.context.get(), my.packet.get()); code < 0) {
    // Rate control may skip a picture: nothing to send this time.
    if (code == AVERROR(EAGAIN)) return encoded;
    return ff::FailWith("the encoder gave no packet", code);
  }
  encoded.bytes.assign(my.packet->data, my.packet->data + my.packet->size);
  encoded.keyframe = (my.packet->flags & AV_PKT_FLAG_KEY) != 0;
  av_packet_unref(my.packet.get());
  return encoded;
}

}  // namespace latchkey::media
