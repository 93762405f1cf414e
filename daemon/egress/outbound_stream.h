// One stream towards one viewer: the hub's own SSRC, contiguous sequence numbers, the viewer's clock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "daemon/base/bytes.h"
#include "daemon/base/datagram.h"
#include "daemon/base/time.h"
#include "daemon/egress/sent_history.h"
#include "daemon/egress/timestamp_map.h"
#include "daemon/peer/ice_lite.h"
#include "daemon/peer/media_plan.h"
#include "daemon/ports/entropy.h"
#include "daemon/ports/srtp.h"
#include "daemon/wire/rtcp_report.h"
#include "daemon/wire/rtp.h"

namespace latchkey::egress {

// Where a packet goes and what protects it: of the session that the stream belongs to.
struct Leg {
  peer::IcePair path;
  ports::SrtpSender& srtp;
  DatagramBatch& out;
};

class OutboundStream {
 public:
  // Packets that can be made again: half a second of 1080p, five seconds of sound.
  static constexpr std::size_t kVideoHistory = 1024;
  static constexpr std::size_t kAudioHistory = 256;
  // Bounds that select a browser's low-latency renderer.
  static constexpr milliseconds kPlayoutMax{500};

  OutboundStream(const peer::StreamPlan& plan, ports::Entropy& entropy);

  [[nodiscard]] const peer::StreamPlan& plan() const { return plan_; }

  // A frame's place in the viewer's stream.
  struct FrameRef {
    Epoch epoch;
    FrameNumber number;
    std::uint32_t timestamp = 0;
  };
  // Time for a frame that begins to go out at `now`; `follows` false takes a new anchor (see TimestampMap).
  std::uint32_t BeginFrame(ExtendedTimestamp camera_time, bool follows, Instant captured, Instant now);
  // The next packet of the stream: record `index` of `frame`.
  void SendRecord(const FrameRef& frame, std::uint16_t index, ByteView payload, bool marker, const Leg& leg,
                  Instant now);

  // What was sent as `sequence`, if it is still known.
  [[nodiscard]] std::optional<SentHistory::Entry> Sent(std::uint16_t sequence) const {
    return history_.Find(sequence);
  }
  // The same packet again: as RTX (RFC 4588) where agreed, else byte for byte as before, since a GCM nonce
  // must never meet two plain texts (RFC 7714 8.1).
  void Resend(const SentHistory::Entry& entry, ByteView payload, bool marker, const Leg& leg);
  void NoteResent(std::uint16_t sequence, Instant now) { history_.NoteResent(sequence, now); }
  // Nothing sent so far can be made again: its frames are gone.
  void ForgetSent() { history_.Clear(); }

  // For a sender report (RFC 3550 6.4.1). Nothing before the first frame.
  [[nodiscard]] std::optional<wire::SenderInfo> Report(Instant now, WallTime wall) const;
  [[nodiscard]] std::uint64_t packets() const { return packets_; }
  [[nodiscard]] std::uint16_t next_sequence() const { return next_sequence_; }

 private:
  struct Packet {
    bool marker = false;
    std::uint16_t sequence = 0;
    std::uint32_t timestamp = 0;
  };
  void Append(const Packet& packet, ByteView payload, const Leg& leg) const;
  void AppendRtx(const Packet& packet, ByteView payload, const Leg& leg);
  void WriteTemplate();

  peer::StreamPlan plan_;
  std::array<std::uint8_t, wire::kRtpMaxWrittenHeader> template_{};  // of every packet's header
  std::size_t header_size_ = 0;
  TimestampMap timestamps_;
  SentHistory history_;
  std::uint16_t next_sequence_;
  std::uint16_t next_rtx_sequence_;
  std::uint64_t packets_ = 0;
  std::uint64_t octets_ = 0;
  Instant last_captured_{};
};

}  // namespace latchkey::egress
