// The receiving half of one RTP stream, in clear: order, missing packets asked for, whole frames, the figures
// of receiver reports. A machine without sockets or clocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "daemon/base/bytes.h"
#include "daemon/base/seq.h"
#include "daemon/base/time.h"
#include "daemon/wire/codec.h"
#include "daemon/wire/h264_pack.h"
#include "daemon/wire/rtcp_report.h"
#include "daemon/wire/rtp.h"
#include "daemon/wire/vp8.h"

namespace latchkey::media {

// One whole frame, in decoding order.
struct ReceivedFrame {
  ByteVector bytes;  // Annex B access unit, VP8 frame, or an audio packet
  bool keyframe = false;
  bool after_gap = false;  // something before it was lost for good
  std::uint32_t timestamp = 0;
  Instant arrived;  // of its last packet to arrive
};

struct ReceiveCounters {
  std::uint64_t packets = 0;  // unique ones of this stream, repaired ones included
  std::uint64_t payload_bytes = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t repaired = 0;        // asked for, and then they came
  std::uint64_t lost = 0;            // given up
  std::uint64_t nacked = 0;          // sequence numbers asked for, each request counted
  std::uint64_t frames = 0;          // whole
  std::uint64_t frames_damaged = 0;  // begun, but incomplete when given up, or malformed
  std::uint64_t keyframes = 0;
};

class ReceiveStream {
 public:
  // How long a missing packet may hold up what comes after it.
  static constexpr Duration kMaxWait = milliseconds{400};
  // Packets held behind a gap; at the limit the gap is given up at once.
  static constexpr std::size_t kMaxHeld = 2048;
  // A jump of the sequence number further than this begins the stream anew.
  static constexpr std::int64_t kMaxJump = 3000;
  static constexpr int kMaxRequests = 12;
  // A stream may turn out to have begun so many packets before the first one that arrived.
  static constexpr std::int64_t kMaxBack = 256;

  ReceiveStream(wire::Codec codec, std::uint32_t ssrc) : codec_(codec), ssrc_(ssrc) {}

  // One authenticated packet of this stream. `repaired`: it came by RTX.
  void HandlePacket(const wire::RtpPacket& packet, Instant now, bool repaired = false);
  // Gives up gaps that have waited too long.
  void HandleTimeout(Instant now);
  // Whole frames, oldest first; nothing when drained.
  [[nodiscard]] std::optional<ReceivedFrame> PollFrame();
  // Sequence numbers to ask for now, ascending, each at most kMaxRequests times with round trips between.
  [[nodiscard]] std::vector<std::uint16_t> TakeNacks(Instant now);
  // When TakeNacks() or HandleTimeout() has something to do.
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  void HandleSenderReport(const wire::SenderInfo& info, Instant now);
  // For a receiver report; starts the next interval. Nothing before the first packet.
  [[nodiscard]] std::optional<wire::ReportBlock> TakeReport(Instant now);

  [[nodiscard]] const ReceiveCounters& counters() const { return counters_; }
  [[nodiscard]] wire::Codec codec() const { return codec_; }
  [[nodiscard]] std::uint32_t ssrc() const { return ssrc_; }

 private:
  struct Held {
    ByteVector payload;
    std::uint32_t timestamp = 0;
    bool marker = false;
    Instant arrived;
  };
  struct Missing {
    Instant since;
    Instant ask_at;
    int asked = 0;
    Instant asked_at;
  };

  void Begin(std::int64_t sequence);
  void ExtendBack(std::int64_t sequence, ByteView payload, Instant now);
  [[nodiscard]] bool MayStartStream(ByteView payload) const;
  void NoteMissing(std::int64_t from, std::int64_t to, Instant now);
  void NoteArrival(std::int64_t sequence, Instant now, bool repaired);
  void UpdateJitter(std::uint32_t timestamp, Instant now);
  void Drain();
  void GiveUpFirstGap();
  void Consume(const Held& packet);
  [[nodiscard]] bool MayStartFrame(ByteView payload) const;
  void EndFrame();
  void ClearFrame();
  [[nodiscard]] bool PushPayload(ByteView payload);

  wire::Codec codec_;
  std::uint32_t ssrc_;
  Unwrapper<std::uint16_t> unwrapper_;
  std::int64_t next_ = 0;     // the first sequence not yet consumed
  std::int64_t highest_ = 0;  // the highest received
  std::int64_t base_ = 0;     // the first received
  bool begun_ = false;
  bool seeking_start_ = false;  // the packets before the first one that came are still awaited
  std::map<std::int64_t, Held> held_;
  std::map<std::int64_t, Missing> missing_;

  // The frame being put together.
  wire::H264Depacketiser h264_;
  wire::Vp8Depacketiser vp8_;
  ByteVector audio_;
  std::optional<std::uint32_t> frame_timestamp_;
  bool frame_damaged_ = false;
  bool frame_keyframe_ = false;
  bool gap_ = false;           // since the last whole frame
  bool start_unsure_ = false;  // packets before the next frame were lost: it may lack its first ones
  Instant frame_arrived_;
  std::vector<ReceivedFrame> frames_;
  std::size_t next_frame_ = 0;

  // Asking again.
  std::optional<Duration> round_trip_;  // from a request to its packet
  Duration reordering_{0};              // how late packets come that nobody lost

  // RFC 3550 A.3 and A.8.
  std::int64_t expected_before_ = 0;
  std::uint64_t packets_before_ = 0;
  double jitter_ = 0;
  std::optional<std::int64_t> transit_;
  std::uint32_t last_sr_ = 0;
  Instant last_sr_at_;
  ReceiveCounters counters_;
};

}  // namespace latchkey::media
