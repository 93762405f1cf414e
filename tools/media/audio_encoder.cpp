#include "tools/media/audio_encoder.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tools/media/ffmpeg.h"

namespace latchkey::media {
namespace {

constexpr int kBitrate = 48000;
// Samples per channel that may wait for a whole packet; more than two seconds would be a bug of ours.
constexpr int kMaxWaiting = 2 * kOpusRate;

Duration SamplesToTime(std::int64_t samples) {
  return Duration{samples * 1'000'000'000 / kOpusRate};
}

}  // namespace

struct OpusEncoder::Impl {
  ff::CodecContext context;
  ff::Resampler resampler;
  AVSampleFormat input_format = AV_SAMPLE_FMT_NONE;
  int input_rate = 0;
  int input_channels = 0;
  ff::AudioFifo fifo;
  ff::Packet packet;
  Duration base{0};          // media time of the first sample counted
  std::int64_t counted = 0;  // samples put out since then
  bool based = false;

  Status EnsureResampler(const AVFrame& frame);
  void Rebase(Duration media_time);
  Status Drain(const PacketCallback& callback);
};

OpusEncoder::OpusEncoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OpusEncoder::OpusEncoder(OpusEncoder&&) noexcept = default;
OpusEncoder& OpusEncoder::operator=(OpusEncoder&&) noexcept = default;
OpusEncoder::~OpusEncoder() = default;

Result<OpusEncoder> OpusEncoder::Make(int channels) {
  const AVCodec* codec = avcodec_find_encoder_by_name("libopus");
  if (codec == nullptr) return Fail(ErrorCode::kSystem, "this FFmpeg has no encoder libopus");
  auto impl = std::make_unique<Impl>();
  impl->context.reset(avcodec_alloc_context3(codec));
  AVCodecContext& context = *impl->context;
  context.sample_rate = kOpusRate;
  context.sample_fmt = AV_SAMPLE_FMT_FLT;
  context.bit_rate = kBitrate;
  av_channel_layout_default(&context.ch_layout, channels);
  ff::Options options;
  options.Set("application", "lowdelay").Set("frame_duration", "20");
  if (const int code = avcodec_open2(&context, codec, options.get()); code < 0) {
    return ff::FailWith("can't open the encoder libopus", code);
  }
  impl->fifo.reset(av_audio_fifo_alloc(AV_SAMPLE_FMT_FLT, channels, kOpusSamples * 4));
  impl->packet = ff::MakePacket();
  return OpusEncoder(std::move(impl));
}

Status OpusEncoder::Impl::EnsureResampler(const AVFrame& frame) {
  const auto format = static_cast<AVSampleFormat>(frame.format);
  if (resampler && format == input_format && frame.sample_rate == input_rate &&
      frame.ch_layout.nb_channels == input_channels) {
    return {};
  }
  SwrContext* raw = nullptr;
  // FFmpeg 5.1 takes the layouts as not const.
  AVChannelLayout from{};
  AVChannelLayout to{};
  av_channel_layout_copy(&from, &frame.ch_layout);
  av_channel_layout_copy(&to, &context->ch_layout);
  const int code = swr_alloc_set_opts2(&raw, &to, AV_SAMPLE_FMT_FLT, kOpusRate, &from, format,
                                       frame.sample_rate, 0, nullptr);
  av_channel_layout_uninit(&from);
  av_channel_layout_uninit(&to);
  resampler.reset(raw);
  if (code < 0) return ff::FailWith("can't resample the audio", code);
  if (const int opened = swr_init(raw); opened < 0) return ff::FailWith("can't resample the audio", opened);
  input_format = format;
  input_rate = frame.sample_rate;
  input_channels = frame.ch_layout.nb_channels;
  return {};
}

void OpusEncoder::Impl::Rebase(Duration media_time) {
  const Duration expected = base + SamplesToTime(counted + av_audio_fifo_size(fifo.get()));
  const Duration off = media_time > expected ? media_time - expected : expected - media_time;
  if (based && off <= kResync) return;
  av_audio_fifo_reset(fifo.get());
  base = media_time;
  counted = 0;
  based = true;
}

Status OpusEncoder::Impl::Drain(const PacketCallback& callback) {
  while (av_audio_fifo_size(fifo.get()) >= kOpusSamples) {
    const ff::Frame frame = ff::MakeFrame();
    frame->nb_samples = kOpusSamples;
    frame->format = AV_SAMPLE_FMT_FLT;
    frame->sample_rate = kOpusRate;
    av_channel_layout_copy(&frame->ch_layout, &context->ch_layout);
    if (const int code = av_frame_get_buffer(frame.get(), 0); code < 0) {
      return ff::FailWith("no memory for audio", code);
    }
    std::array<void*, 1> data{frame->data[0]};
    av_audio_fifo_read(fifo.get(), data.data(), kOpusSamples);
    frame->pts = counted;
    const Duration time = base + SamplesToTime(counted);
    counted += kOpusSamples;
    if (const int code = avcodec_send_frame(context.get(), frame.get()); code < 0) {
      return ff::FailWith("the encoder took no audio", code);
    }
    while (avcodec_receive_packet(context.get(), packet.get()) >= 0) {
      callback(ByteVector(packet->data, packet->data + packet->size), time);
      av_packet_unref(packet.get());
    }
  }
  return {};
}

Status OpusEncoder::Push(const AVFrame& frame, Duration media_time, const PacketCallback& packet) {
  Impl& my = *impl_;
  if (auto status = my.EnsureResampler(frame); !status) return status;
  const int most = swr_get_out_samples(my.resampler.get(), frame.nb_samples);
  if (most < 0 || most > kMaxWaiting) return Fail(ErrorCode::kInvalid, "an audio frame is out of bounds");
  my.Rebase(media_time);
  const auto channels = static_cast<std::size_t>(my.context->ch_layout.nb_channels);
  std::vector<std::uint8_t> out(static_cast<std::size_t>(std::max(most, 1)) * channels * sizeof(float));
  std::array<std::uint8_t*, 1> out_planes{out.data()};
  std::array<const std::uint8_t*, AV_NUM_DATA_POINTERS> in_planes{};
  const std::size_t planes =
      av_sample_fmt_is_planar(my.input_format) != 0
          ? std::min<std::size_t>(in_planes.size(), static_cast<std::size_t>(my.input_channels))
          : 1;
  for (std::size_t i = 0; i < planes; ++i) in_planes[i] = frame.extended_data[i];
  const int got =
      swr_convert(my.resampler.get(), out_planes.data(), most, in_planes.data(), frame.nb_samples);
  if (got < 0) return ff::FailWith("can't resample the audio", got);
  std::array<void*, 1> data{out.data()};
  av_audio_fifo_write(my.fifo.get(), data.data(), got);
  return my.Drain(packet);
}

Status OpusEncoder::PushSamples(std::span<const float> samples, Duration media_time,
                                const PacketCallback& packet) {
  Impl& my = *impl_;
  my.Rebase(media_time);
  std::vector<float> copy(samples.begin(), samples.end());
  std::array<void*, 1> data{copy.data()};
  av_audio_fifo_write(my.fifo.get(), data.data(),
                      static_cast<int>(samples.size()) / my.context->ch_layout.nb_channels);
  return my.Drain(packet);
}

}  // namespace latchkey::media
