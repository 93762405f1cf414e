// Maps a camera's RTP time to capture time on the hub's clock (RFC 3550 6.4.1), so that it is known how old a
// picture is, whatever network it came by.
//
// A stream's packets come late, never early: the smallest (arrival - RTP time) of its run is the path's least
// delay, and what comes later than that is old. That minimum may grow by what clocks drift and by no more, so
// whoever holds packets back, at once or a little longer each second, makes pictures old and never young
// again.
//
// What else makes it larger is the camera's own authentic word, the two times in its sender reports: between
// two of them its wall clock passed by more than its RTP clock did, in reports and in packets alike. No delay
// can change what stands in them. The RTP clock lost that time in one of two ways:
//  - it stood still (an encoder that stalled). Where packets came irregularly: the time counts once.
//  - it is slow (firmware that counts frames and calls 15 of a second 25). Where packets came regularly: its
//    time is read at that pace from then on.
// Either way only if the hub saw the time pass as well; else the camera's wall clock was set.
//
// Reports also put picture and sound on one clock: the smallest (arrival - wall clock) of both streams, while
// that agrees with arrival to within kMaxReportSkew.
//
// "Captured" is later than the truth by the path's least delay, on a LAN below 1 ms, and by however much
// everything was held back from a run's first packet on, which nothing here can know. (A run begins with the
// session, with another source, and where RTP time goes back by more than kMaxStep.) Whoever sets the
// camera's wall clock, or breaks its RTP clock, while holding its packets back can make them young by as
// much.
//
// A clock that passes at another pace is believed while reports go on saying so, and its pictures are never
// younger than by the camera's wall clock, counted from the soonest report. One that is too fast, of a camera
// that never reports, looks young however it is held.
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
  void Grow(Duration by, Instant now);
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
  // RTP time that goes back by more than this belongs to another run of the clock.
  static constexpr Duration kMaxStep = seconds(1);
  // Reports that put pictures further than this from where their arrival puts them are wrong (GStreamer's run
  // ahead of its packets by seconds when its pipeline was late): they count for nothing, and nor do the other
  // stream's. Above what an encoder needs from capture to sending, below what counts as stale.
  static constexpr Duration kMaxReportSkew = milliseconds(500);
  // Two frames whose arrivals are further apart than their times, or nearer, by more than this: the clock
  // jumped between them, or the network held one back.
  static constexpr Duration kIrregular = milliseconds(200);
  // Time that a clock loses is noticed from here on: twice what a report's own times are off by, beside the
  // length of a frame.
  static constexpr Duration kSureOf = milliseconds(200);
  // Paces are measured over so long a time at least; of a camera that is known to count otherwise, whose pace
  // changes with its frame rate, sooner. That many reports name the last frame's time is kSureOf's matter.
  static constexpr Duration kPaceSpan = seconds(4);
  static constexpr Duration kOddPaceSpan = milliseconds(800);
  // A pace that no report has spoken of for so long says nothing any more: the pictures are old.
  static constexpr Duration kPaceLife = seconds(15);
  // And over so long at most.
  static constexpr Duration kMarkAge = seconds(120);
  static constexpr double kSlowestPace = 0.25;
  static constexpr double kFastestPace = 4;
  // A pace that is off by so much is of a camera that counts frames, whatever its pace is later.
  static constexpr double kCounts = 0.05;
  // Two measurements of one pace differ by this share at most.
  static constexpr double kSamePace = 0.1;
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
  // A report, and where the packets were by then.
  struct Said {
    Duration wall{};             // the camera's clock
    std::int64_t timestamp = 0;  // of the same moment, extended
    Instant arrived;
    std::int64_t newest = 0;  // timestamp of the newest packet, extended
    Instant newest_arrived;
  };
  struct Stream {
    std::int64_t clock_rate = 90000;
    Unwrapper<std::uint32_t> timestamps;
    std::optional<std::int64_t> newest_sequence;
    DriftBoundMinimum least{kArrivalDriftPpm};  // arrival - media time
    SlidingMinimum recent{kWindow};             // the same, for Delay()
    bool heard = false;                         // a packet came
    std::int64_t newest_timestamp = 0;          // of the packets, and when it came
    Instant newest_arrived;
    Duration frame_length{};
    bool irregular = false;       // since the last report
    std::optional<Said> last;     // report
    std::optional<Said> settled;  // the same, if packets came when it did: what jumps are measured from
    std::optional<Said> mark;     // what the pace is measured from; none: not before the next report
    bool synchronised = false;
    // Media time passes `pace` times as fast as RTP time says, from the anchor on.
    double pace = 1;
    bool counts = false;  // frames, or had another pace once: its RTP time is no clock
    double vetoed = 0;    // the pace that reports told last and arrival contradicted
    std::int64_t anchor_timestamp = 0;
    Duration anchor_media{};

    [[nodiscard]] Duration Media(std::int64_t timestamp) const;
  };

  // The next packet should be here by now: a report says nothing of a clock that may be standing still.
  [[nodiscard]] static bool IsOverdue(const Stream& stream, Instant now);
  void FollowRtpClock(Stream& stream, const Said& now);
  void NoteNewest(Stream& stream, std::int64_t timestamp, Instant arrived);
  // How much less the RTP clock passed than the wall clock did; 0 where that isn't sure.
  static Duration Lost(const Stream& stream, const Said& from, const Said& to);
  static bool MayHaveLost(const Stream& stream, const Said& from, const Said& to);
  void FollowJump(Stream& stream, const Said& to);
  void FollowPace(Stream& stream, const Said& to);
  void LearnWallClock(Stream& stream, const Said& now);
  // Capture time on the hub's clock.
  [[nodiscard]] Duration Estimate(const Stream& stream, Duration media, Instant arrived);
  // Of both streams, because they share the offset.
  void ForgetReports();
  [[nodiscard]] Stream& Of(wire::StreamKind kind) { return streams_[static_cast<std::size_t>(kind)]; }

  std::array<Stream, wire::kStreamKindCount> streams_{};
  DriftBoundMinimum wall_offset_{kWallDriftPpm};  // arrival - the camera's wall clock
  // The same by the arrival of reports alone, whatever else was found wrong.
  DriftBoundMinimum report_delay_{kWallDriftPpm};
};

}  // namespace latchkey::frames
