// The audio packets of an input, decoded and encoded again as Opus. Internal to this folder.
#pragma once

#include <memory>
#include <utility>

#include "tools/media/audio_encoder.h"
#include "tools/media/video_track.h"

namespace latchkey::media {

class AudioTrack {
 public:
  static Result<std::unique_ptr<AudioTrack>> Make(const AVStream& stream);

  // One packet, or nullptr at the end of a segment.
  Status Handle(const AVPacket* packet, TrackPort& port);

 private:
  AudioTrack(ff::CodecContext decoder, OpusEncoder encoder)
      : decoder_(std::move(decoder)), frame_(ff::MakeFrame()), encoder_(std::move(encoder)) {}

  ff::CodecContext decoder_;
  ff::Frame frame_;
  OpusEncoder encoder_;
};

}  // namespace latchkey::media
