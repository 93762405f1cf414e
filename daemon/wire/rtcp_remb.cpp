#include "daemon/wire/rtcp_remb.h"

namespace latchkey::wire {
namespace {

constexpr std::uint8_t kFormatApplication = 15;
constexpr std::size_t kRembSize = 16;
constexpr std::uint64_t kMaxMantissa = 0x3ffff;
constexpr std::size_t kMaxRembSources = 255;

}  // namespace

std::optional<Remb> ParseRemb(const RtcpBlock& block) {
  if (block.kind != RtcpKind::kRemb) return std::nullopt;
  ByteReader reader(block.body);
  Remb remb;
  remb.sender_ssrc = reader.U32();
  reader.Skip(8);
  const std::size_t sources = reader.U8();
  const std::uint32_t rate = reader.U24();
  const std::uint64_t mantissa = rate & kMaxMantissa;
  const unsigned exponent = rate >> 18U;
  remb.ssrcs = reader.Bytes(sources * 4);
  if (!reader.AtEnd()) return std::nullopt;
  remb.bitrate_bps = mantissa << exponent;
  if ((remb.bitrate_bps >> exponent) != mantissa) return std::nullopt;
  return remb;
}

void WriteRemb(std::uint32_t sender_ssrc, std::uint64_t bitrate_bps, std::span<const std::uint32_t> ssrcs,
               ByteWriter& out) {
  LATCHKEY_CHECK(ssrcs.size() <= kMaxRembSources);
  std::uint32_t exponent = 0;
  for (; bitrate_bps > kMaxMantissa; bitrate_bps >>= 1U) ++exponent;
  WriteRtcpHeader(kFormatApplication, kRtcpPayloadFeedback, kRembSize + ssrcs.size() * 4, out);
  out.U32(sender_ssrc);
  out.U32(0);
  out.U32(kRembName);
  out.U8(static_cast<std::uint8_t>(ssrcs.size()));
  out.U24((exponent << 18U) | static_cast<std::uint32_t>(bitrate_bps));
  for (const std::uint32_t ssrc : ssrcs) out.U32(ssrc);
}

}  // namespace latchkey::wire
