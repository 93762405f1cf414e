#include "daemon/wire/rtcp_report.h"

#include <algorithm>

namespace latchkey::wire {
namespace {

constexpr std::size_t kSenderInfoSize = 24;  // the sender's SSRC included
constexpr std::int32_t kMaxLost = 0x7fffff;
constexpr std::int32_t kMinLost = -0x800000;

void WriteBlocks(std::span<const ReportBlock> blocks, ByteWriter& out) {
  for (const ReportBlock& block : blocks) {
    out.U32(block.ssrc);
    out.U8(block.fraction_lost);
    const auto lost = static_cast<std::uint32_t>(std::clamp(block.cumulative_lost, kMinLost, kMaxLost));
    out.U24(lost & 0xffffffU);
    out.U32(block.highest_sequence);
    out.U32(block.jitter);
    out.U32(block.last_sr);
    out.U32(block.delay_since_last_sr);
  }
}

}  // namespace

ReportBlock ReportBlockList::operator[](std::size_t index) const {
  LATCHKEY_CHECK(index < size());
  ByteReader reader(bytes_.subspan(index * kReportBlockSize, kReportBlockSize));
  ReportBlock block;
  block.ssrc = reader.U32();
  block.fraction_lost = reader.U8();
  block.cumulative_lost = SignExtend24(reader.U24());
  block.highest_sequence = reader.U32();
  block.jitter = reader.U32();
  block.last_sr = reader.U32();
  block.delay_since_last_sr = reader.U32();
  return block;
}

std::optional<ReportBlock> ReportBlockList::Find(std::uint32_t ssrc) const {
  for (std::size_t i = 0; i < size(); ++i) {
    const ReportBlock block = (*this)[i];
    if (block.ssrc == ssrc) return block;
  }
  return std::nullopt;
}

std::optional<SenderReport> ParseSenderReport(const RtcpBlock& block) {
  if (block.kind != RtcpKind::kSenderReport) return std::nullopt;
  ByteReader reader(block.body);
  SenderReport report;
  report.sender.ssrc = reader.U32();
  report.sender.ntp.value = reader.U64();
  report.sender.rtp_timestamp = reader.U32();
  report.sender.packet_count = reader.U32();
  report.sender.octet_count = reader.U32();
  report.blocks = ReportBlockList(reader.Bytes(block.count * kReportBlockSize));
  if (!reader.ok()) return std::nullopt;
  return report;
}

std::optional<ReceiverReport> ParseReceiverReport(const RtcpBlock& block) {
  if (block.kind != RtcpKind::kReceiverReport) return std::nullopt;
  ByteReader reader(block.body);
  ReceiverReport report;
  report.ssrc = reader.U32();
  report.blocks = ReportBlockList(reader.Bytes(block.count * kReportBlockSize));
  if (!reader.ok()) return std::nullopt;
  return report;
}

void WriteSenderReport(const SenderInfo& sender, std::span<const ReportBlock> blocks, ByteWriter& out) {
  LATCHKEY_CHECK(blocks.size() <= kMaxReportBlocks);
  WriteRtcpHeader(static_cast<std::uint8_t>(blocks.size()), kRtcpSenderReport,
                  kSenderInfoSize + blocks.size() * kReportBlockSize, out);
  out.U32(sender.ssrc);
  out.U64(sender.ntp.value);
  out.U32(sender.rtp_timestamp);
  out.U32(sender.packet_count);
  out.U32(sender.octet_count);
  WriteBlocks(blocks, out);
}

void WriteReceiverReport(std::uint32_t ssrc, std::span<const ReportBlock> blocks, ByteWriter& out) {
  LATCHKEY_CHECK(blocks.size() <= kMaxReportBlocks);
  WriteRtcpHeader(static_cast<std::uint8_t>(blocks.size()), kRtcpReceiverReport,
                  4 + blocks.size() * kReportBlockSize, out);
  out.U32(ssrc);
  WriteBlocks(blocks, out);
}

}  // namespace latchkey::wire
