#include "daemon/audit/chain.h"

#include <array>
#include <charconv>

#include "daemon/base/bytes.h"
#include "daemon/base/ids.h"

namespace latchkey::audit {
namespace {

constexpr std::string_view kRecordLabel = "latchkey audit record 1";
constexpr std::string_view kHeadLabel = "latchkey audit head 1";
constexpr std::size_t kFixedSize = 512;  // of a record without its body, and of a head: enough for both

void WriteTime(ByteWriter& writer, WallTime at) {
  writer.U64(static_cast<std::uint64_t>(at.time_since_epoch().count()));
}

std::optional<std::uint64_t> ParseNumber(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

ports::AuditHash HashOf(ports::Crypto& crypto, const ports::AuditHash& previous,
                        const ports::AuditRecord& record) {
  ByteVector bytes(kFixedSize + record.body.size());
  ByteWriter writer(bytes);
  writer.Bytes(AsBytes(kRecordLabel));
  writer.Bytes(previous);
  writer.U64(record.number);
  WriteTime(writer, record.at);
  writer.U8(record.kind);
  writer.Bytes(record.camera.bytes());
  writer.Bytes(record.viewer.bytes());
  writer.Bytes(record.session.bytes());
  writer.U64(record.epoch.value);
  writer.U32(static_cast<std::uint32_t>(record.body.size()));
  writer.Bytes(AsBytes(record.body));
  LATCHKEY_CHECK(writer.ok());
  return crypto.Sha256(writer.Written());
}

ByteVector HeadToSign(const ports::AuditHead& head) {
  ByteVector bytes(kFixedSize);
  ByteWriter writer(bytes);
  writer.Bytes(AsBytes(kHeadLabel));
  writer.Bytes(head.log.bytes());
  writer.U64(head.number);
  writer.Bytes(head.hash);
  WriteTime(writer, head.at);
  bytes.resize(writer.size());
  return bytes;
}

bool IsGenuine(ports::Verifier& verifier, const ports::Signer::PublicKey& key, const ports::AuditHead& head) {
  return verifier.Verify(key, HeadToSign(head), head.signature);
}

std::string FormatHead(const ports::AuditHead& head) {
  return head.log.ToHex() + "." + std::to_string(head.number) + "." + internal::HexEncode(head.hash) + "." +
         std::to_string(head.at.time_since_epoch().count()) + "." + internal::HexEncode(head.signature);
}

std::optional<ports::AuditHead> ParseHead(std::string_view text) {
  std::array<std::string_view, 5> fields;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::size_t dot = text.find('.');
    if ((dot == std::string_view::npos) != (i + 1 == fields.size())) return std::nullopt;
    fields[i] = text.substr(0, dot);
    text = dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
  }
  ports::AuditHead head;
  const auto log = ports::AuditLogId::FromHex(fields[0]);
  const auto number = ParseNumber(fields[1]);
  const auto at = ParseNumber(fields[3]);
  if (!log || !number || !at || *at > std::uint64_t{1} << 62U) return std::nullopt;
  if (!internal::HexDecodeExact(fields[2], head.hash)) return std::nullopt;
  if (!internal::HexDecodeExact(fields[4], head.signature)) return std::nullopt;
  head.log = *log;
  head.number = *number;
  head.at = WallTime(Duration(static_cast<std::int64_t>(*at)));
  return head;
}

std::optional<std::string> ChainReader::Take(const ports::AuditRecord& record) {
  if (record.number != number_ + 1) {
    return "record " + std::to_string(number_ + 1) + " is missing: " + std::to_string(record.number) +
           " follows " + std::to_string(number_);
  }
  if (HashOf(crypto_, hash_, record) != record.hash)
    return "record " + std::to_string(record.number) + " was changed, or one before it was";
  number_ = record.number;
  hash_ = record.hash;
  return std::nullopt;
}

}  // namespace latchkey::audit
