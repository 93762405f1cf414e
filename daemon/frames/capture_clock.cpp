#include "daemon/frames/capture_clock.h"

#include <algorithm>
#include <chrono>
#include <cmath>

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

CaptureClock::CaptureClock(wire::Codec video, wire::Codec audio) {
  Of(wire::StreamKind::kVideo).clock_rate = wire::ClockRate(video);
  Of(wire::StreamKind::kAudio).clock_rate = wire::ClockRate(audio);
}

Duration CaptureClock::Stream::Media(std::int64_t timestamp) const {
  const Duration said = MediaTime(timestamp - anchor_timestamp, clock_rate);
  if (pace == 1) return anchor_media + said;
  return anchor_media + Duration{static_cast<std::int64_t>(static_cast<double>(said.count()) * pace)};
}

void CaptureClock::OnPacket(wire::StreamKind kind, std::uint32_t rtp_timestamp, Instant arrived) {
  Stream& stream = Of(kind);
  const std::int64_t behind = stream.timestamps.highest().value_or(0) - stream.timestamps.Peek(rtp_timestamp);
  const bool set_back = behind > 0 && MediaTime(behind, stream.clock_rate) > kMaxStep;
  if (set_back || stream.timestamps.Peek(rtp_timestamp) > kMaxTimestamp) {
    const std::int64_t clock_rate = stream.clock_rate;
    stream = Stream{};
    stream.clock_rate = clock_rate;
  }
  const std::int64_t timestamp = stream.timestamps.Unwrap(rtp_timestamp);
  if (timestamp == stream.timestamps.highest()) {
    if (timestamp != stream.newest_timestamp) ++stream.frames;
    stream.newest_timestamp = timestamp;
    stream.newest_arrived = arrived;
  }
  stream.arrival.Add(arrived.time_since_epoch() - stream.Media(timestamp), arrived);
}

void CaptureClock::OnSenderReport(wire::StreamKind kind, const wire::SenderInfo& report, Instant arrived) {
  // Without a wall clock (RFC 3550 6.4.1), or before any packet to extend its timestamp by.
  Stream& stream = Of(kind);
  if (report.ntp.value == 0 || !stream.timestamps.highest()) return;
  const Duration offset = arrived.time_since_epoch() - WallTime(report);
  const auto least = wall_offset_.Value();
  if (least && (offset - *least > kMaxStep || *least - offset > kMaxStep)) ForgetReports();
  stream.report = report;
  stream.report_timestamp = stream.timestamps.Peek(report.rtp_timestamp);
  wall_offset_.Add(offset, arrived);
  FollowPace(stream);
}

// From the last mark to the report that just came.
void CaptureClock::FollowPace(Stream& stream) {
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
  stream.arrival.Reset();
  stream.arrival.Add(*wall_offset_.Value() + now.wall - stream.Media(now.timestamp), now.newest_arrived);
}

// Of both streams, because they share the offset.
void CaptureClock::ForgetReports() {
  for (Stream& stream : streams_) stream.report.reset();
  wall_offset_.Reset();
}

Instant CaptureClock::CaptureTime(wire::StreamKind kind, std::uint32_t rtp_timestamp, Instant arrived) {
  Stream& stream = Of(kind);
  const std::int64_t timestamp = stream.timestamps.Peek(rtp_timestamp);
  const auto least = stream.arrival.Value();
  const auto wall_offset = wall_offset_.Value();
  if (stream.report && wall_offset) {
    const Duration since_report = stream.Media(timestamp) - stream.Media(stream.report_timestamp);
    const Duration estimate = *wall_offset + WallTime(*stream.report) + since_report;
    const Duration by_arrival = least ? *least + stream.Media(timestamp) : arrived.time_since_epoch();
    if (std::chrono::abs(estimate - by_arrival) <= kMaxReportSkew) {
      return std::min(Instant{estimate}, arrived);
    }
    ForgetReports();  // its clocks jumped, or what it reports is not what it sends
  }
  if (!least) return arrived;
  const Instant estimate{*least + stream.Media(timestamp)};
  if (arrived - estimate <= kMaxAge) return std::min(estimate, arrived);
  stream.arrival.Reset();
  return arrived;
}

Duration CaptureClock::Delay(wire::StreamKind kind, std::uint32_t rtp_timestamp, Instant arrived) const {
  const Stream& stream = streams_[static_cast<std::size_t>(kind)];
  const auto least = stream.arrival.Value();
  if (!least) return Duration::zero();
  const Duration media = stream.Media(stream.timestamps.Peek(rtp_timestamp));
  return std::max(Duration::zero(), arrived.time_since_epoch() - media - *least);
}

bool CaptureClock::synchronised(wire::StreamKind kind) const {
  return streams_[static_cast<std::size_t>(kind)].report.has_value() && wall_offset_.Value().has_value();
}

}  // namespace latchkey::frames
