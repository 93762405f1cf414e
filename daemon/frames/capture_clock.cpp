#include "daemon/frames/capture_clock.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "daemon/wire/ntp.h"

namespace latchkey::frames {
namespace {

// RTP units since the stream's number zero, as time. Split, so that 64 bits hold for centuries.
Duration MediaTime(std::int64_t timestamp, std::int64_t clock_rate) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t whole = timestamp / clock_rate;
  const std::int64_t rest = timestamp % clock_rate;
  return Duration{whole * kSecond + rest * kSecond / clock_rate};
}

// Extended timestamps beyond this (6 years at 90 kHz) are a clock that leaps, packet by packet: it begins
// again before 64 bits of nanoseconds are used up at the slowest clock.
constexpr std::int64_t kMaxTimestamp = std::int64_t{1} << 44U;

Duration WallTime(const wire::SenderInfo& report) {
  return wire::WallTimeFromNtp(report.ntp).time_since_epoch();
}

}  // namespace

void SlidingMinimum::Add(Duration value, Instant now) {
  if (current_ && now - current_since_ >= period_) {
    // A silence of more than a period forgets both.
    previous_ = now - current_since_ < 2 * period_ ? current_ : std::nullopt;
    current_.reset();
  }
  if (!current_) {
    current_ = value;
    current_since_ = now;
    return;
  }
  current_ = std::min(*current_, value);
}

std::optional<Duration> SlidingMinimum::Value() const {
  if (current_ && previous_) return std::min(*current_, *previous_);
  return current_;
}

void SlidingMinimum::Reset() {
  current_.reset();
  previous_.reset();
}

void DriftBoundMinimum::Add(Duration value, Instant now) {
  const auto least = At(now);
  least_ = least ? std::min(*least, value) : value;
  since_ = now;
}

void DriftBoundMinimum::Raise(Duration value, Instant now) {
  const auto least = At(now);
  least_ = least ? std::max(*least, value) : value;
  since_ = now;
}

std::optional<Duration> DriftBoundMinimum::At(Instant now) const {
  if (!least_) return std::nullopt;
  const Duration passed = std::max(Duration::zero(), now - since_);
  return *least_ + Duration{passed.count() / 1'000'000 * ppm_};
}

CaptureClock::CaptureClock(wire::Codec video, wire::Codec audio) {
  Of(wire::StreamKind::kVideo).clock_rate = wire::ClockRate(video);
  Of(wire::StreamKind::kAudio).clock_rate = wire::ClockRate(audio);
}

Duration CaptureClock::Stream::Media(std::int64_t timestamp) const {
  const Duration said = MediaTime(timestamp - anchor_timestamp, clock_rate);
  if (pace == 1) return anchor_media + said;
  return anchor_media + Duration{static_cast<std::int64_t>(static_cast<double>(said.count()) * pace)};
}

void CaptureClock::Restart(wire::StreamKind kind) {
  const std::int64_t clock_rate = Of(kind).clock_rate;
  Of(kind) = Stream{};
  Of(kind).clock_rate = clock_rate;
}

void CaptureClock::OnPacket(wire::StreamKind kind, ExtendedSequence sequence, std::uint32_t rtp_timestamp,
                            Instant arrived) {
  const Stream& before = Of(kind);
  // A packet that was overtaken has an earlier time, and says nothing of the clock.
  const bool in_order = !before.newest_sequence || sequence.value > *before.newest_sequence;
  const std::int64_t behind = before.timestamps.highest().value_or(0) - before.timestamps.Peek(rtp_timestamp);
  const bool set_back = in_order && behind > 0 && MediaTime(behind, before.clock_rate) > kMaxStep;
  if (set_back || before.timestamps.Peek(rtp_timestamp) > kMaxTimestamp) Restart(kind);
  Stream& stream = Of(kind);
  if (in_order) stream.newest_sequence = sequence.value;
  const std::int64_t timestamp = stream.timestamps.Unwrap(rtp_timestamp);
  if (timestamp == stream.timestamps.highest()) {
    if (timestamp != stream.newest_timestamp) ++stream.frames;
    const Duration passed = arrived - stream.newest_arrived;
    const Duration said = stream.Media(timestamp) - stream.Media(stream.newest_timestamp);
    if (std::chrono::abs(passed - said) > kMaxReportSkew) stream.mark.reset();
    stream.newest_timestamp = timestamp;
    stream.newest_arrived = arrived;
  }
  const Duration delay = arrived.time_since_epoch() - stream.Media(timestamp);
  stream.least.Add(delay, arrived);
  stream.recent.Add(delay, arrived);
}

