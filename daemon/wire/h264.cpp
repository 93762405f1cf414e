#include "daemon/wire/h264.h"

#include <array>

#include "daemon/wire/bit_reader.h"

namespace latchkey::wire {
namespace {

constexpr std::uint8_t kForbiddenBit = 0x80;
constexpr std::uint8_t kFuStart = 0x80;
constexpr std::uint8_t kFuEnd = 0x40;
constexpr std::uint8_t kHeaderWithoutType = 0xe0;

constexpr bool IsSingleType(std::uint8_t type) {
  return type >= 1 && type <= nal::kLastSingle;
}

// Each unit of a STAP-A: a size of at least 1, and a NAL of a single type.
bool AggregateIsWhole(ByteReader reader) {
  if (reader.remaining() == 0) return false;
  while (reader.ok() && reader.remaining() > 0) {
    const ByteView unit = reader.Bytes(reader.U16());
    if (unit.empty() || (unit[0] & kForbiddenBit) != 0 || !IsSingleType(NalType(unit[0]))) return false;
  }
  return reader.ok();
}

H264NalPiece WholeNal(ByteView unit) {
  return {unit[0], unit.subspan(1), true, true};
}

// `rest` is what follows the FU indicator: FU header and fragment.
H264NalPiece FragmentOf(std::uint8_t indicator, ByteView rest) {
  const std::uint8_t fu = rest[0];
  H264NalPiece piece;
  piece.header = static_cast<std::uint8_t>((indicator & kHeaderWithoutType) | NalType(fu));
  piece.body = rest.subspan(1);
  piece.first = (fu & kFuStart) != 0;
  piece.last = (fu & kFuEnd) != 0;
  return piece;
}

bool MayBeginAccessUnit(const H264NalPiece& piece, bool starts_picture) {
  if (!piece.first) return false;
  const std::uint8_t type = piece.type();
  return starts_picture || (type >= nal::kSei && type <= nal::kAud) ||
         (type >= nal::kPrefix && type <= nal::kLastReserved);
}

// Adds one piece; says whether it starts a picture.
bool Note(const H264NalPiece& piece, H264PayloadInfo& info) {
  const std::uint8_t type = piece.type();
  info.idr = info.idr || type == nal::kIdr;
  info.sps = info.sps || type == nal::kSps;
  info.pps = info.pps || type == nal::kPps;
  if (!IsVclNal(type)) return false;
  info.vcl = true;
  info.reference = info.reference || NalRefIdc(piece.header) > 0;
  // Only these begin with a slice header; partitions B and C have none.
  if (!piece.first || (type != nal::kSlice && type != nal::kIdr && type != nal::kPartitionA)) return false;
  const auto slice = ParseH264SliceStart(piece.body);
  if (!slice) return false;
  info.b_slice = info.b_slice || slice->type == H264SliceType::kB;
  const bool starts_picture = slice->first_macroblock == 0;
  info.starts_picture = info.starts_picture || starts_picture;
  return starts_picture;
}

}  // namespace

std::optional<H264Payload> ParseH264Payload(ByteView payload) {
  if (payload.empty() || (payload[0] & kForbiddenBit) != 0) return std::nullopt;
  const std::uint8_t type = NalType(payload[0]);
  if (type == nal::kStapA) {
    H264Payload aggregate(payload.subspan(1));
    aggregate.aggregate_ = true;
    if (!AggregateIsWhole(aggregate.reader_)) return std::nullopt;
    return aggregate;
  }
  if (type == nal::kFuA) {
    if (payload.size() < 2 || !IsSingleType(NalType(payload[1]))) return std::nullopt;
  } else if (!IsSingleType(type)) {
    return std::nullopt;
  }
  return H264Payload(payload);
}

std::optional<H264NalPiece> H264Payload::Next() {
  if (reader_.remaining() == 0) return std::nullopt;
  if (aggregate_) return WholeNal(reader_.Bytes(reader_.U16()));
  const ByteView unit = reader_.Rest();
  return NalType(unit[0]) == nal::kFuA ? FragmentOf(unit[0], unit.subspan(1)) : WholeNal(unit);
}

std::optional<H264SliceStart> ParseH264SliceStart(ByteView nal_body) {
  // slice_type 5..9 are 0..4 with the promise that all slices of the picture are alike (table 7-6).
  constexpr std::uint32_t kTypes = 5;
  static_assert(static_cast<std::uint32_t>(H264SliceType::kCount) == kTypes);
  RbspReader reader(nal_body);
  H264SliceStart start;
  start.first_macroblock = reader.Ue();
  const std::uint32_t type = reader.Ue();
  if (!reader.ok() || type >= 2 * kTypes) return std::nullopt;
  start.type = static_cast<H264SliceType>(type % kTypes);
  return start;
}

std::optional<H264PayloadInfo> InspectH264Payload(ByteView payload) {
  auto pieces = ParseH264Payload(payload);
  if (!pieces) return std::nullopt;
  H264PayloadInfo info;
  bool at_first = true;
  while (const auto piece = pieces->Next()) {
    const bool starts_picture = Note(*piece, info);
    if (at_first) {
      info.begins_nal = piece->first;
      info.starts_access_unit = MayBeginAccessUnit(*piece, starts_picture);
    }
    info.ends_nal = piece->last;
    at_first = false;
  }
  return info;
}

}  // namespace latchkey::wire
