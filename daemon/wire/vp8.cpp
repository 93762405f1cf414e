#include "daemon/wire/vp8.h"

namespace latchkey::wire {
namespace {

// First byte.
constexpr std::uint8_t kExtended = 0x80;
constexpr std::uint8_t kNonReference = 0x20;
constexpr std::uint8_t kStart = 0x10;
// Extension byte.
constexpr std::uint8_t kHasPictureId = 0x80;
constexpr std::uint8_t kHasTl0 = 0x40;
constexpr std::uint8_t kHasTid = 0x20;
constexpr std::uint8_t kHasKeyIdx = 0x10;

constexpr std::uint8_t kLongPictureId = 0x80;
constexpr std::uint16_t kPictureIdMask = 0x7fff;
// What the fragmenter writes: X, then I with a long picture id.
constexpr std::size_t kFragmentDescriptor = 4;

void ReadExtension(ByteReader& reader, Vp8Descriptor& d) {
  const std::uint8_t flags = reader.U8();
  if ((flags & kHasPictureId) != 0) {
    const std::uint8_t first = reader.U8();
    d.picture_id_is_long = (first & kLongPictureId) != 0;
    d.picture_id = first & 0x7fU;
    if (d.picture_id_is_long) {
      d.picture_id = static_cast<std::uint16_t>(((first & 0x7fU) << 8U) | reader.U8());
    }
  }
  if ((flags & kHasTl0) != 0) d.tl0_pic_idx = reader.U8();
  if ((flags & (kHasTid | kHasKeyIdx)) == 0) return;
  const std::uint8_t byte = reader.U8();
  if ((flags & kHasTid) != 0) {
    d.temporal_id = static_cast<std::uint8_t>(byte >> 6U);
    d.layer_sync = (byte & 0x20U) != 0;
  }
  if ((flags & kHasKeyIdx) != 0) d.key_idx = byte & 0x1fU;
}

}  // namespace

std::optional<Vp8Payload> ParseVp8Payload(ByteView bytes) {
  ByteReader reader(bytes);
  Vp8Payload payload;
  Vp8Descriptor& d = payload.descriptor;
  const std::uint8_t first = reader.U8();
  d.non_reference = (first & kNonReference) != 0;
  d.partition_start = (first & kStart) != 0;
  d.partition = first & 7U;
  if ((first & kExtended) != 0) ReadExtension(reader, d);
  payload.data = reader.Rest();
  if (!reader.ok() || payload.data.empty()) return std::nullopt;
  return payload;
}

//   | frame tag (24): P is bit 0 of the first byte | 9d 01 2a | width, scale (16 LE) | height, scale (16 LE)
//   |
std::optional<Vp8Dimensions> ParseVp8Dimensions(ByteView frame) {
  constexpr std::uint32_t kStartCode = 0x9d012a;
  constexpr unsigned kSizeMask = 0x3fff;
  ByteReader reader(frame);
  const bool interframe = (reader.U8() & 1U) != 0;
  reader.Skip(2);
  if (interframe || reader.U24() != kStartCode) return std::nullopt;
  const auto little_endian = [&reader] {
    const unsigned low = reader.U8();
    return low | (static_cast<unsigned>(reader.U8()) << 8U);
  };
  Vp8Dimensions size;
  size.width = static_cast<std::uint16_t>(little_endian() & kSizeMask);
  size.height = static_cast<std::uint16_t>(little_endian() & kSizeMask);
  if (!reader.ok()) return std::nullopt;
  return size;
}

std::size_t WriteVp8Descriptor(const Vp8Descriptor& d, MutableByteView out) {
  ByteWriter writer(out);
  const bool tid_byte = d.temporal_id.has_value() || d.key_idx.has_value();
  const bool extended = d.picture_id.has_value() || d.tl0_pic_idx.has_value() || tid_byte;
  writer.U8(static_cast<std::uint8_t>((extended ? kExtended : 0U) | (d.non_reference ? kNonReference : 0U) |
                                      (d.partition_start ? kStart : 0U) | (d.partition & 7U)));
  if (extended) {
    writer.U8(static_cast<std::uint8_t>((d.picture_id ? kHasPictureId : 0U) | (d.tl0_pic_idx ? kHasTl0 : 0U) |
                                        (d.temporal_id ? kHasTid : 0U) | (d.key_idx ? kHasKeyIdx : 0U)));
  }
  if (d.picture_id && d.picture_id_is_long) {
    writer.U16(static_cast<std::uint16_t>((kLongPictureId << 8U) | (*d.picture_id & kPictureIdMask)));
  } else if (d.picture_id) {
    writer.U8(static_cast<std::uint8_t>(*d.picture_id & 0x7fU));
  }
  if (d.tl0_pic_idx) writer.U8(*d.tl0_pic_idx);
  if (tid_byte) {
    writer.U8(static_cast<std::uint8_t>((static_cast<unsigned>(d.temporal_id.value_or(0)) << 6U) |
                                        (d.layer_sync ? 0x20U : 0U) | (d.key_idx.value_or(0) & 0x1fU)));
  }
  return writer.ok() ? writer.size() : 0;
}

Vp8Fragmenter::Vp8Fragmenter(ByteView frame, std::uint16_t picture_id, std::size_t max_payload)
    : frame_(frame), picture_id_(picture_id & kPictureIdMask) {
  LATCHKEY_CHECK(!frame.empty() && max_payload >= kMinPayload);
  const std::size_t room = max_payload - kFragmentDescriptor;
  fragments_left_ = (frame.size() + room - 1) / room;
}

std::optional<ByteView> Vp8Fragmenter::Next(MutableByteView out) {
  if (fragments_left_ == 0) return std::nullopt;
  Vp8Descriptor descriptor;
  descriptor.partition_start = position_ == 0;
  descriptor.picture_id = picture_id_;
  descriptor.picture_id_is_long = true;
  const std::size_t head = WriteVp8Descriptor(descriptor, out);
  const std::size_t size = (frame_.size() - position_ + fragments_left_ - 1) / fragments_left_;
  LATCHKEY_CHECK(head != 0 && head + size <= out.size());
  ByteWriter writer(out.subspan(head));
  writer.Bytes(frame_.subspan(position_, size));
  position_ += size;
  --fragments_left_;
  return ByteView(out).first(head + size);
}

bool Vp8Depacketiser::Push(ByteView bytes) {
  const auto payload = ParseVp8Payload(bytes);
  damaged_ = damaged_ || !payload || payload->StartsFrame() != frame_.empty() ||
             frame_.size() + payload->data.size() > kVp8MaxFrame;
  if (!damaged_) frame_.insert(frame_.end(), payload->data.begin(), payload->data.end());
  return !damaged_;
}

void Vp8Depacketiser::Clear() {
  frame_.clear();
  damaged_ = false;
}

}  // namespace latchkey::wire