void CaptureClock::OnSenderReport(wire::StreamKind kind, const wire::SenderInfo& report, Instant arrived) {
  // Without a wall clock (RFC 3550 6.4.1), or before any packet to extend its timestamp by.
  Stream& stream = Of(kind);
  if (report.ntp.value == 0 || !stream.timestamps.highest()) return;
  stream.report_timestamp = stream.timestamps.Peek(report.rtp_timestamp);
  LearnWallClock(stream, WallTime(report), arrived);
  stream.report = report;
  FollowPace(stream, arrived);
  AlignArrival(stream, arrived);
}

// How late the report is by its wall clock, and how late by its RTP time.
void CaptureClock::LearnWallClock(Stream& stream, Duration wall, Instant arrived) {
  const Duration offset = arrived.time_since_epoch() - wall;
  const Duration media = stream.Media(stream.report_timestamp);
  const Duration late = arrived.time_since_epoch() - media - *stream.least.At(arrived);
  const auto least = wall_offset_.At(arrived);
  const bool set_back = least && offset - *least > kMaxStep && late <= kMaxReportSkew;
  // Against the least, or against the last report without being less late: it may have been held back.
  const auto last = std::exchange(stream.heard, Heard{offset, late});
  const bool sooner = last && last->offset - offset > kMaxStep && last->late - late <= kMaxReportSkew;
  const bool set_forward = least && (sooner || *least - offset > kMaxStep);
  if (late <= kMaxReportSkew) unproved_ = Duration::zero();
  if (least && !set_back && !set_forward) return wall_offset_.Add(offset, arrived);
  // The clock was set, or is new: the report counts as late as its RTP time does. What that says beyond the
  // skew may be an RTP clock that stood still or a network that holds back, and this clock can't tell which.
  ForgetReports();
  const Duration counted = std::clamp(late, Duration::zero(), kMaxReportSkew);
  unproved_ = std::max(late - counted, Duration::zero());
  wall_offset_.Reset();
  wall_offset_.Add(offset - counted, arrived);
}

// Where the camera's word makes the least delay larger than drift does.
void CaptureClock::AlignArrival(Stream& stream, Instant arrived) {
  const Duration wall = WallTime(*stream.report);
  const Duration media = stream.Media(stream.report_timestamp);
  const Duration least = *wall_offset_.At(arrived) + wall - media - unproved_;
  const Duration later = least - *stream.least.At(arrived);
  const bool on_time = arrived.time_since_epoch() - wall - *wall_offset_.At(arrived) <= kMaxReportSkew;
  if (later <= kMaxReportSkew || !on_time) {
    if (later > Duration::zero() && later <= kMaxReportSkew) stream.least.Raise(least, arrived);
    stream.doubt.reset();
    return;
  }
  const Duration span = stream.doubt ? wall - stream.doubt->wall : Duration::zero();
  if (!stream.doubt || span < Duration::zero() || span > kStallMemory) {
    stream.doubt = Doubt{wall, later, arrived};
    return;
  }
  // A report may overtake its packets, which then are of before.
  const Duration packet_late = stream.newest_arrived.time_since_epoch() -
                               stream.Media(stream.newest_timestamp) - *stream.least.At(arrived);
  if (stream.newest_arrived <= stream.doubt->since || std::chrono::abs(packet_late - later) > kMaxReportSkew)
    return;
  const auto tolerance =
      Duration{static_cast<std::int64_t>(static_cast<double>(span.count()) * kPaceTolerance)};
  if (span < kStallSpan || std::chrono::abs(later - stream.doubt->later) > tolerance) return;
  stream.least.Raise(least, arrived);
  stream.doubt.reset();
}

