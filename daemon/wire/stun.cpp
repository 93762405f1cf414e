#include "daemon/wire/stun.h"

#include <cstring>

namespace latchkey::wire {
namespace {

// Attribute types (RFC 8489 18.3, RFC 8445 21.2).
constexpr std::uint16_t kMappedAddress = 0x0001;
constexpr std::uint16_t kUsername = 0x0006;
constexpr std::uint16_t kMessageIntegrity = 0x0008;
constexpr std::uint16_t kErrorCode = 0x0009;
constexpr std::uint16_t kUnknownAttributes = 0x000A;
constexpr std::uint16_t kRealm = 0x0014;
constexpr std::uint16_t kNonce = 0x0015;
constexpr std::uint16_t kMessageIntegritySha256 = 0x001C;
constexpr std::uint16_t kPasswordAlgorithm = 0x001D;
constexpr std::uint16_t kUserhash = 0x001E;
constexpr std::uint16_t kXorMappedAddress = 0x0020;
constexpr std::uint16_t kPriority = 0x0024;
constexpr std::uint16_t kUseCandidate = 0x0025;
constexpr std::uint16_t kFingerprint = 0x8028;
constexpr std::uint16_t kIceControlled = 0x8029;
constexpr std::uint16_t kIceControlling = 0x802A;
// Types from here on may be ignored when not understood (RFC 8489 14).
constexpr std::uint16_t kComprehensionOptional = 0x8000;

constexpr std::size_t kAttributeHeader = 4;
constexpr std::size_t kIntegrityAttribute = kAttributeHeader + kStunDigestSize;
constexpr std::size_t kFingerprintAttribute = kAttributeHeader + 4;
constexpr std::uint32_t kFingerprintXor = 0x5354554e;  // "STUN", RFC 8489 14.7
constexpr std::uint8_t kFamilyV4 = 1;
constexpr std::uint8_t kFamilyV6 = 2;

// Method Binding in the four classes (RFC 8489 5, figure 3), in the order of StunClass.
constexpr std::array<std::uint16_t, 4> kTypeOfClass{0x0001, 0x0011, 0x0101, 0x0111};

constexpr std::array<std::uint32_t, 256> MakeCrcTable() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c & 1U) != 0 ? 0xEDB88320U ^ (c >> 1U) : c >> 1U;
    table[i] = c;
  }
  return table;
}

// CRC-32 of ITU V.42, which FINGERPRINT uses.
std::uint32_t Crc32(ByteView bytes) {
  static constexpr auto kTable = MakeCrcTable();
  std::uint32_t crc = 0xffffffffU;
  for (const std::uint8_t byte : bytes) crc = kTable[(crc ^ byte) & 0xffU] ^ (crc >> 8U);
  return ~crc;
}

constexpr std::size_t PaddingOf(std::size_t length) {
  return (4 - length % 4) % 4;
}

// The 16 bytes that addresses are XORed with: cookie, then transaction id (RFC 8489 14.2).
std::array<std::uint8_t, 16> XorMask(const StunTransactionId& transaction) {
  std::array<std::uint8_t, 16> mask{};
  ByteWriter writer(mask);
  writer.U32(kStunMagicCookie);
  writer.Bytes(transaction.bytes);
  return mask;
}

//   | 0 (8) | family (8) | port ^ cookie (16) | address ^ cookie and transaction id (32 or 128) |
std::optional<SocketAddress> ReadXorAddress(ByteView value, const StunTransactionId& transaction) {
  ByteReader reader(value);
  reader.Skip(1);
  const std::uint8_t family = reader.U8();
  SocketAddress address;
  address.port = reader.U16() ^ static_cast<std::uint16_t>(kStunMagicCookie >> 16U);
  const auto mask = XorMask(transaction);
  std::array<std::uint8_t, 16> bytes{};
  const std::size_t size = family == kFamilyV4 ? 4 : 16;
  if ((family != kFamilyV4 && family != kFamilyV6) || reader.remaining() != size) return std::nullopt;
  for (std::size_t i = 0; i < size; ++i) bytes[i] = reader.U8() ^ mask[i];
  if (!reader.AtEnd()) return std::nullopt;
  address.ip =
      family == kFamilyV4 ? IpAddress::V4({bytes[0], bytes[1], bytes[2], bytes[3]}) : IpAddress::V6(bytes);
  return address;
}

//   | 0 (21) | class (3) | number (8) | reason ...
std::optional<std::uint16_t> ReadErrorCode(ByteView value) {
  ByteReader reader(value);
  reader.Skip(2);
  const unsigned hundreds = reader.U8() & 7U;
  const unsigned number = reader.U8();
  if (!reader.ok() || hundreds < 3 || hundreds > 6 || number > 99) return std::nullopt;
  return static_cast<std::uint16_t>(hundreds * 100 + number);
}

