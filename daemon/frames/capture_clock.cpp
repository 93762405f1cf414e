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

// Extended timestamps beyond this (17 years at 8 kHz) are a clock that leaps, packet by packet: it begins
// again before 64 bits of nanoseconds are used up at the slowest clock and the slowest pace.
constexpr std::int64_t kMaxTimestamp = std::int64_t{1} << 42U;

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

void DriftBoundMinimum::Grow(Duration by, Instant now) {
  if (!least_) return;
  least_ = *At(now) + by;
  since_ = now;
}

std::optional<Duration> DriftBoundMinimum::At(Instant now) const {
  if (!least_) return std::nullopt;
  const std::int64_t passed = std::max<std::int64_t>(0, (now - since_).count());
  return *least_ + Duration{passed / 1'000'000 * ppm_ + passed % 1'000'000 * ppm_ / 1'000'000};
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
  const bool counts = Of(kind).counts;
  Of(kind) = Stream{};
  Of(kind).clock_rate = clock_rate;
  Of(kind).counts = counts;
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
  const Duration delay = arrived.time_since_epoch() - stream.Media(timestamp);
  stream.least.Add(delay, arrived);
  stream.recent.Add(delay, arrived);
  if (timestamp == stream.timestamps.highest()) NoteNewest(stream, timestamp, arrived);
}

void CaptureClock::NoteNewest(Stream& stream, std::int64_t timestamp, Instant arrived) {
  if (stream.heard && timestamp != stream.newest_timestamp) {
    stream.frame_length = stream.Media(timestamp) - stream.Media(stream.newest_timestamp);
    if (std::chrono::abs(arrived - stream.newest_arrived - stream.frame_length) > kIrregular) {
      stream.irregular = true;
      stream.mark.reset();
    }
  }
  stream.heard = true;
  stream.newest_timestamp = timestamp;
  stream.newest_arrived = arrived;
}

void CaptureClock::OnSenderReport(wire::StreamKind kind, const wire::SenderInfo& report, Instant arrived) {
  // Without a wall clock (RFC 3550 6.4.1), or before any packet to extend its timestamp by.
  Stream& stream = Of(kind);
  if (report.ntp.value == 0 || !stream.timestamps.highest()) return;
  const Said now{wire::WallTimeFromNtp(report.ntp).time_since_epoch(),
                 stream.timestamps.Peek(report.rtp_timestamp), arrived, stream.newest_timestamp,
                 stream.newest_arrived};
  report_delay_.Add(arrived.time_since_epoch() - now.wall, arrived);
  if (!IsOverdue(stream, arrived)) FollowRtpClock(stream, now);
  stream.last = now;
  LearnWallClock(stream, now);
}

bool CaptureClock::IsOverdue(const Stream& stream, Instant now) {
  return now - stream.newest_arrived > std::min(stream.frame_length, kMaxAge) + kIrregular;
}

void CaptureClock::FollowRtpClock(Stream& stream, const Said& now) {
  bool unsure = false;
  if (stream.settled && stream.irregular) {
    FollowJump(stream, now);
    unsure = MayHaveLost(stream, *stream.settled, now);
  } else if (stream.mark) {
    FollowPace(stream, now);
  }
  if (!stream.mark) stream.mark = now;
  if (unsure) return;
  stream.irregular = false;
  stream.settled = now;
}

// Something, and too little to be sure of: what it loses next is measured from there as well.
bool CaptureClock::MayHaveLost(const Stream& stream, const Said& from, const Said& to) {
  if (to.arrived - from.arrived >= kMarkAge || Lost(stream, from, to) != Duration::zero()) return false;
  const Duration length = std::min(stream.frame_length, kMaxAge);
  const Duration less = to.wall - from.wall - (stream.Media(to.timestamp) - stream.Media(from.timestamp));
  return less > 2 * length && less < 2 * (kSureOf + 3 * length);
}

Duration CaptureClock::Lost(const Stream& stream, const Said& from, const Said& to) {
  const Duration wall = to.wall - from.wall;
  const Duration by_report = wall - (stream.Media(to.timestamp) - stream.Media(from.timestamp));
  const Duration by_packets = wall - (stream.Media(to.newest) - stream.Media(from.newest));
  // Many a report names the last frame's time.
  const Duration unsure = kSureOf + 2 * std::min(stream.frame_length, kMaxAge) +
                          std::min<Duration>(to.arrived - to.newest_arrived, kMaxAge);
  // Packets that were held back while reports passed, or reports of other times than the packets'.
  if (std::chrono::abs(by_report - by_packets) > unsure) return Duration::zero();
  const Duration lost = std::chrono::abs(by_report) < std::chrono::abs(by_packets) ? by_report : by_packets;
  return std::chrono::abs(lost) > unsure ? lost : Duration::zero();
}

// An RTP clock that stood still, and the hub saw it: else the wall clock was set.
void CaptureClock::FollowJump(Stream& stream, const Said& to) {
  const Said& from = *stream.settled;
  const Duration media = stream.Media(to.timestamp) - stream.Media(from.timestamp);
  const Duration lost = Lost(stream, from, to);
  const Duration seen = to.arrived - from.arrived - media;
  if (lost <= Duration::zero() || std::chrono::abs(lost - seen) > kMaxReportSkew) return;
  stream.least.Grow(std::min(lost, seen), to.arrived);
  ForgetReports();
}

