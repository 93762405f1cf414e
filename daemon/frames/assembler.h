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

// How far before the first packet seen a stream may turn out to begin, in packets (reordering at its start).
constexpr std::int64_t kMaxEarlierStart = 64;
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
  std::uint64_t frames = 0;        // left whole
  std::uint64_t keyframes = 0;     // of these
  std::uint64_t given_up = 0;      // places where the line was blocked for too long, or too much waited
  std::uint64_t packets_lost = 0;  // numbers given up
  std::uint64_t broken = 0;        // frames with all packets, but malformed
  std::uint64_t undecodable = 0;   // whole, but after a loss and before the next keyframe
  std::uint64_t unsupported = 0;   // whole, but of a kind that can't be shown
  std::uint64_t too_large = 0;     // over kMaxFrame or kMaxRecords
  std::uint64_t resyncs = 0;       // sequence jumps
  DropCounters drops;              // packets not taken, by reason
};

class Assembler {
 public:
  explicit Assembler(AssemblerConfig config);

  // kNone: taken. kDuplicate, kTooOld: ignored. kPayloadMalformed: its number counts, so that nobody asks for
  // it again, and its frame is lost. All are counted. Probes are ignored as kNone.
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
  // Since when `sequence` has been missing, if it is.
  [[nodiscard]] std::optional<Instant> MissingSince(ExtendedSequence sequence) const;
  // How many numbers are missing and may still come.
  [[nodiscard]] std::size_t missing() const { return window_.missing(); }
  // What comes below can't leave any more: after a loss, what stands before the keyframe that is coming in.
  [[nodiscard]] ExtendedSequence UsefulFrom() const;
  // From now on, also for what waits already.
  void SetHold(Duration hold) { config_.hold = hold; }
  // Forgets packets and frames (not the parameter sets); video waits for a keyframe. Unless the stream is
  // `renumbered`, a number that was taken out before stays too old: what is sent again or comes late must not
  // follow pictures that are newer.
  void BeginEpoch(Epoch epoch, bool renumbered);

  [[nodiscard]] const AssemblerCounters& counters() const { return counters_; }
  // Payload bytes that wait.
  [[nodiscard]] std::size_t bytes() const { return window_.bytes(); }
  [[nodiscard]] wire::Codec codec() const { return config_.codec; }
  [[nodiscard]] bool IsConsistent() const;

 private:
  // A keyframe's parameter sets come before its first slice, in packets of their own.
  static constexpr std::int64_t kMaxParameterPackets = 8;

  // What stands at the head of the line.
  enum class Head : std::uint8_t {
    kOpen,   // everything so far is there, the end is not
    kWhole,  // a frame, up to scan.next
    kGap,    // scan.next is missing
  };
  // Reading position within one frame, so that no packet is looked at twice.
  struct Scan {
    std::int64_t begin = 0;
    std::int64_t next = 0;
    Instant arrived_first;
    std::uint32_t timestamp = 0;
    bool has_payload = false;  // a packet that isn't padding
    bool has_picture = false;
    bool picture_start = false;  // the picture's first packet is the start of a picture
    bool unit_open = false;
    bool broken = false;  // all packets are there, and they make no frame
    bool keyframe = false;
    bool b_slice = false;
    bool has_sps = false;
    bool has_pps = false;
    std::size_t bytes = 0;
  };

  [[nodiscard]] bool is_video() const {
    return wire::StreamKindOf(config_.codec) == wire::StreamKind::kVideo;
  }
  DropReason Place(std::int64_t sequence, Instant now);
  DropReason Store(const gate::AuthenticPacket& packet, Instant now);
  void MakeRoom(Instant now);
  void Resync(std::int64_t sequence, Instant now);

  void Advance(Instant now);
  [[nodiscard]] bool AwaitsStart(const Scan& scan, Instant now);
  Head Read(Scan& scan) const;
  [[nodiscard]] bool BeginsNextFrame(const Scan& scan, const StoredPacket& packet) const;
  void Absorb(Scan& scan, const StoredPacket& packet) const;
  [[nodiscard]] bool EndsFrame(const Scan& scan, const StoredPacket& packet) const;

  void GiveUp(std::int64_t blocked_at, Instant now);
  [[nodiscard]] bool CanBegin(std::int64_t at) const;
  [[nodiscard]] bool JumpToKeyframe();
  void BeginAt(std::int64_t at);
  void BreakChain() { chained_ = !is_video(); }

  void Finish(const Scan& scan, Instant now);
  [[nodiscard]] bool MarkerMisled(const Scan& scan) const;
  [[nodiscard]] bool Decodable(const Scan& scan);
  [[nodiscard]] bool NeedsParameterSets(const Scan& scan) const;
  void LearnParameterSets(const Scan& scan);
  void NoteReordering(const Scan& scan);
  void Emit(const Scan& scan, Instant now);

  AssemblerConfig config_;
  PacketWindow window_;
  ParameterSets parameter_sets_;
  Unwrapper<std::uint32_t> timestamps_;
  Scan scan_;
  std::deque<PlainFrame> ready_;
  bool chained_ = false;  // the frame before left, so one that depends on it may follow
  bool fresh_ = true;     // nothing was taken out yet: the stream may begin earlier than its first packet
  Instant fresh_since_;
  std::optional<Instant> start_awaited_until_;
  bool marker_ends_frame_ = true;  // until the camera shows that its marker means something else
  bool group_reorders_ = false;    // a B slice since the last keyframe
  std::optional<std::uint32_t> last_timestamp_;  // of the frame read last, when nothing is missing behind it
  std::optional<std::int64_t> newest_keyframe_;  // newest packet that begins a keyframe's picture
  std::optional<std::int64_t> floor_;            // what lies below was taken out in an epoch before
  std::optional<std::int64_t>
      restart_expected_;  // RFC 3550 A.1: what would prove that the numbering restarted
  Unsupported unsupported_ = Unsupported::kNone;
  AssemblerCounters counters_;
};

}  // namespace latchkey::frames
