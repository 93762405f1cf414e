// Maps a camera's RTP time to capture time on the hub's clock (RFC 3550 6.4.1).
//
// Two maps, the better one wins:
//  - by arrival: a stream's packets come late, never early, so the smallest (arrival - RTP time) of the
//    session is the path's least delay.
//  - by sender reports, as soon as a stream has one: RTP time -> the camera's wall clock, and the smallest
//    (arrival of report - its wall clock) of both streams -> the hub's clock. One offset for both streams,
//    so picture and sound stay in step. Only while it agrees with arrival to within kMaxReportSkew.
//
// Both minima may grow by what clocks drift and by no more: whoever holds packets back, at once or a little
// longer each second, makes pictures old and can't make them young again. What makes a least delay larger is
// the camera's own authentic word alone, and never without the other map's consent:
//
//   reports say    arrival says   so
//   on time        late by X      the RTP clock stood still (twice, kStallSpan apart, and packets since are
//   late
//                                 by X as well: believed)
//   late by X      on time        the wall clock was set back: believed
//   late by X      late by X      the network holds it back: old
//   new by then    late by X      the same: a wall clock that is first heard of, or set, says nothing of X
//
// RTP time passes at the codec's rate, but some firmware counts frames in it and calls 15 of a second 25: its
// sound and picture would grow old without end. Two reports tell at what pace its RTP time really passes;
// they are believed where the packets' arrival between them says the same to within kPaceAgreement, so that
// reports that are wrong change no pace, nor does a network that holds packets back by more. A jump from one
// packet to the next is no pace.
// "Captured" is therefore later than the truth by the path's least delay, which on a LAN is below 1 ms, and
// by however much everything was held back from the session's first packet on, which nothing here can know.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "daemon/base/seq.h"
#include "daemon/base/time.h"
#include "daemon/wire/codec.h"
#include "daemon/wire/rtcp_report.h"

namespace latchkey::frames {

// Smallest value of a sliding window: the last full period and the one under way.
class SlidingMinimum {
 public:
  explicit SlidingMinimum(Duration period) : period_(period) {}
  void Add(Duration value, Instant now);
  [[nodiscard]] std::optional<Duration> Value() const;
  void Reset();

 private:
  Duration period_;
  std::optional<Duration> current_;
  std::optional<Duration> previous_;
  Instant current_since_;
};

// Smallest value ever, grown by a drift since.
class DriftBoundMinimum {
 public:
  explicit DriftBoundMinimum(std::int64_t ppm) : ppm_(ppm) {}
  void Add(Duration value, Instant now);
  // Not below `value` from now on.
  void Raise(Duration value, Instant now);
  [[nodiscard]] std::optional<Duration> At(Instant now) const;
  void Reset() { least_.reset(); }

 private:
  std::int64_t ppm_;
  std::optional<Duration> least_;
  Instant since_;
};

// Of one camera session. Everything it learns comes from authentic packets, and what it says is bounded by
// the arrival: never later, never more than kMaxAge earlier.
class CaptureClock {
 public:
  // Ages beyond are told as this: far above what counts as unavailable.
  static constexpr Duration kMaxAge = seconds(60);
  // RTP time against the hub's clock. 30 frames counted where 29.97 are sent is 0.1 %.
  static constexpr std::int64_t kArrivalDriftPpm = 2000;
  // Wall clocks: what NTP slews by, and what crystals differ by.
  static constexpr std::int64_t kWallDriftPpm = 700;
  // A clock of the camera that differs from itself by more than this, from one report or packet to another,
  // was set anew (NTP after a boot, a restarted encoder): what was learnt under the old setting is forgotten.
  // Below the age at which a picture counts as stale, or each such correction would look like old pictures.
  static constexpr Duration kMaxStep = seconds(1);
  // A report that puts pictures further than this from where their arrival puts them is wrong (GStreamer's
  // run ahead of its packets by seconds when its pipeline was late): it counts for nothing, and nor do the
  // other stream's. Above what an encoder needs from capture to sending, below what counts as stale.
  static constexpr Duration kMaxReportSkew = milliseconds(500);
  // Two reports at least this far apart that say the same by kPaceTolerance show that an RTP clock stood
  // still.
  static constexpr Duration kStallSpan = seconds(4);
  static constexpr Duration kStallMemory = seconds(60);
  // RTP time that passes this much slower or faster than said counts as said: more than any clock's drift,
  // and twice a frame's length in kPaceFrames.
  static constexpr double kPaceTolerance = 0.05;
  // Between reports and arrival.
  static constexpr double kPaceAgreement = 0.15;
  static constexpr double kSlowestPace = 0.25;
  static constexpr double kFastestPace = 4;
  // Reports closer than this, in time or in frames between them, tell no pace, because many name the last
  // frame's time. Of a camera that is known to count otherwise, whose pace changes with its frame rate,
  // sooner.
  static constexpr Duration kPaceSpan = seconds(4);
  static constexpr std::uint32_t kPaceFrames = 40;
  static constexpr Duration kOddPaceSpan = milliseconds(800);
  static constexpr std::uint32_t kOddPaceFrames = 10;
  // Of the least delay that queues are measured from: a path that became longer is no queue for ever.
  static constexpr Duration kWindow = seconds(10);

