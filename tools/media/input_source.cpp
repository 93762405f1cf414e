#include "tools/media/input_source.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "platform/loop/clock.h"
#include "tools/media/pattern_source.h"

namespace latchkey::media {
namespace {

// A file read this far behind real time goes on from now; a live clock this far off is taken anew.
constexpr Duration kMaxInputBehind = seconds{1};
constexpr Duration kMaxLiveOffset = seconds{3};
// From the last timestamp of a file to the first of its next round.
constexpr Duration kLoopGap = milliseconds{40};

bool StartsWith(const std::string& text, std::string_view prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

}  // namespace

Instant InputSource::Deadline() {
  return platform::MonotonicNow() + kInputTimeout;
}

InputSource::InputSource(const SourceOptions& options, Kind kind, Note note)
    : options_(options), kind_(kind), note_(std::move(note)), interrupt_(std::make_unique<Interrupt>()) {}

InputSource::~InputSource() = default;

Result<std::unique_ptr<Source>> InputSource::Open(const SourceOptions& options, Note note) {
  Kind kind = Kind::kFile;
  if (StartsWith(options.spec, "rtsp://") || StartsWith(options.spec, "rtsps://")) kind = Kind::kRtsp;
  if (StartsWith(options.spec, "/dev/")) kind = Kind::kDevice;
  std::unique_ptr<InputSource> source(new InputSource(options, kind, std::move(note)));
  if (auto status = source->OpenInput(); !status) return tl::unexpected(status.error());
  if (auto status = source->ChooseStreams(); !status) return tl::unexpected(status.error());
  return source;
}

Status InputSource::OpenInput() {
  input_.reset();
  AVFormatContext* raw = avformat_alloc_context();
  raw->interrupt_callback.opaque = interrupt_.get();
  raw->interrupt_callback.callback = [](void* opaque) {
    const auto* interrupt = static_cast<const Interrupt*>(opaque);
    if (interrupt->queue != nullptr && interrupt->queue->stopping()) return 1;
    return platform::MonotonicNow() > interrupt->deadline ? 1 : 0;
  };
  ff::Options dict;
  const AVInputFormat* format = nullptr;
  if (kind_ == Kind::kRtsp) {
    dict.Set("rtsp_transport", "tcp").Set("fflags", "nobuffer").Set("flags", "low_delay");
    dict.Set("timeout", std::to_string(ToMicroseconds(kInputTimeout)));
    dict.Set("analyzeduration", "1000000").Set("probesize", "500000");
  } else if (kind_ == Kind::kDevice) {
    avdevice_register_all();
    format = av_find_input_format("v4l2");
    if (format == nullptr) {
      avformat_free_context(raw);
      return Fail(ErrorCode::kSystem, "this FFmpeg has no v4l2; install libavdevice");
    }
    if (options_.width) {
      dict.Set("video_size", std::to_string(*options_.width) + "x" + std::to_string(*options_.height));
    }
    if (options_.fps) dict.Set("framerate", std::to_string(*options_.fps));
  }
  KeepBusy();
  // Frees `raw` when it fails.
  if (const int code = avformat_open_input(&raw, options_.spec.c_str(), format, dict.get()); code < 0) {
    return ff::FailWith("can't open " + options_.spec, code);
  }
  input_.reset(raw);
  KeepBusy();
  if (const int code = avformat_find_stream_info(raw, nullptr); code < 0) {
    return ff::FailWith("can't read " + options_.spec, code);
  }
  return {};
}

Status InputSource::ChooseStreams() {
  video_index_ = av_find_best_stream(input_.get(), AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
  if (video_index_ < 0) return Fail(ErrorCode::kUnsupported, options_.spec + " has no video");
  audio_index_ = av_find_best_stream(input_.get(), AVMEDIA_TYPE_AUDIO, -1, video_index_, nullptr, 0);
  if (auto status = MakeVideo(*input_->streams[video_index_]); !status) return status;
  audio_.reset();
  if (audio_index_ < 0) return {};
  auto audio = AudioTrack::Make(*input_->streams[audio_index_]);
  if (!audio) {
    note_("the sound is left out: " + audio.error().message);
    audio_index_ = -1;
    return {};
  }
  audio_ = std::move(*audio);
  return {};
}

bool InputSource::MustEncode(const AVStream& stream) const {
  if (options_.mark || options_.width || options_.fps || options_.bitrate_kbit) return true;
  return options_.codec != wire::Codec::kH264 || stream.codecpar->codec_id != AV_CODEC_ID_H264;
}

Status InputSource::MakeVideo(const AVStream& stream) {
  video_.reset();
  if (!always_encode_ && !MustEncode(stream)) {
    if (stream.codecpar->video_delay == 0) {
      auto copy = MakeCopyTrack(stream);
      if (!copy) return tl::unexpected(copy.error());
      video_ = std::move(*copy);
      return {};
    }
    note_("its H.264 has B-frames, which WebRTC can't carry: decoding and encoding it anew");
    always_encode_ = true;
  }
  auto encode = MakeEncodeTrack(stream, options_);
  if (!encode) return tl::unexpected(encode.error());
  video_ = std::move(*encode);
  return {};
}

std::string InputSource::Description() const {
  return options_.spec + ": " + video_->Description() + (audio_ ? ", sound as Opus" : ", no sound");
}

Status InputSource::Run(FrameQueue& queue) {
  interrupt_->queue = &queue;
  begun_ = platform::MonotonicNow();
  while (!queue.stopping()) {
    auto ended = ReadSegment(queue);
    if (!ended) return tl::unexpected(ended.error());
    if (queue.stopping()) break;
    Status next;
    if (kind_ == Kind::kFile) {
      next = *ended ? RewindFile() : Status(Fail(ErrorCode::kCorrupt, "can't read on in " + options_.spec));
    } else if (kind_ == Kind::kRtsp) {
      next = Reconnect(queue);
    } else {
      next = Fail(ErrorCode::kSystem, "the device " + options_.spec + " gives no more pictures");
    }
    if (!next) return next;
  }
  return {};
}

Result<bool> InputSource::ReadSegment(FrameQueue& queue) {
  const ff::Packet packet = ff::MakePacket();
  int code = 0;
  while (!queue.stopping()) {
    KeepBusy();
    code = av_read_frame(input_.get(), packet.get());
    if (code == AVERROR(EAGAIN)) continue;
    if (code < 0) break;
    Status status;
    if (packet->stream_index == video_index_) status = HandlePacket(packet.get(), queue, true);
    if (packet->stream_index == audio_index_) status = HandlePacket(packet.get(), queue, false);
    av_packet_unref(packet.get());
    if (!status) return tl::unexpected(status.error());
  }
  if (auto status = HandlePacket(nullptr, queue, true); !status) return tl::unexpected(status.error());
  if (audio_) {
    if (auto status = HandlePacket(nullptr, queue, false); !status) return tl::unexpected(status.error());
  }
  return code == AVERROR_EOF;
}

Status InputSource::HandlePacket(const AVPacket* packet, FrameQueue& queue, bool video) {
  const AVStream& stream = *input_->streams[video ? video_index_ : audio_index_];
  TrackPort port{queue, [&](std::int64_t ticks) { return MapTime(ticks, stream); },
                 [&](Duration media_time) { return Wait(queue, media_time); }};
  if (!video) return audio_->Handle(packet, port);
  auto status = video_->Handle(packet, port);
  if (status || status.error().code != kReordered) return status;
  note_("its H.264 turned out to have B-frames, which WebRTC can't carry: decoding and encoding it anew");
  always_encode_ = true;
  return MakeVideo(stream);
}

Duration InputSource::MapTime(std::int64_t ticks, const AVStream& stream) {
  Duration media = timeline_.ToMediaTime(ticks, stream.time_base.num, stream.time_base.den);
  if (kind_ == Kind::kFile) return media;
  const Duration live = platform::MonotonicNow() - begun_;
  const Duration off = media > live ? media - live : live - media;
  if (off <= kMaxLiveOffset) return media;
  timeline_.BeginSegment(live);
  return timeline_.ToMediaTime(ticks, stream.time_base.num, stream.time_base.den);
}

std::optional<Instant> InputSource::Wait(FrameQueue& queue, Duration media_time) {
  const Instant now = platform::MonotonicNow();
  if (kind_ != Kind::kFile) return queue.stopping() ? std::nullopt : std::optional(now);
  if (now - (begun_ + media_time) > kMaxInputBehind) begun_ = now - media_time;
  const Instant due = begun_ + media_time;
  if (!queue.SleepUntil(due)) return std::nullopt;
  return due;
}

Status InputSource::RewindFile() {
  const std::int64_t start = input_->start_time != AV_NOPTS_VALUE ? input_->start_time : 0;
  if (const int code = avformat_seek_file(input_.get(), -1, INT64_MIN, start, start, AVSEEK_FLAG_BACKWARD);
      code < 0) {
    return ff::FailWith("can't rewind " + options_.spec, code);
  }
  timeline_.BeginSegment(timeline_.end() + kLoopGap);
  return {};
}

Status InputSource::Reconnect(FrameQueue& queue) {
  note_(options_.spec + " is gone; connecting again");
  const bool had_audio = has_audio();
  while (queue.SleepUntil(platform::MonotonicNow() + kReconnectDelay)) {
    if (!OpenInput()) continue;
    if (!ChooseStreams()) continue;
    // The offer promised what the first connection had; sound that is new now has nowhere to go.
    if (!had_audio) {
      audio_.reset();
      audio_index_ = -1;
    }
    timeline_.BeginSegment(platform::MonotonicNow() - begun_);
    note_(options_.spec + " is back");
    return {};
  }
  return {};
}

Result<std::unique_ptr<Source>> OpenSource(const SourceOptions& options,
                                           const std::function<void(const std::string&)>& note) {
  if (options.spec == "pattern") return PatternSource::Make(options);
  return InputSource::Open(options, note);
}

}  // namespace latchkey::media
