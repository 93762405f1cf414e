// The test pattern as a source: drawn, marked and encoded in real time, with a soft tone when asked for.
#pragma once

#include <optional>
#include <string>

#include "tools/media/audio_encoder.h"
#include "tools/media/pattern.h"
#include "tools/media/source.h"
#include "tools/media/video_encoder.h"

namespace latchkey::media {

class PatternSource final : public Source {
 public:
  static constexpr int kWidth = 1280;
  static constexpr int kHeight = 720;
  static constexpr double kFps = 25;

  static Result<std::unique_ptr<Source>> Make(const SourceOptions& options);

  [[nodiscard]] bool has_audio() const override { return tone_.has_value(); }
  [[nodiscard]] std::string Description() const override;
  Status Run(FrameQueue& queue) override;

 private:
  PatternSource(const SourceOptions& options, const VideoEncoderOptions& encoding, VideoEncoder encoder);
  Status PushPicture(FrameQueue& queue, Instant begun, Instant due, bool force_keyframe);
  Status PushTone(FrameQueue& queue, Instant begun, Instant now);

  VideoEncoderOptions encoding_;
  VideoEncoder encoder_;
  std::optional<std::uint64_t> mark_;
  bool grain_ = false;
  Pattern pattern_;
  std::optional<OpusEncoder> tone_;
  std::int64_t tone_samples_ = 0;
  std::uint32_t frame_ = 0;
};

}  // namespace latchkey::media
