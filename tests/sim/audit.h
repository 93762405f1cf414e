// What a lane sends to one viewer, looked at before the network has it. Throws Violation at the first packet
// that breaks an invariant:
//
//   it opens with this viewer's keys; numbers are contiguous as sent, and what comes again was sent before;
//   frames are whole; each is the camera's that the grant named, of a life that it named; none is older than
//   the one before; one that is no keyframe directly follows its predecessor.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "daemon/base/seq.h"
#include "daemon/base/time.h"
#include "daemon/peer/media_plan.h"
#include "daemon/ports/srtp.h"
#include "tests/sim/picture.h"
#include "tests/sim/sound.h"

namespace latchkey::sim {

// A frame on its way to a viewer.
struct SentFrame {
  Picture picture;
  std::int64_t first = 0;  // sequence number
  std::int64_t last = 0;
  std::int64_t missing = 0;  // packets that have not arrived
  std::uint32_t timestamp = 0;
};

class Audit {
 public:
  // Frames remembered for the viewer; older ones arrive unnoticed.
  static constexpr std::size_t kRemembered = 256;

  explicit Audit(std::uint32_t mark) : sound(mark), mark_(mark) {}

  SoundAudit sound;

  // The viewer's grant covers this life of the camera now.
  void Grant(std::uint32_t life);
  // The cache is close to a limit: frames may go while they are sent.
  void SetTight(bool tight) { tight_ = tight; }
  // A new epoch began, or the camera is unavailable: a frame that was under way may be gone.
  void MayBreakOff() { may_break_off_ = true; }

  // An RTP packet as it leaves. Returns whether it is new, or something sent before.
  bool OnRtp(ByteView datagram, ports::SrtpReceiver& witness, const peer::MediaPlan& plan);
  // The viewer has this packet. Returns the frame that is whole with it, if any.
  std::optional<SentFrame> Arrived(std::int64_t sequence);
  // Extended, as sent.
  [[nodiscard]] const Unwrapper<std::uint16_t>& sequence() const { return sequence_; }
  [[nodiscard]] std::uint64_t frames() const { return frames_; }
  // Of the picture that began last.
  [[nodiscard]] const std::optional<std::uint32_t>& timestamp() const { return timestamp_; }
  // Of the frames that left whole.
  [[nodiscard]] const std::optional<Picture>& newest() const { return newest_; }
  [[nodiscard]] std::uint64_t repeated() const { return repeated_; }

 private:
  void OnMedia(ByteView payload, bool marker, std::uint32_t timestamp, std::int64_t sequence,
               wire::Codec codec);
  void BeginFrame(std::uint32_t timestamp, std::int64_t sequence);
  void EndFrame(std::int64_t sequence);
  [[nodiscard]] std::string Where() const;

  struct Open {
    std::optional<Picture> picture;
    std::uint32_t timestamp = 0;
    std::int64_t first = 0;
    std::size_t bytes = 0;
    std::uint32_t all_bytes = 0;
  };
  std::uint32_t mark_;
  std::vector<std::uint32_t> lives_;  // granted
  Unwrapper<std::uint16_t> sequence_;
  std::optional<std::uint16_t> rtx_sequence_;
  std::optional<Open> open_;
  bool may_break_off_ = false;
  bool tight_ = false;
  std::optional<std::uint32_t> timestamp_;  // of the frame that began last
  std::optional<Picture> newest_;
  std::deque<SentFrame> sent_;
  std::uint64_t frames_ = 0;
  std::uint64_t repeated_ = 0;
};

}  // namespace latchkey::sim
