#include "daemon/wire/rtcp_source.h"

namespace latchkey::wire {
namespace {

constexpr std::uint8_t kSdesEnd = 0;
constexpr std::uint8_t kSdesCname = 1;
constexpr std::size_t kMaxByeSources = 31;

// One chunk: SSRC, items, a zero item, zeros up to the next word. Nothing when it has no end.
std::optional<SdesChunk> ReadChunk(ByteReader& reader) {
  const std::size_t start = reader.position();
  SdesChunk chunk;
  chunk.ssrc = reader.U32();
  while (reader.ok()) {
    const std::uint8_t type = reader.U8();
    if (type == kSdesEnd) break;
    const std::size_t length = reader.U8();
    const ByteView text = reader.Bytes(length);
    if (type == kSdesCname && chunk.cname.empty()) chunk.cname = AsText(text);
  }
  while (reader.ok() && (reader.position() - start) % 4 != 0) reader.Skip(1);
  if (!reader.ok()) return std::nullopt;
  return chunk;
}

}  // namespace

std::optional<SdesChunk> Sdes::Next() {
  if (left_ == 0) return std::nullopt;
  --left_;
  return ReadChunk(reader_);
}

std::optional<Sdes> ParseSdes(const RtcpBlock& block) {
  if (block.kind != RtcpKind::kSdes) return std::nullopt;
  ByteReader reader(block.body);
  for (unsigned i = 0; i < block.count; ++i) {
    if (!ReadChunk(reader)) return std::nullopt;
  }
  if (!reader.AtEnd()) return std::nullopt;
  return Sdes(block.body, block.count);
}

void WriteSdesCname(std::uint32_t ssrc, std::string_view cname, ByteWriter& out) {
  LATCHKEY_CHECK(!cname.empty() && cname.size() <= kMaxCname);
  const std::size_t used = 4 + 2 + cname.size();
  const std::size_t size = (used / 4 + 1) * 4;  // at least one zero ends the chunk
  WriteRtcpHeader(1, kRtcpSdes, size, out);
  out.U32(ssrc);
  out.U8(kSdesCname);
  out.U8(static_cast<std::uint8_t>(cname.size()));
  out.Bytes(AsBytes(cname));
  for (std::size_t i = used; i < size; ++i) out.U8(0);
}

bool Bye::Contains(std::uint32_t ssrc) const {
  ByteReader reader(ssrcs);
  while (reader.remaining() >= 4) {
    if (reader.U32() == ssrc) return true;
  }
  return false;
}

std::optional<Bye> ParseBye(const RtcpBlock& block) {
  if (block.kind != RtcpKind::kBye) return std::nullopt;
  ByteReader reader(block.body);
  Bye bye;
  bye.ssrcs = reader.Bytes(block.count * std::size_t{4});
  if (reader.ok() && reader.remaining() > 0) {
    const std::size_t length = reader.U8();
    bye.reason = AsText(reader.Bytes(length));
  }
  if (!reader.ok()) return std::nullopt;
  return bye;
}

void WriteBye(std::span<const std::uint32_t> ssrcs, ByteWriter& out) {
  LATCHKEY_CHECK(ssrcs.size() <= kMaxByeSources);
  WriteRtcpHeader(static_cast<std::uint8_t>(ssrcs.size()), kRtcpBye, ssrcs.size() * 4, out);
  for (const std::uint32_t ssrc : ssrcs) out.U32(ssrc);
}

}  // namespace latchkey::wire
