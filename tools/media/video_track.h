// What happens to the video packets of an input: passed on as they are, or decoded, marked and encoded.
// Internal to this folder (FFmpeg's types).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "daemon/base/result.h"
#include "tools/media/ffmpeg.h"
#include "tools/media/frame_queue.h"
#include "tools/media/source.h"

namespace latchkey::media {

// What a track needs of its source.
struct TrackPort {
  FrameQueue& queue;
  // Maps a timestamp in the stream's time base to media time.
  std::function<Duration(std::int64_t ticks)> media_time;
  // Waits until that media time is due (live sources: not at all); gives the moment it stands for. Nothing
  // when the source is stopping.
  std::function<std::optional<Instant>(Duration media_time)> wait;
};

class VideoTrack {
 public:
  VideoTrack() = default;
  VideoTrack(const VideoTrack&) = delete;
  VideoTrack& operator=(const VideoTrack&) = delete;
  virtual ~VideoTrack() = default;

  // One packet, or nullptr at the end of a segment: what is held inside comes out, then a new one may begin.
  virtual Status Handle(const AVPacket* packet, TrackPort& port) = 0;
  [[nodiscard]] virtual std::string Description() const = 0;
  // Of H.264 that is passed on as it is.
  [[nodiscard]] virtual std::optional<wire::H264ProfileLevel> h264_profile() const { return std::nullopt; }
};

// Error code of a copying track that met a B-frame: the caller goes on with an encoding one.
constexpr ErrorCode kReordered = ErrorCode::kUnsupported;

// H.264 as it is: to Annex B, parameter sets in front of each IDR. Handle() fails with kReordered at the
// first picture whose timestamp goes backwards.
Result<std::unique_ptr<VideoTrack>> MakeCopyTrack(const AVStream& stream);

// Anything libavcodec decodes, scaled to --size (or to the stream's own size, made even) and thinned out to
// --fps.
Result<std::unique_ptr<VideoTrack>> MakeEncodeTrack(const AVStream& stream, const SourceOptions& options);

}  // namespace latchkey::media
