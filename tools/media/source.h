// Where latchkey-cam's media comes from: the test pattern, a file, an RTSP camera, a V4L2 device. A source
// runs in a thread of its own (encoders and network reads block) and hands frames through a FrameQueue.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "daemon/base/result.h"
#include "daemon/wire/codec.h"
#include "daemon/wire/h264_sps.h"
#include "tools/media/frame_queue.h"

namespace latchkey::media {

struct SourceOptions {
  std::string spec = "pattern";  // pattern | FILE | rtsp://… | /dev/videoN
  wire::Codec codec = wire::Codec::kH264;
  std::optional<std::string> mark;  // TEXT of the mark; sources are then always encoded here
  double gop_seconds = 2;
  std::optional<int> width;  // both or neither; even
  std::optional<int> height;
  std::optional<double> fps;
  std::optional<int> bitrate_kbit;
  std::string sky;     // pattern only: one of kSkies (pattern.h); empty: by the mark
  bool tone = false;   // pattern only: a soft tone as audio
  bool grain = false;  // pattern only: a sensor's noise, so that the encoder uses its whole bitrate
};

class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  // Whether audio frames will come: the offer needs to know before the first one.
  [[nodiscard]] virtual bool has_audio() const = 0;
  // Of H.264 that is passed on as it is; nothing where we encode (Constrained Baseline then).
  [[nodiscard]] virtual std::optional<wire::H264ProfileLevel> h264_profile() const { return std::nullopt; }
  // For a person, one line: "1280x720, 25 fps, encoded with x264 at 2500 kbit/s".
  [[nodiscard]] virtual std::string Description() const = 0;
  // Blocks, pushing frames in real time, until queue.stopping() or until nothing more can come.
  virtual Status Run(FrameQueue& queue) = 0;
};

// Opens the source. Fails when there is no such file, device or camera, or when no stream of it can be used.
// Things a person should know (a file that has to be re-encoded) are told through `note`.
Result<std::unique_ptr<Source>> OpenSource(const SourceOptions& options,
                                           const std::function<void(const std::string&)>& note);

}  // namespace latchkey::media
