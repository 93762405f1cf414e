// RTP payloads of VP8 (RFC 7741).
//
//        0 1 2 3 4 5 6 7
//       +-+-+-+-+-+-+-+-+
//       |X|R|N|S|R| PID |   required
//       +-+-+-+-+-+-+-+-+
//  X:   |I|L|T|K| RSV   |
//       +-+-+-+-+-+-+-+-+
//  I:   |M| PictureID   |   M: 15 bits, a second byte follows
//       +-+-+-+-+-+-+-+-+
//  L:   |   TL0PICIDX   |
//       +-+-+-+-+-+-+-+-+
//  T/K: |TID|Y| KEYIDX  |
//       +-+-+-+-+-+-+-+-+   then the VP8 payload; of partition 0 its start is the frame tag (RFC 6386 9.1)
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "daemon/base/bytes.h"

namespace latchkey::wire {

struct Vp8Descriptor {
  bool non_reference = false;    // N: may be discarded without harm to others
  bool partition_start = false;  // S
  std::uint8_t partition = 0;    // PID, 0..7
  std::optional<std::uint16_t> picture_id;
  bool picture_id_is_long = false;  // 15 bits, else 7
  std::optional<std::uint8_t> tl0_pic_idx;
  std::optional<std::uint8_t> temporal_id;  // TID, 0..3
  bool layer_sync = false;                  // Y, with TID only
  std::optional<std::uint8_t> key_idx;      // KEYIDX, 0..31
  friend bool operator==(const Vp8Descriptor&, const Vp8Descriptor&) = default;
};
// 1 + 1 + 2 + 1 + 1.
constexpr std::size_t kVp8MaxDescriptor = 6;

struct Vp8Payload {
  Vp8Descriptor descriptor;
  ByteView data;  // behind the descriptor, at least one byte
  // Begins a frame: the first packet of partition 0.
  [[nodiscard]] bool StartsFrame() const { return descriptor.partition_start && descriptor.partition == 0; }
  // Begins a key frame (P bit of the frame tag is 0).
  [[nodiscard]] bool StartsKeyframe() const { return StartsFrame() && (data[0] & 1U) == 0; }
};
// Nothing when short or without any VP8 data.
std::optional<Vp8Payload> ParseVp8Payload(ByteView payload);

// Size in the header of a key frame (RFC 6386 9.1): `frame` begins with the frame tag. Nothing when it is
// an interframe, short, or without the start code 9d 01 2a.
struct Vp8Dimensions {
  std::uint16_t width = 0;  // 14 bits, before upscaling
  std::uint16_t height = 0;
  friend bool operator==(const Vp8Dimensions&, const Vp8Dimensions&) = default;
};
std::optional<Vp8Dimensions> ParseVp8Dimensions(ByteView frame);

// Writes the descriptor, returns its size; 0 when there is no room.
std::size_t WriteVp8Descriptor(const Vp8Descriptor& descriptor, MutableByteView out);

// Cuts a frame into payloads of nearly equal size, with a 15-bit picture id.
class Vp8Fragmenter {
 public:
  static constexpr std::size_t kMinPayload = 16;
  // `frame` is not empty; `max_payload` at least kMinPayload, descriptor included.
  Vp8Fragmenter(ByteView frame, std::uint16_t picture_id, std::size_t max_payload);
  // Writes the next payload into `out` (room for max_payload bytes) and returns it; nothing when done.
  std::optional<ByteView> Next(MutableByteView out);
  // No payload is left: the one given out before gets the marker.
  [[nodiscard]] bool Done() const { return fragments_left_ == 0; }

 private:
  ByteView frame_;
  std::uint16_t picture_id_;
  std::size_t position_ = 0;
  std::size_t fragments_left_ = 0;
};

// Largest frame put together again; a larger one is refused.
constexpr std::size_t kVp8MaxFrame = 4 * 1024 * 1024;

// Puts payloads, given in order, together to a frame.
class Vp8Depacketiser {
 public:
  // False when malformed, when the first payload does not start a frame, when a later one starts another,
  // or at the bound: the frame is damaged, Clear() begins the next.
  [[nodiscard]] bool Push(ByteView payload);
  [[nodiscard]] bool Whole() const { return !damaged_ && !frame_.empty(); }
  [[nodiscard]] const ByteVector& frame() const { return frame_; }
  void Clear();

 private:
  ByteVector frame_;
  bool damaged_ = false;
};

}  // namespace latchkey::wire
