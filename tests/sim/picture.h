// Pictures that say whose they are. The same sixteen bytes lead the slice (H.264) or the frame (VP8):
//
//   | mark (32) | life (32) | number (32) | bytes in all (32) | filling ...
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "daemon/base/bytes.h"
#include "daemon/wire/codec.h"

namespace latchkey::sim {

constexpr std::size_t kPictureWords = 16;

struct Picture {
  std::uint32_t mark = 0;    // of the camera
  std::uint32_t life = 0;    // of the camera: one more with each reboot and each change of SSRC
  std::uint32_t number = 0;  // counts through all lives
  bool keyframe = false;
  bool b_slice = false;  // refers to what comes after it (H.264)
};

// The coded frame: a slice NAL, or a VP8 frame. `bytes` behind the codec's own head, at least kPictureWords.
ByteVector WritePicture(const Picture& picture, wire::Codec codec, std::size_t bytes);

// What one RTP payload says of the picture that it belongs to.
struct PayloadFacts {
  bool starts = false;             // first packet of a frame (parameter sets count)
  std::size_t bytes = 0;           // of the picture, codec's own head left out
  bool slice = false;              // has bytes of the picture
  std::optional<Picture> picture;  // where its words stand
  std::uint32_t all_bytes = 0;     // beside picture
};
// Nothing: malformed.
std::optional<PayloadFacts> ReadPayload(ByteView payload, wire::Codec codec);

}  // namespace latchkey::sim
