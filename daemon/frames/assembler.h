// One stream's packets become whole frames in decoding order (RFC 6184, RFC 7741, RFC 7587, RFC 3551).
//
// Video leaves only as an unbroken chain from a keyframe on: after a frame was given up, everything is
// dropped until the next whole keyframe. Sound leaves packet by packet, in order, without those given up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "daemon/base/counters.h"
#include "daemon/base/ids.h"
#include "daemon/base/seq.h"
#include "daemon/base/time.h"
#include "daemon/frames/frame.h"
#include "daemon/frames/packet_window.h"
#include "daemon/frames/parameter_sets.h"
#include "daemon/gate/authentic_packet.h"
#include "daemon/wire/codec.h"

namespace latchkey::frames {

// Packets between the oldest that waits and the newest, per stream. A packet beyond gives up what blocks
// the line; a jump larger than the window begins the stream afresh (a camera that rebooted).
constexpr std::size_t kVideoWindowPackets = 2048;
constexpr std::size_t kAudioWindowPackets = 256;
// Payload bytes that wait, per stream. At the limit what blocks the line is given up.
constexpr std::size_t kVideoWindowBytes = 2 * 1024 * 1024;
constexpr std::size_t kAudioWindowBytes = 128 * 1024;
// Whole frames that wait to be polled; the caller drains after each call, so more is our bug.
constexpr std::size_t kMaxReadyFrames = kVideoWindowPackets;

struct AssemblerConfig {
  CameraId camera;
  Epoch epoch;
  wire::Codec codec = wire::Codec::kH264;
  // How long a frame that isn't whole may hold the line, counted from the moment a loss shows.
  Duration hold = milliseconds(100);
  // H264: whole NALs with header byte, from sprop-parameter-sets (RFC 6184 8.1); bounded by ParameterSets.
  std::vector<ByteVector> parameter_sets;
};

// Why video comes but can't be shown.
enum class Unsupported : std::uint8_t {
  kNone,
  kReordering,  // H264 B slices: output order is not decoding order, which WebRTC can't carry
};

struct AssemblerCounters {
  std::uint64_t frames = 0;            // left whole
  std::uint64_t keyframes = 0;         // of these
  std::uint64_t given_up = 0;          // places where the line was blocked for too long, or too much waited
  std::uint64_t packets_lost = 0;      // numbers given up
  std::uint64_t broken = 0;            // frames with all packets, but malformed
  std::uint64_t undecodable = 0;       // whole, but after a loss and before the next keyframe
  std::uint64_t unsupported = 0;       // whole, but of a kind that can't be shown
  std::uint64_t too_large = 0;         // over kMaxFrame
  std::uint64_t resyncs = 0;           // sequence jumps
  DropCounters drops;                  // packets not taken, by reason
};

class Assembler {
 public:
  explicit Assembler(AssemblerConfig config);

  // kNone: taken. kDuplicate, kTooOld, kPayloadMalformed: counted and ignored. Probes are ignored as kNone.
  // Afterwards drain PollFrame().
  DropReason Push(const gate::AuthenticPacket& packet, Instant now);
  // At NextDeadline() or later: gives up what held the line for too long. Afterwards drain PollFrame().
  void HandleTimeout(Instant now);
  [[nodiscard]] std::optional<Instant> NextDeadline() const;
  // Whole frames, oldest first; nothing when drained. `captured` is arrived_first: whoever has the
  // CaptureClock puts its estimate in.
  [[nodiscard]] std::optional<PlainFrame> PollFrame();

  // Video: nothing more can leave before a keyframe comes. Ask for one (KeyframeLimiter says how often).
  [[nodiscard]] bool KeyframeWanted() const;
  [[nodiscard]] Unsupported unsupported() const { return unsupported_; }

  // Numbers that are missing and may still come, lowest first: what NACKs are made from.
  void ListMissing(std::vector<MissingPacket>& out) const { window_.ListMissing(out); }
  // From now on, also for what waits already.
  void SetHold(Duration hold) { config_.hold = hold; }
  // Forgets packets and frames (not the parameter sets); video waits for a keyframe.
  void BeginEpoch(Epoch epoch);

  [[nodiscard]] const AssemblerCounters& counters() const { return counters_; }
  // Payload bytes that wait.
  [[nodiscard]] std::size_t bytes() const { return window_.bytes(); }
  [[nodiscard]] wire::Codec codec() const { return config_.codec; }
  [[nodiscard]] bool IsConsistent() const;

 private:
  // What stands at the head of the line.
  enum class Head : std::uint8_t {
    kOpen,   // everything so far is there, the end is not
    kWhole,  // a frame, up to end_
    kGap,    // blocked_at_ is missing
    kBroken  // a frame with all its packets, up to end_, that makes no sense
  };
  // Reading position within the frame at the head, so that no packet is looked at twice.
  struct Scan {
    std::int64_t begin = 0;
    std::int64_t next = 0;
    std::uint32_t timestamp = 0;
    bool has_payload = false;  // a packet that isn't padding
    bool has_picture = false;
    bool unit_open = false;
    bool broken = false;
    bool keyframe = false;
    bool b_slice = false;
    std::size_t bytes = 0;
    std::size_t packets = 0;
  };

  [[nodiscard]] bool is_video() const { return wire::StreamKindOf(config_.codec) == wire::StreamKind::kVideo; }
  DropReason Store(const gate::AuthenticPacket& packet, Instant now);
  bool AcceptJump(std::int64_t sequence, Instant now);
  void Resync(std::int64_t sequence);
  void Advance(Instant now);
  Head Read(Scan& scan) const;
  bool Absorb(Scan& scan, const StoredPacket& packet) const;
  bool EndsFrame(const Scan& scan, const StoredPacket& packet) const;
  void BeginScan(std::int64_t at);
  void GiveUp(std::int64_t blocked_at);
  bool JumpToKeyframe();
  [[nodiscard]] std::int64_t KeyframeBegin(std::int64_t at) const;
  void Finish(const Scan& scan, Instant now);
  void Emit(const Scan& scan, Instant now);
  void BreakChain();
  void LearnParameterSets(const Scan& scan);
  void NoteSupport(const Scan& scan);

  AssemblerConfig config_;
  PacketWindow window_;
  ParameterSets parameter_sets_;
  Unwrapper<std::uint32_t> timestamps_;
  Scan scan_;
  std::deque<PlainFrame> ready_;
  bool chained_ = false;            // video: the frame before left, so a non-key frame may follow
  bool anything_left_ = false;      // the window can't begin earlier any more
  bool marker_ends_frame_ = true;   // until the camera proves that its marker means something else
  bool group_has_b_ = false;
  std::optional<std::uint32_t> last_timestamp_;  // of the frame finished last
  std::optional<std::int64_t> newest_keyframe_;  // newest packet seen that begins a keyframe
  std::optional<std::int64_t> jump_candidate_;   // RFC 3550 A.1: what would prove a restart
  Unsupported unsupported_ = Unsupported::kNone;
  AssemblerCounters counters_;
};

}  // namespace latchkey::frames
