#include "daemon/frames/repacketise.h"

#include <algorithm>
#include <array>

#include "daemon/base/check.h"
#include "daemon/wire/h264.h"
#include "daemon/wire/vp8.h"

namespace latchkey::frames {
namespace {

// How many pieces of at most `room` bytes, and the size of all but the last: nearly equal, so that no tiny
// packet ends each row.
std::size_t PieceSize(std::size_t size, std::size_t room) {
  const std::size_t pieces = (size + room - 1) / room;
  return (size + pieces - 1) / pieces;
}

//   | F NRI 28 | S E 0 type | fragment ...       (RFC 6184 5.8)
void AddFragments(const wire::H264NalPiece& piece, FrameBuilder& frame) {
  constexpr std::size_t kFuHeaders = 2;
  std::array<std::uint8_t, kMaxPayload> out{};
  const std::size_t step = PieceSize(piece.body.size(), kMaxPayload - kFuHeaders);
  for (std::size_t at = 0; at < piece.body.size(); at += step) {
    const ByteView fragment = piece.body.subspan(at, std::min(step, piece.body.size() - at));
    const bool first = piece.first && at == 0;
    const bool last = piece.last && at + fragment.size() == piece.body.size();
    ByteWriter writer(out);
    writer.U8(static_cast<std::uint8_t>((piece.header & 0xe0U) | wire::nal::kFuA));
    writer.U8(static_cast<std::uint8_t>((first ? 0x80U : 0U) | (last ? 0x40U : 0U) | piece.type()));
    writer.Bytes(fragment);
    LATCHKEY_CHECK(writer.ok());
    frame.Add(writer.Written());
  }
}

void AddWholeNal(const wire::H264NalPiece& piece, FrameBuilder& frame) {
  std::array<std::uint8_t, kMaxPayload> out{};
  ByteWriter writer(out);
  writer.U8(piece.header);
  writer.Bytes(piece.body);
  LATCHKEY_CHECK(writer.ok());
  frame.Add(writer.Written());
}

bool AddH264(ByteView payload, FrameBuilder& frame) {
  auto pieces = wire::ParseH264Payload(payload);
  if (!pieces) return false;
  while (const auto piece = pieces->Next()) {
    if (piece->first && piece->last && piece->body.size() < kMaxPayload) {
      AddWholeNal(*piece, frame);
    } else {
      AddFragments(*piece, frame);
    }
  }
  return true;
}

bool AddVp8(ByteView payload, FrameBuilder& frame) {
  const auto parsed = wire::ParseVp8Payload(payload);
  if (!parsed) return false;
  wire::Vp8Descriptor descriptor = parsed->descriptor;
  std::array<std::uint8_t, kMaxPayload> out{};
  const std::size_t step = PieceSize(parsed->data.size(), kMaxPayload - wire::kVp8MaxDescriptor);
  for (std::size_t at = 0; at < parsed->data.size(); at += step) {
    const ByteView piece = parsed->data.subspan(at, std::min(step, parsed->data.size() - at));
    const std::size_t head = wire::WriteVp8Descriptor(descriptor, out);
    LATCHKEY_CHECK(head > 0 && head + piece.size() <= out.size());
    std::copy(piece.begin(), piece.end(), out.begin() + static_cast<std::ptrdiff_t>(head));
    frame.Add(ByteView(out).first(head + piece.size()));
    descriptor.partition_start = false;
  }
  return true;
}

}  // namespace

bool AddPayload(wire::Codec codec, ByteView payload, FrameBuilder& frame) {
  if (payload.empty()) return false;
  if (payload.size() <= kMaxPayload) {
    frame.Add(payload);
    return true;
  }
  switch (codec) {
    case wire::Codec::kH264: return AddH264(payload, frame);
    case wire::Codec::kVp8: return AddVp8(payload, frame);
    case wire::Codec::kOpus:
    case wire::Codec::kPcmu:
    case wire::Codec::kPcma:
    case wire::Codec::kCount: break;
  }
  return false;
}

}  // namespace latchkey::frames
