#include "daemon/wire/rtcp.h"

namespace latchkey::wire {
namespace {

RtcpKind TransportFeedbackKind(std::uint8_t format) {
  if (format == 1) return RtcpKind::kNack;
  if (format == 15) return RtcpKind::kTransportFeedback;
  return RtcpKind::kOther;
}

RtcpKind PayloadFeedbackKind(std::uint8_t format, ByteView body) {
  if (format == 1) return RtcpKind::kPli;
  if (format == 4) return RtcpKind::kFir;
  if (format != 15) return RtcpKind::kOther;
  ByteReader reader(body);
  reader.Skip(8);
  return reader.U32() == kRembName && reader.ok() ? RtcpKind::kRemb : RtcpKind::kOther;
}

RtcpKind KindOf(std::uint8_t packet_type, std::uint8_t count, ByteView body) {
  switch (packet_type) {
    case kRtcpSenderReport: return RtcpKind::kSenderReport;
    case kRtcpReceiverReport: return RtcpKind::kReceiverReport;
    case kRtcpSdes: return RtcpKind::kSdes;
    case kRtcpBye: return RtcpKind::kBye;
    case kRtcpTransportFeedback: return TransportFeedbackKind(count);
    case kRtcpPayloadFeedback: return PayloadFeedbackKind(count, body);
    case kRtcpExtendedReport: return RtcpKind::kExtendedReport;
    default: return RtcpKind::kOther;
  }
}

// The first block of `bytes`, or nothing when it is malformed. Padding belongs to the last block alone
// (RFC 3550 6.4.1).
std::optional<RtcpBlock> ReadBlock(ByteView bytes) {
  ByteReader reader(bytes);
  const std::uint8_t first = reader.U8();
  RtcpBlock block;
  block.count = first & 0x1fU;
  block.packet_type = reader.U8();
  const std::size_t words = reader.U16();
  block.body = reader.Bytes(words * 4);
  if (!reader.ok() || (first >> 6U) != 2) return std::nullopt;
  block.whole = bytes.first(kRtcpHeaderSize + block.body.size());
  if ((first & 0x20U) != 0) {
    if (block.body.empty() || reader.remaining() != 0) return std::nullopt;
    const std::size_t padding = block.body.back();
    if (padding == 0 || padding % 4 != 0 || padding > block.body.size()) return std::nullopt;
    block.body = block.body.first(block.body.size() - padding);
  }
  block.kind = KindOf(block.packet_type, block.count, block.body);
  return block;
}

}  // namespace

RtcpCompound::Iterator::Iterator(ByteView rest) : rest_(rest) {
  if (rest_.empty()) return;
  const auto block = ReadBlock(rest_);
  LATCHKEY_CHECK(block.has_value());  // ParseRtcp() took the whole compound
  block_ = *block;
}

RtcpCompound::Iterator& RtcpCompound::Iterator::operator++() {
  *this = Iterator(rest_.subspan(block_.whole.size()));
  return *this;
}

std::optional<RtcpCompound> ParseRtcp(ByteView bytes) {
  if (bytes.empty()) return std::nullopt;
  for (ByteView rest = bytes; !rest.empty();) {
    const auto block = ReadBlock(rest);
    if (!block) return std::nullopt;
    rest = rest.subspan(block->whole.size());
  }
  return RtcpCompound(bytes);
}

std::optional<std::uint32_t> RtcpSenderSsrc(ByteView bytes) {
  ByteReader reader(bytes);
  reader.Skip(kRtcpHeaderSize);
  const std::uint32_t ssrc = reader.U32();
  return reader.ok() ? std::optional(ssrc) : std::nullopt;
}

void WriteRtcpHeader(std::uint8_t count, std::uint8_t packet_type, std::size_t body, ByteWriter& out) {
  LATCHKEY_CHECK(count <= 31 && body % 4 == 0 && body / 4 <= 0xffff);
  out.U8(static_cast<std::uint8_t>(0x80U | count));
  out.U8(packet_type);
  out.U16(static_cast<std::uint16_t>(body / 4));
}

}  // namespace latchkey::wire
