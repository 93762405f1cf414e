#include "daemon/wire/h264_pack.h"

#include <algorithm>
#include <array>

#include "daemon/wire/h264.h"

namespace latchkey::wire {
namespace {

constexpr std::array<std::uint8_t, 4> kStartCode{0, 0, 0, 1};
constexpr std::size_t kFuHeaders = 2;

// Where the next 00 00 01 begins, or the end.
std::size_t FindStartCode(ByteView bytes) {
  for (std::size_t i = 0; i + 3 <= bytes.size(); ++i) {
    if (bytes[i] == 0 && bytes[i + 1] == 0 && bytes[i + 2] == 1) return i;
  }
  return bytes.size();
}

// What says nothing in RTP, and what no payload can carry: reserved types, the forbidden bit.
bool LeftOutOfRtp(std::uint8_t header) {
  const std::uint8_t type = NalType(header);
  return (header & 0x80U) != 0 || type == nal::kAud || type == nal::kEndOfSequence ||
         type == nal::kEndOfStream || type == nal::kFiller || type == 0 || type > nal::kLastSingle;
}

}  // namespace

std::optional<ByteView> AnnexBReader::Next() {
  while (!rest_.empty()) {
    const std::size_t code = FindStartCode(rest_);
    if (code == rest_.size()) break;
    rest_ = rest_.subspan(code + 3);
    ByteView unit = rest_.first(FindStartCode(rest_));
    rest_ = rest_.subspan(unit.size());
    while (!unit.empty() && unit.back() == 0) unit = unit.first(unit.size() - 1);
    if (!unit.empty()) return unit;
  }
  rest_ = {};
  return std::nullopt;
}

H264Fragmenter::H264Fragmenter(ByteView nal, std::size_t max_payload) : nal_(nal) {
  LATCHKEY_CHECK(!nal.empty() && max_payload >= kMinPayload);
  if (nal.size() <= max_payload) {
    fragments_left_ = 1;
    return;
  }
  const std::size_t room = max_payload - kFuHeaders;
  position_ = 1;  // the NAL header travels in the FU headers
  fragments_left_ = (nal.size() - 1 + room - 1) / room;
}

std::optional<ByteView> H264Fragmenter::Next(MutableByteView out) {
  if (fragments_left_ == 0) return std::nullopt;
  ByteWriter writer(out);
  if (position_ == 0) {
    writer.Bytes(nal_);
    fragments_left_ = 0;
  } else {
    const std::size_t left = nal_.size() - position_;
    const std::size_t size = (left + fragments_left_ - 1) / fragments_left_;
    const unsigned start = position_ == 1 ? 0x80U : 0U;
    const unsigned end = fragments_left_ == 1 ? 0x40U : 0U;
    writer.U8(static_cast<std::uint8_t>((nal_[0] & 0xe0U) | nal::kFuA));
    writer.U8(static_cast<std::uint8_t>(start | end | NalType(nal_[0])));
    writer.Bytes(nal_.subspan(position_, size));
    position_ += size;
    --fragments_left_;
  }
  LATCHKEY_CHECK(writer.ok());  // `out` is the caller's max_payload bytes
  return writer.Written();
}

H264Packetiser::H264Packetiser(ByteView access_unit, std::size_t max_payload)
    : reader_(access_unit), max_payload_(max_payload) {
  Advance();
}

void H264Packetiser::Advance() {
  do {
    next_nal_ = reader_.Next();
  } while (next_nal_ && LeftOutOfRtp((*next_nal_)[0]));
}

std::optional<H264Packetiser::Payload> H264Packetiser::Next(MutableByteView out) {
  if (!fragmenter_ || fragmenter_->Done()) {
    if (!next_nal_) return std::nullopt;
    fragmenter_.emplace(*next_nal_, max_payload_);
    Advance();
  }
  const auto bytes = fragmenter_->Next(out);
  LATCHKEY_CHECK(bytes.has_value());
  return Payload{*bytes, fragmenter_->Done() && !next_nal_};
}

bool H264Depacketiser::Push(ByteView payload) {
  auto pieces = ParseH264Payload(payload);
  damaged_ = damaged_ || !pieces;
  while (!damaged_) {
    const auto piece = pieces->Next();
    if (!piece) break;
    // A fragment that continues needs the same NAL open; a NAL that begins needs none open.
    const bool fits = piece->first != open_ && (piece->first || piece->header == open_header_) &&
                      unit_.size() + kStartCode.size() + 1 + piece->body.size() <= kH264MaxAccessUnit;
    if (!fits) {
      damaged_ = true;
      break;
    }
    if (piece->first) {
      unit_.insert(unit_.end(), kStartCode.begin(), kStartCode.end());
      unit_.push_back(piece->header);
    }
    unit_.insert(unit_.end(), piece->body.begin(), piece->body.end());
    open_ = !piece->last;
    open_header_ = piece->header;
  }
  return !damaged_;
}

void H264Depacketiser::Clear() {
  unit_.clear();
  open_ = false;
  damaged_ = false;
}

}  // namespace latchkey::wire