std::optional<std::uint32_t> ReadU32(ByteView value) {
  ByteReader reader(value);
  const std::uint32_t v = reader.U32();
  return reader.AtEnd() ? std::optional(v) : std::nullopt;
}
std::optional<std::uint64_t> ReadU64(ByteView value) {
  ByteReader reader(value);
  const std::uint64_t v = reader.U64();
  return reader.AtEnd() ? std::optional(v) : std::nullopt;
}

// The first occurrence counts, and each must be well-formed.
template <class T>
bool Take(std::optional<T>& slot, std::optional<T> value) {
  if (!value) return false;
  if (!slot) slot = value;
  return true;
}

void NoteUnknown(StunMessage& message, std::uint16_t type) {
  if (message.unknown_count < kStunMaxUnknown) message.unknown_types[message.unknown_count++] = type;
}

// One attribute in front of MESSAGE-INTEGRITY. False when it is malformed.
bool TakeAttribute(StunMessage& message, std::uint16_t type, ByteView value) {
  switch (type) {
    case kUsername:
      if (value.size() > kStunMaxUsername) return false;
      return Take(message.username, std::optional(AsText(value)));
    case kErrorCode: return Take(message.error_code, ReadErrorCode(value));
    case kXorMappedAddress: return Take(message.mapped_address, ReadXorAddress(value, message.transaction));
    case kPriority: return Take(message.priority, ReadU32(value));
    case kUseCandidate: message.use_candidate = true; return value.empty();
    case kIceControlled: return Take(message.ice_controlled, ReadU64(value));
    case kIceControlling: return Take(message.ice_controlling, ReadU64(value));
    // Known to the RFC and of no use here.
    case kMappedAddress:
    case kUnknownAttributes:
    case kRealm:
    case kNonce:
    case kMessageIntegritySha256:
    case kPasswordAlgorithm:
    case kUserhash: return true;
    default:
      if (type < kComprehensionOptional) NoteUnknown(message, type);
      return true;
  }
}

// The CRC covers all in front of the attribute; the header's length already counts it, being last.
bool FingerprintIsRight(ByteView in_front, ByteView value) {
  const auto crc = ReadU32(value);
  return crc && *crc == (Crc32(in_front) ^ kFingerprintXor);
}

bool TakeIntegrity(StunMessage& message, ByteView in_front, ByteView value) {
  if (value.size() != kStunDigestSize) return false;
  StunMessage::Integrity integrity;
  std::memcpy(integrity.digest.data(), value.data(), kStunDigestSize);
  integrity.covered = in_front;
  message.integrity = integrity;
  return true;
}

std::optional<StunMessage> ReadHeader(ByteReader& reader) {
  StunMessage message;
  const std::uint16_t type = reader.U16();
  const std::uint16_t length = reader.U16();
  const std::uint32_t cookie = reader.U32();
  for (std::uint8_t& byte : message.transaction.bytes) byte = reader.U8();
  if (!reader.ok() || cookie != kStunMagicCookie || length != reader.remaining() || length % 4 != 0) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < kTypeOfClass.size(); ++i) {
    if (kTypeOfClass[i] != type) continue;
    message.message_class = static_cast<StunClass>(i);
    return message;
  }
  return std::nullopt;
}

}  // namespace

std::optional<StunMessage> ParseStun(ByteView datagram) {
  if (datagram.size() > kStunMaxMessage) return std::nullopt;
  ByteReader reader(datagram);
  auto message = ReadHeader(reader);
  if (!message) return std::nullopt;
  while (reader.remaining() > 0) {
    const ByteView in_front = datagram.first(reader.position());
    const std::uint16_t type = reader.U16();
    const std::uint16_t length = reader.U16();
    const ByteView value = reader.Bytes(length);
    reader.Skip(PaddingOf(length));
    if (!reader.ok()) return std::nullopt;
    if (type == kFingerprint) {
      if (reader.remaining() != 0 || !FingerprintIsRight(in_front, value)) return std::nullopt;
      message->has_fingerprint = true;
    } else if (message->integrity) {
      continue;
    } else if (type == kMessageIntegrity) {
      if (!TakeIntegrity(*message, in_front, value)) return std::nullopt;
    } else if (!TakeAttribute(*message, type, value)) {
      return std::nullopt;
    }
  }
  return message;
}

std::optional<StunUsername> SplitStunUsername(std::string_view username) {
  const std::size_t colon = username.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == username.size()) return std::nullopt;
  return StunUsername{username.substr(0, colon), username.substr(colon + 1)};
}

