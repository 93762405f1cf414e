// What a viewer received, written to a file as it came (no encoding): Matroska or MP4 by the file's name.
#pragma once

#include <memory>
#include <string>

#include "daemon/base/result.h"
#include "daemon/wire/codec.h"
#include "tools/media/receive_stream.h"

namespace latchkey::media {

class Recorder {
 public:
  // "….mp4", "….mkv", "….webm" and whatever else libavformat writes by name. The file is begun by the first
  // keyframe, because it needs the picture's size.
  explicit Recorder(std::string path);
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  ~Recorder();

  // Video alone. Frames before the first keyframe are left out; a change of size begins no new file.
  Status Write(wire::Codec codec, const ReceivedFrame& frame);
  // Ends the file. Fails when nothing was written.
  Status Finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey::media
