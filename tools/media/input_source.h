// Files, RTSP cameras and V4L2 devices as sources, through libavformat and libavdevice.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tools/media/audio_track.h"
#include "tools/media/ffmpeg.h"
#include "tools/media/source.h"
#include "tools/media/timeline.h"
#include "tools/media/video_track.h"

namespace latchkey::media {

// A camera that says nothing for so long is gone; a connection is then made anew.
constexpr Duration kInputTimeout = seconds{5};
// Between attempts to reach an RTSP camera again.
constexpr Duration kReconnectDelay = seconds{1};

class InputSource final : public Source {
 public:
  using Note = std::function<void(const std::string&)>;
  static Result<std::unique_ptr<Source>> Open(const SourceOptions& options, Note note);
  ~InputSource() override;

  [[nodiscard]] bool has_audio() const override { return audio_ != nullptr; }
  [[nodiscard]] std::string Description() const override;
  [[nodiscard]] std::optional<wire::H264ProfileLevel> h264_profile() const override {
    return video_->h264_profile();
  }
  Status Run(FrameQueue& queue) override;

 private:
  enum class Kind : std::uint8_t { kFile, kRtsp, kDevice };
  // Read by libavformat from within its blocking calls.
  struct Interrupt {
    FrameQueue* queue = nullptr;
    Instant deadline;
  };

  InputSource(const SourceOptions& options, Kind kind, Note note);
  Status OpenInput();
  Status ChooseStreams();
  Status MakeVideo(const AVStream& stream);
  [[nodiscard]] bool MustEncode(const AVStream& stream) const;
  // Reads until the end (true), an error (false) or a stop (false). Fails only when going on is useless.
  Result<bool> ReadSegment(FrameQueue& queue);
  Status HandlePacket(const AVPacket* packet, FrameQueue& queue, bool video);
  Status RewindFile();
  Status Reconnect(FrameQueue& queue);
  std::optional<Instant> Wait(FrameQueue& queue, Duration media_time);
  [[nodiscard]] Duration MapTime(std::int64_t ticks, const AVStream& stream);
  void KeepBusy() { interrupt_->deadline = Deadline(); }
  static Instant Deadline();

  SourceOptions options_;
  Kind kind_;
  Note note_;
  std::unique_ptr<Interrupt> interrupt_;
  ff::Input input_;
  int video_index_ = -1;
  int audio_index_ = -1;
  bool always_encode_ = false;
  std::unique_ptr<VideoTrack> video_;
  std::unique_ptr<AudioTrack> audio_;
  Timeline timeline_;
  Instant begun_;
};

}  // namespace latchkey::media