  CaptureClock(wire::Codec video, wire::Codec audio);

  // For each packet that isn't a retransmission.
  void OnPacket(wire::StreamKind kind, ExtendedSequence sequence, std::uint32_t rtp_timestamp,
                Instant arrived);
  void OnSenderReport(wire::StreamKind kind, const wire::SenderInfo& report, Instant arrived);
  // Capture time of a frame whose first packet came at `arrived`.
  [[nodiscard]] Instant CaptureTime(wire::StreamKind kind, std::uint32_t rtp_timestamp, Instant arrived);
  // Another source sends this stream: its RTP time has nothing to do with the one before.
  void Restart(wire::StreamKind kind);
  // How much later than the earliest of the last 10 to 20 s a packet came; 0 before any was seen.
  [[nodiscard]] Duration Delay(wire::StreamKind kind, std::uint32_t rtp_timestamp, Instant arrived) const;
  // Sender reports count for this stream.
  [[nodiscard]] bool synchronised(wire::StreamKind kind) const;

 private:
  // What a pace is measured from.
  struct PaceMark {
    Duration wall{};             // of a report
    std::int64_t timestamp = 0;  // of it, extended
    std::int64_t newest_timestamp = 0;
    Instant newest_arrived;
  };
  // A report on time that puts pictures later than their arrival does.
  struct Doubt {
    Duration wall{};
    Duration later{};
    Instant since;
  };
  // The last report, by its wall clock and by its RTP time.
  struct Heard {
    Duration offset{};
    Duration late{};
  };
  struct Stream {
    std::int64_t clock_rate = 90000;
    Unwrapper<std::uint32_t> timestamps;
    std::optional<std::int64_t> newest_sequence;
    DriftBoundMinimum least{kArrivalDriftPpm};  // arrival - media time
    SlidingMinimum recent{kWindow};             // the same, for Delay()
    std::optional<wire::SenderInfo> report;
    std::int64_t report_timestamp = 0;  // extended
    std::int64_t newest_timestamp = 0;  // of the packets, and when it came
    Instant newest_arrived;
    std::uint32_t frames = 0;  // timestamps since the mark
    std::optional<PaceMark> mark;
    std::optional<Doubt> doubt;
    std::optional<Heard> heard;
    // Media time passes `pace` times as fast as RTP time says, from the anchor on.
    double pace = 1;
    std::int64_t anchor_timestamp = 0;
    Duration anchor_media{};

    [[nodiscard]] Duration Media(std::int64_t timestamp) const;
  };

  void LearnWallClock(Stream& stream, Duration wall, Instant arrived);
  void FollowPace(Stream& stream, Instant arrived);
  void AlignArrival(Stream& stream, Instant arrived);
  void ForgetReports();
  [[nodiscard]] Stream& Of(wire::StreamKind kind) { return streams_[static_cast<std::size_t>(kind)]; }

  std::array<Stream, wire::kStreamKindCount> streams_{};
  DriftBoundMinimum wall_offset_{kWallDriftPpm};  // arrival - the camera's wall clock
  Duration unproved_{};  // so late were packets when that was learnt: it is no witness of what was before
};

}  // namespace latchkey::frames