// From the last mark to the report that just came.
void CaptureClock::FollowPace(Stream& stream, Instant arrived) {
  const PaceMark now{WallTime(*stream.report), stream.report_timestamp, stream.newest_timestamp,
                     stream.newest_arrived};
  const auto since = [](Duration passed, std::int64_t said, std::int64_t clock_rate) {
    const Duration media = MediaTime(said, clock_rate);
    return media > Duration::zero() ? static_cast<double>(passed.count()) / static_cast<double>(media.count())
                                    : 0;
  };
  const bool odd = stream.pace != 1;
  if (!stream.mark || now.wall < stream.mark->wall) {
    stream.mark = now;
    stream.frames = 0;
  }
  const PaceMark before = *stream.mark;
  if (now.wall - before.wall < (odd ? kOddPaceSpan : kPaceSpan)) return;
  if (stream.frames < (odd ? kOddPaceFrames : kPaceFrames)) return;
  stream.mark = now;
  stream.frames = 0;
  const double told = since(now.wall - before.wall, now.timestamp - before.timestamp, stream.clock_rate);
  const double seen = since(now.newest_arrived - before.newest_arrived,
                            now.newest_timestamp - before.newest_timestamp, stream.clock_rate);
  if (told < kSlowestPace || told > kFastestPace || std::abs(told - seen) > kPaceAgreement * told) return;
  const double pace = std::abs(told - 1) <= kPaceTolerance ? 1 : told;
  if (pace == stream.pace) return;
  const bool another = std::abs(pace - stream.pace) > kPaceTolerance;
  stream.anchor_media = stream.Media(now.newest_timestamp);
  stream.anchor_timestamp = now.newest_timestamp;
  stream.pace = pace;
  if (!another) return;
  // What arrival taught under another pace is worth nothing. How late packets are by then the reports know.
  stream.least.Reset();
  stream.least.Add(*wall_offset_.At(arrived) + now.wall - stream.Media(now.timestamp), arrived);
  stream.recent.Reset();
  stream.recent.Add(*stream.least.At(arrived), arrived);
}

// Of both streams, because they share the offset.
void CaptureClock::ForgetReports() {
  for (Stream& stream : streams_) stream.report.reset();
}

Instant CaptureClock::CaptureTime(wire::StreamKind kind, std::uint32_t rtp_timestamp, Instant arrived) {
  Stream& stream = Of(kind);
  const auto least = stream.least.At(arrived);
  if (!least) return arrived;
  const auto bounded = [arrived](Duration estimate) {
    return std::clamp(Instant{estimate}, arrived - kMaxAge, arrived);
  };
  const Duration media = stream.Media(stream.timestamps.Peek(rtp_timestamp));
  const Duration by_arrival = *least + media;
  const auto wall_offset = wall_offset_.At(arrived);
  if (!stream.report || !wall_offset) return bounded(by_arrival);
  const Duration by_report =
      *wall_offset + WallTime(*stream.report) + media - stream.Media(stream.report_timestamp);
  if (std::chrono::abs(by_report - by_arrival) <= kMaxReportSkew) return bounded(by_report);
  ForgetReports();  // its RTP clock jumped, or what it reports is not what it sends
  return bounded(by_arrival);
}

Duration CaptureClock::Delay(wire::StreamKind kind, std::uint32_t rtp_timestamp, Instant arrived) const {
  const Stream& stream = streams_[static_cast<std::size_t>(kind)];
  const auto least = stream.recent.Value();
  if (!least) return Duration::zero();
  const Duration media = stream.Media(stream.timestamps.Peek(rtp_timestamp));
  return std::max(Duration::zero(), arrived.time_since_epoch() - media - *least);
}

bool CaptureClock::synchronised(wire::StreamKind kind) const {
  return streams_[static_cast<std::size_t>(kind)].report.has_value();
}

}  // namespace latchkey::frames
