#include "daemon/wire/rtcp_feedback.h"

namespace latchkey::wire {
namespace {

constexpr std::uint8_t kFormatNack = 1;
constexpr std::uint8_t kFormatPli = 1;
constexpr std::uint8_t kFormatFir = 4;
constexpr std::size_t kSsrcPair = 8;
constexpr std::size_t kNackItem = 4;
constexpr std::size_t kFirItem = 8;
constexpr unsigned kMaskBits = 16;

// How many of `sequences`, from the first on, one item covers; `mask` gets the bits behind the first.
std::size_t CollectItem(std::span<const std::uint16_t> sequences, std::uint16_t& mask) {
  std::size_t used = 1;
  mask = 0;
  while (used < sequences.size()) {
    const auto distance = static_cast<std::uint16_t>(sequences[used] - sequences[0]);
    if (distance > kMaskBits) break;
    if (distance > 0) mask = static_cast<std::uint16_t>(mask | (1U << (distance - 1U)));
    ++used;
  }
  return used;
}

std::size_t CountItems(std::span<const std::uint16_t> sequences) {
  std::size_t items = 0;
  std::uint16_t mask = 0;
  for (; !sequences.empty(); ++items) sequences = sequences.subspan(CollectItem(sequences, mask));
  return items;
}

}  // namespace

std::optional<Nack> ParseNack(const RtcpBlock& block) {
  if (block.kind != RtcpKind::kNack) return std::nullopt;
  ByteReader reader(block.body);
  Nack nack;
  nack.sender_ssrc = reader.U32();
  nack.media_ssrc = reader.U32();
  nack.items = reader.Rest();
  if (!reader.ok() || nack.items.empty() || nack.items.size() % kNackItem != 0) return std::nullopt;
  return nack;
}

void WriteNack(std::uint32_t sender_ssrc, std::uint32_t media_ssrc, std::span<const std::uint16_t> sequences,
               ByteWriter& out) {
  LATCHKEY_CHECK(!sequences.empty());
  WriteRtcpHeader(kFormatNack, kRtcpTransportFeedback, kSsrcPair + CountItems(sequences) * kNackItem, out);
  out.U32(sender_ssrc);
  out.U32(media_ssrc);
  while (!sequences.empty()) {
    std::uint16_t mask = 0;
    const std::size_t used = CollectItem(sequences, mask);
    out.U16(sequences[0]);
    out.U16(mask);
    sequences = sequences.subspan(used);
  }
}

std::optional<Pli> ParsePli(const RtcpBlock& block) {
  if (block.kind != RtcpKind::kPli) return std::nullopt;
  ByteReader reader(block.body);
  Pli pli;
  pli.sender_ssrc = reader.U32();
  pli.media_ssrc = reader.U32();
  return reader.AtEnd() ? std::optional(pli) : std::nullopt;
}

void WritePli(std::uint32_t sender_ssrc, std::uint32_t media_ssrc, ByteWriter& out) {
  WriteRtcpHeader(kFormatPli, kRtcpPayloadFeedback, kSsrcPair, out);
  out.U32(sender_ssrc);
  out.U32(media_ssrc);
}

FirItem Fir::operator[](std::size_t index) const {
  LATCHKEY_CHECK(index < size());
  ByteReader reader(items.subspan(index * kFirItem, kFirItem));
  FirItem item;
  item.ssrc = reader.U32();
  item.number = reader.U8();
  return item;
}

std::optional<Fir> ParseFir(const RtcpBlock& block) {
  if (block.kind != RtcpKind::kFir) return std::nullopt;
  ByteReader reader(block.body);
  Fir fir;
  fir.sender_ssrc = reader.U32();
  reader.Skip(4);
  fir.items = reader.Rest();
  if (!reader.ok() || fir.items.empty() || fir.items.size() % kFirItem != 0) return std::nullopt;
  return fir;
}

void WriteFir(std::uint32_t sender_ssrc, const FirItem& item, ByteWriter& out) {
  WriteRtcpHeader(kFormatFir, kRtcpPayloadFeedback, kSsrcPair + kFirItem, out);
  out.U32(sender_ssrc);
  out.U32(0);
  out.U32(item.ssrc);
  out.U8(item.number);
  out.U24(0);
}

}  // namespace latchkey::wire