void FillStunSigningInput(const StunMessage::Integrity& integrity, StunSigningInput& input) {
  const ByteView covered = integrity.covered;
  LATCHKEY_CHECK(covered.size() >= kStunHeaderSize && covered.size() <= kStunMaxMessage);
  ByteWriter writer(input.buffer);
  writer.Bytes(covered);
  writer.PatchU16(2, static_cast<std::uint16_t>(covered.size() - kStunHeaderSize + kIntegrityAttribute));
  input.size = writer.size();
}

StunWriter::StunWriter(StunClass message_class, const StunTransactionId& transaction, MutableByteView out)
    : writer_(out.first(out.size() < kStunMaxMessage ? out.size() : kStunMaxMessage)),
      transaction_(transaction) {
  LATCHKEY_CHECK(message_class < StunClass::kCount);
  writer_.U16(kTypeOfClass[static_cast<std::size_t>(message_class)]);
  writer_.U16(0);
  writer_.U32(kStunMagicCookie);
  writer_.Bytes(transaction.bytes);
}

void StunWriter::Attribute(std::uint16_t type, std::size_t length) {
  writer_.U16(type);
  writer_.U16(static_cast<std::uint16_t>(length));
}

void StunWriter::Pad(std::size_t length) {
  for (std::size_t i = PaddingOf(length); i > 0; --i) writer_.U8(0);
}

// The header's length as if `beyond` more bytes were there already.
void StunWriter::SetLength(std::size_t beyond) {
  writer_.PatchU16(2, static_cast<std::uint16_t>(writer_.size() - kStunHeaderSize + beyond));
}

void StunWriter::Username(std::string_view username) {
  LATCHKEY_CHECK(username.size() <= kStunMaxUsername);
  Attribute(kUsername, username.size());
  writer_.Bytes(AsBytes(username));
  Pad(username.size());
}
void StunWriter::Priority(std::uint32_t priority) {
  Attribute(kPriority, 4);
  writer_.U32(priority);
}
void StunWriter::UseCandidate() {
  Attribute(kUseCandidate, 0);
}
void StunWriter::IceControlling(std::uint64_t tie_breaker) {
  Attribute(kIceControlling, 8);
  writer_.U64(tie_breaker);
}
void StunWriter::IceControlled(std::uint64_t tie_breaker) {
  Attribute(kIceControlled, 8);
  writer_.U64(tie_breaker);
}

void StunWriter::XorMappedAddress(const SocketAddress& address) {
  const std::size_t size = address.ip.is_v4() ? 4 : 16;
  Attribute(kXorMappedAddress, 4 + size);
  writer_.U8(0);
  writer_.U8(address.ip.is_v4() ? kFamilyV4 : kFamilyV6);
  writer_.U16(address.port ^ static_cast<std::uint16_t>(kStunMagicCookie >> 16U));
  const auto mask = XorMask(transaction_);
  for (std::size_t i = 0; i < size; ++i) {
    writer_.U8(static_cast<std::uint8_t>(address.ip.bytes()[i] ^ mask[i]));
  }
}

// The reason phrase is left empty: nobody reads it, and it would only make the reply longer.
void StunWriter::ErrorCode(StunErrorCode code) {
  const auto number = static_cast<std::uint16_t>(code);
  Attribute(kErrorCode, 4);
  writer_.U16(0);
  writer_.U8(static_cast<std::uint8_t>(number / 100));
  writer_.U8(static_cast<std::uint8_t>(number % 100));
}

void StunWriter::UnknownAttributes(std::span<const std::uint16_t> types) {
  LATCHKEY_CHECK(types.size() <= kStunMaxUnknown);
  Attribute(kUnknownAttributes, types.size() * 2);
  for (const std::uint16_t type : types) writer_.U16(type);
  Pad(types.size() * 2);
}

ByteView StunWriter::BeginIntegrity() {
  has_room_ = has_room_ && writer_.ok() && writer_.room() >= kIntegrityAttribute;
  if (!has_room_) return {};
  SetLength(kIntegrityAttribute);
  return writer_.Written();
}

void StunWriter::EndIntegrity(const StunDigest& digest) {
  Attribute(kMessageIntegrity, kStunDigestSize);
  writer_.Bytes(digest);
}

ByteView StunWriter::Finish() {
  if (!has_room_ || !writer_.ok() || writer_.room() < kFingerprintAttribute) return {};
  SetLength(kFingerprintAttribute);
  const std::uint32_t crc = Crc32(writer_.Written()) ^ kFingerprintXor;
  Attribute(kFingerprint, 4);
  writer_.U32(crc);
  return writer_.Written();
}

}  // namespace latchkey::wire
