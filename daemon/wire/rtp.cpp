#include "daemon/wire/rtp.h"

namespace latchkey::wire {
namespace {

constexpr std::uint16_t kOneByteProfile = 0xBEDE;
constexpr std::uint16_t kTwoByteProfile = 0x1000;  // the low 4 bits are appbits
constexpr std::uint8_t kOneByteStop = 15;
constexpr std::size_t kOneByteMaxData = 16;

// All but payload and padding. False when short or of another version.
bool ReadHeader(ByteReader& reader, RtpPacket& packet) {
  const std::uint8_t first = reader.U8();
  const std::uint8_t second = reader.U8();
  packet.header.marker = (second & 0x80U) != 0;
  packet.header.payload_type = second & 0x7fU;
  packet.header.sequence = reader.U16();
  packet.header.timestamp = reader.U32();
  packet.header.ssrc = reader.U32();
  if (!reader.ok() || (first >> 6U) != 2) return false;
  packet.csrcs = reader.Bytes((first & 0x0fU) * std::size_t{4});
  packet.has_extension = (first & 0x10U) != 0;
  if (packet.has_extension) {
    packet.extension_profile = reader.U16();
    const std::size_t words = reader.U16();
    packet.extension = reader.Bytes(words * 4);
  }
  packet.header_size = reader.position();
  return reader.ok();
}

}  // namespace

//   one byte:  | id (4) | length - 1 (4) | data ...        id 0: padding, id 15: stop
//   two bytes: | id (8) | length (8) | data ...            id 0: padding (one byte)
std::optional<RtpExtension> RtpExtensionReader::Next() {
  const bool one_byte = profile_ == kOneByteProfile;
  if (!one_byte && (profile_ & 0xfff0U) != kTwoByteProfile) return std::nullopt;
  while (reader_.ok() && reader_.remaining() > 0) {
    const std::uint8_t head = reader_.U8();
    if (head == 0) continue;
    RtpExtension element;
    if (one_byte) {
      element.id = static_cast<std::uint8_t>(head >> 4U);
      if (element.id == kOneByteStop) break;
      element.data = reader_.Bytes((head & 0x0fU) + std::size_t{1});
    } else {
      element.id = head;
      const std::size_t length = reader_.U8();
      element.data = reader_.Bytes(length);
    }
    if (!reader_.ok()) break;
    // A one-byte head with id 0 and a length is padding that skips its data (RFC 8285 4.2).
    if (element.id != 0) return element;
  }
  reader_.Rest();
  return std::nullopt;
}

std::optional<ByteView> RtpPacket::FindExtension(std::uint8_t id) const {
  RtpExtensionReader reader = extensions();
  while (const auto element = reader.Next()) {
    if (element->id == id) return element->data;
  }
  return std::nullopt;
}

std::optional<RtpPacket> ParseProtectedRtp(ByteView bytes) {
  ByteReader reader(bytes);
  RtpPacket packet;
  if (!ReadHeader(reader, packet)) return std::nullopt;
  packet.payload = reader.Rest();
  return packet;
}

std::optional<RtpPacket> ParseRtp(ByteView bytes) {
  auto packet = ParseProtectedRtp(bytes);
  if (!packet) return std::nullopt;
  if ((bytes[0] & 0x20U) != 0) {
    if (packet->payload.empty()) return std::nullopt;
    packet->padding = packet->payload.back();
    if (packet->padding == 0 || packet->padding > packet->payload.size()) return std::nullopt;
    packet->payload = packet->payload.first(packet->payload.size() - packet->padding);
  }
  return packet;
}

std::size_t WriteRtpHeader(const RtpHeader& header, std::span<const RtpExtension> extensions,
                           MutableByteView out) {
  LATCHKEY_CHECK(header.payload_type <= kRtpMaxPayloadType);
  ByteWriter writer(out);
  writer.U8(extensions.empty() ? 0x80 : 0x90);
  writer.U8(static_cast<std::uint8_t>((header.marker ? 0x80U : 0U) | header.payload_type));
  writer.U16(header.sequence);
  writer.U32(header.timestamp);
  writer.U32(header.ssrc);
  if (extensions.empty()) return writer.ok() ? writer.size() : 0;
  std::size_t size = 0;
  for (const RtpExtension& e : extensions) size += 1 + e.data.size();
  const std::size_t words = (size + 3) / 4;
  writer.U16(kOneByteProfile);
  writer.U16(static_cast<std::uint16_t>(words));
  for (const RtpExtension& e : extensions) {
    LATCHKEY_CHECK(e.id >= 1 && e.id < kOneByteStop && !e.data.empty() && e.data.size() <= kOneByteMaxData);
    writer.U8(static_cast<std::uint8_t>((static_cast<unsigned>(e.id) << 4U) | (e.data.size() - 1)));
    writer.Bytes(e.data);
  }
  for (; size < words * 4; ++size) writer.U8(0);
  return writer.ok() ? writer.size() : 0;
}

void PatchRtpHeader(const RtpHeader& header, MutableByteView packet) {
  LATCHKEY_CHECK(packet.size() >= kRtpHeaderSize && header.payload_type <= kRtpMaxPayloadType);
  ByteWriter writer(packet.subspan(1));
  writer.U8(static_cast<std::uint8_t>((header.marker ? 0x80U : 0U) | header.payload_type));
  writer.U16(header.sequence);
  writer.U32(header.timestamp);
  writer.U32(header.ssrc);
}

std::optional<RtxPayload> ParseRtx(ByteView rtp_payload) {
  ByteReader reader(rtp_payload);
  RtxPayload rtx;
  rtx.original_sequence = reader.U16();
  if (!reader.ok()) return std::nullopt;
  rtx.payload = reader.Rest();
  return rtx;
}

}  // namespace latchkey::wire
