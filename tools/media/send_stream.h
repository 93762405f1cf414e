// The sending half of one RTP stream, in clear: packets of frames, sender reports, retransmissions. A
// machine: it is fed with frames and feedback and appends packets to send.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "daemon/base/bytes.h"
#include "daemon/base/time.h"
#include "daemon/wire/codec.h"
#include "daemon/wire/rtcp_feedback.h"
#include "daemon/wire/rtcp_report.h"
#include "tools/media/frame_queue.h"

namespace latchkey::media {

struct SendStreamOptions {
  wire::Codec codec = wire::Codec::kH264;
  std::uint8_t payload_type = 0;
  std::uint32_t ssrc = 0;
  std::optional<std::uint8_t> rtx_payload_type;  // with rtx_ssrc: retransmissions as RFC 4588
  std::uint32_t rtx_ssrc = 0;
  std::uint16_t first_sequence = 0;
  std::uint16_t first_rtx_sequence = 0;
  std::uint32_t first_timestamp = 0;
};

struct SendStreamCounters {
  std::uint64_t frames = 0;
  std::uint64_t keyframes = 0;
  std::uint64_t packets = 0;  // first transmissions
  std::uint64_t payload_bytes = 0;
  std::uint64_t nacked = 0;         // sequence numbers asked for
  std::uint64_t retransmitted = 0;  // of them, sent again
  std::uint64_t plis = 0;           // PLI and FIR
};

class SendStream {
 public:
  // Packets kept for retransmission; older ones are asked for in vain. Over 2 s of a 10 Mbit/s stream; a
  // divisor of 2^16, so that a wrap overwrites nothing early.
  static constexpr std::size_t kHistory = 2048;
  // The same packet isn't sent again sooner than this: a NACK repeated meanwhile crossed it on the way.
  static constexpr Duration kMinResend = milliseconds{10};
  // Largest RTP packet before protection, so that with every overhead it stays within 1200 bytes.
  static constexpr std::size_t kMaxPacket = 1170;

  explicit SendStream(const SendStreamOptions& options);

  // Appends the packets of one frame.
  void SendFrame(const MediaFrame& frame, Instant now, std::vector<ByteVector>& out);
  // Appends what is still in the history.
  void HandleNack(const wire::Nack& nack, Instant now, std::vector<ByteVector>& out);
  void CountKeyframeRequest() { ++counters_.plis; }
  // A report block of the peer about this stream. `arrival` is the peer's report's arrival.
  void HandleReport(const wire::ReportBlock& block, WallTime arrival);

  // Once there was a packet.
  [[nodiscard]] std::optional<wire::SenderInfo> Report(Instant now, WallTime wall) const;

  [[nodiscard]] const SendStreamOptions& options() const { return options_; }
  [[nodiscard]] const SendStreamCounters& counters() const { return counters_; }
  [[nodiscard]] std::optional<Duration> round_trip() const { return round_trip_; }
  // Of the last report: share lost since the one before, 0..1.
  [[nodiscard]] double reported_loss() const { return reported_loss_; }

 private:
  struct Sent {
    std::uint16_t sequence = 0;
    Instant sent_at;
    ByteVector packet;  // empty: nothing here
  };

  void SendPayload(ByteView payload, bool marker, Instant now, std::vector<ByteVector>& out);
  [[nodiscard]] ByteVector AsRtx(const ByteVector& packet);

  SendStreamOptions options_;
  std::uint16_t next_sequence_;
  std::uint16_t next_rtx_sequence_;
  std::uint32_t timestamp_ = 0;  // of the frame sent last
  Instant timestamp_at_;         // its capture time
  std::uint16_t picture_id_ = 0;
  std::vector<Sent> history_;  // by sequence modulo kHistory
  SendStreamCounters counters_;
  std::optional<Duration> round_trip_;
  double reported_loss_ = 0;
};

}  // namespace latchkey::media
