// Sender and receiver reports (RFC 3550 6.4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "daemon/base/bytes.h"
#include "daemon/wire/ntp.h"
#include "daemon/wire/rtcp.h"

namespace latchkey::wire {

constexpr std::size_t kReportBlockSize = 24;
// RC has 5 bits; more blocks than this are a bug of ours.
constexpr std::size_t kMaxReportBlocks = 31;

//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |  SSRC of the source reported                                  |
//   | fraction lost |  cumulative number of packets lost (signed)   |
//   |  extended highest sequence number received                    |
//   |  interarrival jitter                                          |
//   |  last SR (LSR, compact NTP)                                   |
//   |  delay since last SR (DLSR, 1/65536 s)                        |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
struct ReportBlock {
  std::uint32_t ssrc = 0;
  std::uint8_t fraction_lost = 0;         // of 256, since the last report
  std::int32_t cumulative_lost = 0;       // 24 bits signed; clamped when written
  std::uint32_t highest_sequence = 0;     // cycles in the upper 16 bits
  std::uint32_t jitter = 0;               // in RTP clock units
  std::uint32_t last_sr = 0;              // compact NTP; 0: none yet
  std::uint32_t delay_since_last_sr = 0;  // 1/65536 s
  friend bool operator==(const ReportBlock&, const ReportBlock&) = default;
};

// The blocks of one report, read when asked for.
class ReportBlockList {
 public:
  ReportBlockList() = default;
  explicit ReportBlockList(ByteView bytes) : bytes_(bytes) {}
  [[nodiscard]] std::size_t size() const { return bytes_.size() / kReportBlockSize; }
  // Precondition: index < size().
  [[nodiscard]] ReportBlock operator[](std::size_t index) const;
  // The block about `ssrc`, if any.
  [[nodiscard]] std::optional<ReportBlock> Find(std::uint32_t ssrc) const;

 private:
  ByteView bytes_;
};

struct SenderInfo {
  std::uint32_t ssrc = 0;
  NtpTime ntp;
  std::uint32_t rtp_timestamp = 0;
  std::uint32_t packet_count = 0;
  std::uint32_t octet_count = 0;
  friend bool operator==(const SenderInfo&, const SenderInfo&) = default;
};

struct SenderReport {
  SenderInfo sender;
  ReportBlockList blocks;
};
struct ReceiverReport {
  std::uint32_t ssrc = 0;
  ReportBlockList blocks;
};

// Nothing when the block is of another kind or shorter than its count says; profile-specific extensions
// behind the blocks are ignored.
std::optional<SenderReport> ParseSenderReport(const RtcpBlock& block);
std::optional<ReceiverReport> ParseReceiverReport(const RtcpBlock& block);

void WriteSenderReport(const SenderInfo& sender, std::span<const ReportBlock> blocks, ByteWriter& out);
void WriteReceiverReport(std::uint32_t ssrc, std::span<const ReportBlock> blocks, ByteWriter& out);

}  // namespace latchkey::wire
