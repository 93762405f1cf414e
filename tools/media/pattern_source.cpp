#include "tools/media/pattern_source.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <utility>
#include <vector>

#include "platform/loop/clock.h"
#include "tools/media/mark.h"

namespace latchkey::media {
namespace {

// Far behind (the machine slept), the pattern goes on from now instead of catching up.
constexpr Duration kMaxPatternBehind = milliseconds{500};
constexpr double kToneHz = 330;
constexpr double kToneLevel = 0.05;

std::string ClockText() {
  const WallTime wall = platform::WallNow();
  const std::time_t whole = ToUnixSeconds(wall);
  const auto tenth = static_cast<int>(ToMilliseconds(wall.time_since_epoch()) / 100 % 10);
  std::tm parts{};
  localtime_r(&whole, &parts);
  std::array<char, 48> text{};
  (void)std::snprintf(text.data(), text.size(), "%02d:%02d:%02d.%d", parts.tm_hour, parts.tm_min,
                      parts.tm_sec, tenth);
  return text.data();
}

}  // namespace

Result<std::unique_ptr<Source>> PatternSource::Make(const SourceOptions& options) {
  VideoEncoderOptions encoding;
  encoding.codec = options.codec;
  encoding.width = options.width.value_or(kWidth);
  encoding.height = options.height.value_or(kHeight);
  encoding.fps = options.fps.value_or(kFps);
  encoding.gop = options.gop_seconds;
  encoding.bitrate_kbit =
      options.bitrate_kbit.value_or(DefaultBitrateKbit(encoding.width, encoding.height, encoding.fps));
  if (options.mark && (encoding.width < kMarkMinWidth || encoding.height < kMarkMinHeight)) {
    return Fail(ErrorCode::kInvalid, "a mark needs a picture of at least 320x180; give a larger --size");
  }
  if (encoding.width < 160 || encoding.height < 90) {
    return Fail(ErrorCode::kInvalid, "the pattern needs a picture of at least 160x90; give a larger --size");
  }
  auto encoder = VideoEncoder::Make(encoding);
  if (!encoder) return tl::unexpected(encoder.error());
  std::unique_ptr<PatternSource> source(new PatternSource(options, encoding, std::move(*encoder)));
  if (options.tone) {
    auto tone = OpusEncoder::Make(1);
    if (!tone) return tl::unexpected(tone.error());
    source->tone_ = std::move(*tone);
  }
  return source;
}

PatternSource::PatternSource(const SourceOptions& options, const VideoEncoderOptions& encoding,
                             VideoEncoder encoder)
    : encoding_(encoding),
      encoder_(std::move(encoder)),
      pattern_(encoding.width, encoding.height, options.mark.value_or("latchkey-cam"), options.sky) {
  if (options.mark) mark_ = MarkText(*options.mark);
  grain_ = options.grain;
}

std::string PatternSource::Description() const {
  std::array<char, 96> text{};
  (void)std::snprintf(text.data(), text.size(), "test pattern %dx%d, %g fps, %s at %d kbit/s",
                      encoding_.width, encoding_.height, encoding_.fps,
                      std::string(CodecName(encoding_.codec)).c_str(), encoding_.bitrate_kbit);
  return text.data();
}

Status PatternSource::Run(FrameQueue& queue) {
  const Duration interval{static_cast<std::int64_t>(1e9 / encoding_.fps)};
  const Instant begun = platform::MonotonicNow();
  Instant due = begun;
  while (queue.SleepUntil(due)) {
    const Instant now = platform::MonotonicNow();
    if (now - due > kMaxPatternBehind) due = now;
    if (auto status = PushPicture(queue, begun, now, queue.TakeKeyframeRequest()); !status) return status;
    if (tone_) {
      if (auto status = PushTone(queue, begun, now); !status) return status;
    }
    due += interval;
  }
  return {};
}

Status PatternSource::PushPicture(FrameQueue& queue, Instant begun, Instant now, bool force_keyframe) {
  Picture& drawn = pattern_.Draw(now - begun, ClockText());
  Picture& picture = grain_ ? pattern_.WithGrain(frame_) : drawn;
  if (mark_) (void)DrawMark({*mark_, frame_, now}, picture);
  ++frame_;
  auto encoded = encoder_.Encode(picture.View(), force_keyframe);
  if (!encoded) return tl::unexpected(encoded.error());
  if (encoded->bytes.empty()) return {};
  queue.Push({wire::StreamKind::kVideo, std::move(encoded->bytes), encoded->keyframe, now - begun, now});
  return {};
}

Status PatternSource::PushTone(FrameQueue& queue, Instant begun, Instant now) {
  const auto until = static_cast<std::int64_t>(ToSeconds(now - begun) * kOpusRate);
  std::vector<float> samples;
  const Duration first{tone_samples_ * 1'000'000'000 / kOpusRate};
  // After a pause of more than a second only the last one is made up.
  tone_samples_ = std::max(tone_samples_, until - kOpusRate);
  for (; tone_samples_ < until; ++tone_samples_) {
    const double t = static_cast<double>(tone_samples_) / kOpusRate;
    const double swell = 0.6 + 0.4 * std::sin(2 * 3.14159265358979 * 0.25 * t);
    samples.push_back(static_cast<float>(kToneLevel * swell * std::sin(2 * 3.14159265358979 * kToneHz * t)));
  }
  return tone_->PushSamples(samples, first, [&](ByteVector packet, Duration media_time) {
    queue.Push({wire::StreamKind::kAudio, std::move(packet), false, media_time, now});
  });
}

}  // namespace latchkey::media