// An RTP clock that passes at another pace than its rate.
void CaptureClock::FollowPace(Stream& stream, const Said& to) {
  const Said from = *stream.mark;
  const Duration span = to.wall - from.wall;
  const bool odd = stream.pace != 1;
  if (span < Duration::zero() || span > kMarkAge) {
    stream.mark = to;
    return;
  }
  if (span < (odd ? kOddPaceSpan : kPaceSpan)) return;
  const Duration lost = Lost(stream, from, to);
  if (lost == Duration::zero()) return;
  stream.mark = to;
  const auto ratio = [&stream](Duration passed, std::int64_t said) {
    const Duration media = MediaTime(said, stream.clock_rate);
    return media > Duration::zero() ? static_cast<double>(passed.count()) / static_cast<double>(media.count())
                                    : 0;
  };
  const double told = ratio(span, to.timestamp - from.timestamp);
  const Duration passed = to.newest_arrived - from.newest_arrived;
  // Packets that had been held back when the measure began make arrival look fast: without that, as well.
  const Duration late =
      from.newest_arrived.time_since_epoch() - stream.Media(from.newest) - *stream.least.At(to.arrived);
  const auto contradicted = [&](double seen) { return std::abs(told - seen) > std::abs(stream.pace - seen); };
  const bool by_arrival =
      contradicted(ratio(passed, to.newest - from.newest)) ||
      contradicted(ratio(passed + std::max(late, Duration::zero()), to.newest - from.newest));
  if (told < kSlowestPace || told > kFastestPace) return;
  // The wall clock was set, or is slewed; a wall clock is not set back by as much twice running. What makes
  // pictures older is believed then whatever arrival says, for arrival is the network's.
  const double vetoed = std::exchange(stream.vetoed, 0);
  if (by_arrival) {
    const bool again = told < stream.pace && std::abs(told - vetoed) < kSamePace * told;
    if (!again) {
      stream.vetoed = told;
      return;
    }
  }
  stream.anchor_media = stream.Media(to.newest);
  stream.anchor_timestamp = to.newest;
  stream.pace = std::abs(told - 1) * static_cast<double>(span.count()) < kSureOf.count() ? 1 : told;
  stream.recent.Reset();
  stream.counts = stream.counts || std::abs(stream.pace - 1) > kCounts;
  if (lost > Duration::zero()) stream.least.Grow(lost, to.arrived);
  ForgetReports();
}

// By the report's arrival, or by that of the packets of its time, whichever is sooner. Where that contradicts
// what was known, a clock was set, of both streams.
void CaptureClock::LearnWallClock(Stream& stream, const Said& now) {
  const Duration due = *stream.least.At(now.arrived) + stream.Media(now.timestamp);
  const Duration offset = std::min(now.arrived.time_since_epoch(), due) - now.wall;
  const auto known = wall_offset_.At(now.arrived);
  if (known && std::chrono::abs(offset - *known) > kMaxReportSkew) ForgetReports();
  wall_offset_.Add(offset, now.arrived);
  stream.synchronised = true;
}

// What they taught under another reading of an RTP clock is worth nothing.
void CaptureClock::ForgetReports() {
  for (Stream& stream : streams_) stream.synchronised = false;
  wall_offset_.Reset();
}

Instant CaptureClock::CaptureTime(wire::StreamKind kind, std::uint32_t rtp_timestamp, Instant arrived) {
  Stream& stream = Of(kind);
  if (!stream.least.At(arrived)) return arrived;
  // A clock of another pace is believed while reports go on saying so.
  if (stream.pace != 1 && arrived - stream.last->arrived > kPaceLife) return arrived - kMaxAge;
  const Duration media = stream.Media(stream.timestamps.Peek(rtp_timestamp));
  Duration estimate = Estimate(stream, media, arrived);
  // What was made of its RTP time may be wrong either way: never younger than by its own wall clock.
  if (stream.counts && stream.last) {
    const Duration wall = stream.last->wall + media - stream.Media(stream.last->timestamp);
    estimate = std::min(estimate, *report_delay_.At(arrived) + wall);
  }
  return std::clamp(Instant{estimate}, arrived - kMaxAge, arrived);
}

Duration CaptureClock::Estimate(const Stream& stream, Duration media, Instant arrived) {
  const Duration by_arrival = *stream.least.At(arrived) + media;
  const auto wall_offset = wall_offset_.At(arrived);
  if (!stream.synchronised || !wall_offset) return by_arrival;
  const Duration by_report = *wall_offset + stream.last->wall + media - stream.Media(stream.last->timestamp);
  if (std::chrono::abs(by_report - by_arrival) <= kMaxReportSkew) return by_report;
  ForgetReports();  // its RTP clock jumped, or what it reports is not what it sends
  return by_arrival;
}

Duration CaptureClock::Delay(wire::StreamKind kind, std::uint32_t rtp_timestamp, Instant arrived) const {
  const Stream& stream = streams_[static_cast<std::size_t>(kind)];
  const auto least = stream.recent.Value();
  if (!least) return Duration::zero();
  const Duration media = stream.Media(stream.timestamps.Peek(rtp_timestamp));
  return std::max(Duration::zero(), arrived.time_since_epoch() - media - *least);
}

bool CaptureClock::synchronised(wire::StreamKind kind) const {
  return streams_[static_cast<std::size_t>(kind)].synchronised;
}

}  // namespace latchkey::frames
