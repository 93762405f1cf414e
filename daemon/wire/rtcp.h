// RTCP compounds (RFC 3550 6.1), also of reduced size (RFC 5506). Each kind has its own file:
// rtcp_report, rtcp_source, rtcp_feedback, rtcp_remb, rtcp_transport.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |V=2|P| count   |  packet type  |  length in words, less one    |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |  body ... the next block follows at once                      |
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "daemon/base/bytes.h"

namespace latchkey::wire {

constexpr std::size_t kRtcpHeaderSize = 4;
constexpr std::uint8_t kRtcpSenderReport = 200;
constexpr std::uint8_t kRtcpReceiverReport = 201;
constexpr std::uint8_t kRtcpSdes = 202;
constexpr std::uint8_t kRtcpBye = 203;
constexpr std::uint8_t kRtcpTransportFeedback = 205;  // RTPFB, RFC 4585 6.1
constexpr std::uint8_t kRtcpPayloadFeedback = 206;    // PSFB, RFC 4585 6.1
constexpr std::uint8_t kRtcpExtendedReport = 207;     // RFC 3611

constexpr std::uint32_t kRembName = 0x52454D42;  // "REMB"

enum class RtcpKind : std::uint8_t {
  kSenderReport,
  kReceiverReport,
  kSdes,
  kBye,
  kNack,               // RTPFB 1
  kTransportFeedback,  // RTPFB 15
  kPli,                // PSFB 1
  kFir,                // PSFB 4
  kRemb,               // PSFB 15 with the name "REMB"
  kExtendedReport,     // known and skipped
  kOther,              // APP and everything else: skipped
  kCount
};

// One packet of a compound: a view whose header is checked, padding taken off.
struct RtcpBlock {
  RtcpKind kind = RtcpKind::kOther;
  std::uint8_t count = 0;  // RC, SC or FMT, 0..31
  std::uint8_t packet_type = 0;
  ByteView body;   // behind the 4-byte header
  ByteView whole;  // header included
};

// A compound that is well-formed from end to end: a malformed tail spoils the whole, so that nothing acts
// on half a compound. Iterate with a range for.
class RtcpCompound {
 public:
  class Iterator {
   public:
    explicit Iterator(ByteView rest);
    const RtcpBlock& operator*() const { return block_; }
    const RtcpBlock* operator->() const { return &block_; }
    Iterator& operator++();
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.rest_.size() == b.rest_.size(); }

   private:
    ByteView rest_;  // from the current block on
    RtcpBlock block_;
  };

  [[nodiscard]] Iterator begin() const { return Iterator(bytes_); }
  [[nodiscard]] Iterator end() const { return Iterator(ByteView{}); }

 private:
  friend std::optional<RtcpCompound> ParseRtcp(ByteView bytes);
  explicit RtcpCompound(ByteView bytes) : bytes_(bytes) {}
  ByteView bytes_;
};

// Of a packet in clear (after SRTCP). Nothing when empty, of another version, when a length reaches past
// the end, or when padding is anywhere but in the last block, 0, no multiple of 4, or larger than it.
std::optional<RtcpCompound> ParseRtcp(ByteView bytes);

// SSRC of the first block's sender, which is in clear in SRTCP too (RFC 3711 3.4). Nothing when short.
std::optional<std::uint32_t> RtcpSenderSsrc(ByteView bytes);

// Writes one header. Writers of all kinds append to a ByteWriter: check its ok() at the end, and send
// nothing of a writer that ran out of room. `body` is in bytes, a multiple of 4.
void WriteRtcpHeader(std::uint8_t count, std::uint8_t packet_type, std::size_t body, ByteWriter& out);

// The two's complement number in the lower 24 bits.
constexpr std::int32_t SignExtend24(std::uint32_t value) {
  return (value & 0x800000U) != 0 ? static_cast<std::int32_t>(value) - 0x1000000
                                  : static_cast<std::int32_t>(value);
}

}  // namespace latchkey::wire
