#include "tools/media/receive_stream.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "daemon/wire/h264.h"

namespace latchkey::media {
namespace {

// Until one was measured.
constexpr Duration kFirstRoundTrip = milliseconds{50};
constexpr Duration kMaxReordering = milliseconds{60};
constexpr Duration kLeastRetry = milliseconds{20};
// How long the packet before the first one that came may be under way before it is asked for.
constexpr Duration kStartPatience = milliseconds{15};

}  // namespace

void ReceiveStream::Begin(std::int64_t sequence) {
  begun_ = true;
  next_ = sequence;
  base_ = sequence;
  seeking_start_ = true;
  highest_ = sequence - 1;
  expected_before_ = 0;
  packets_before_ = counters_.packets;
  held_.clear();
  missing_.clear();
  ClearFrame();
  gap_ = true;
  start_unsure_ = true;
}

void ReceiveStream::HandlePacket(const wire::RtpPacket& packet, Instant now, bool repaired) {
  std::int64_t sequence = unwrapper_.Peek(packet.header.sequence);
  if (begun_ && std::abs(sequence - highest_) > kMaxJump) {
    if (repaired) return;
    unwrapper_ = {};
    begun_ = false;
  }
  sequence = unwrapper_.Unwrap(packet.header.sequence);
  if (!begun_) Begin(sequence);
  if (seeking_start_) ExtendBack(sequence, packet.payload, now);
  if (sequence < next_ || held_.contains(sequence)) {
    ++counters_.duplicates;
    return;
  }
  NoteArrival(sequence, now, repaired);
  ++counters_.packets;
  counters_.payload_bytes += packet.payload.size();
  if (!repaired) UpdateJitter(packet.header.timestamp, now);
  held_.emplace(sequence, Held{ByteVector(packet.payload.begin(), packet.payload.end()),
                               packet.header.timestamp, packet.header.marker, now});
  Drain();
  while (held_.size() > kMaxHeld) GiveUpFirstGap();
}

// On a network that reorders, the first packet to arrive needn't be the first one sent: until one that can be
// the first is there, the one before the lowest counts as missing.
void ReceiveStream::ExtendBack(std::int64_t sequence, ByteView payload, Instant now) {
  if (sequence > next_ || highest_ - sequence > kMaxBack) return;
  for (std::int64_t s = sequence + 1; s < next_; ++s) missing_.emplace(s, Missing{now, now, 0, {}});
  if (sequence < next_ && highest_ >= next_) missing_.emplace(sequence, Missing{now, now, 0, {}});
  next_ = sequence;
  base_ = std::min(base_, sequence);
  if (MayStartStream(payload)) {
    seeking_start_ = false;
    return;
  }
  --next_;
  base_ = std::min(base_, next_);
  missing_.emplace(next_, Missing{now, now + kStartPatience, 0, {}});
}

void ReceiveStream::NoteArrival(std::int64_t sequence, Instant now, bool repaired) {
  if (sequence > highest_) {
    NoteMissing(highest_ + 1, sequence, now);
    highest_ = sequence;
    return;
  }
  const auto it = missing_.find(sequence);
  if (it == missing_.end()) return;
  const Missing& missing = it->second;
  // Sooner than anybody could have answered the request.
  const bool too_soon = !repaired && round_trip_ && now - missing.asked_at < *round_trip_ / 2;
  if (missing.asked == 0 || too_soon) {
    // Late, not lost: wait at least so long before asking next time.
    reordering_ = std::min(kMaxReordering, std::max(reordering_, now - missing.since));
  } else {
    ++counters_.repaired;
    const Duration trip = now - missing.asked_at;
    if (missing.asked == 1) round_trip_ = round_trip_ ? *round_trip_ + (trip - *round_trip_) / 8 : trip;
  }
  missing_.erase(it);
}

void ReceiveStream::NoteMissing(std::int64_t from, std::int64_t to, Instant now) {
  // The measure of reordering fades, so that one odd packet doesn't slow repair for ever.
  reordering_ -= reordering_ / 256;
  for (std::int64_t s = from; s < to; ++s) missing_.emplace(s, Missing{now, now + reordering_, 0, {}});
}

void ReceiveStream::UpdateJitter(std::uint32_t timestamp, Instant now) {
  const double rate = wire::ClockRate(codec_);
  const auto arrival = static_cast<std::int64_t>(ToSeconds(now.time_since_epoch()) * rate);
  const auto transit =
      static_cast<std::int64_t>(static_cast<std::int32_t>(static_cast<std::uint32_t>(arrival) - timestamp));
  if (transit_) {
    const double d = std::abs(static_cast<double>(transit - *transit_));
    if (d < rate * 10) jitter_ += (d - jitter_) / 16;
  }
  transit_ = transit;
}

void ReceiveStream::Drain() {
  if (seeking_start_) return;
  while (!held_.empty() && held_.begin()->first == next_) {
    Consume(held_.begin()->second);
    held_.erase(held_.begin());
    ++next_;
  }
}

void ReceiveStream::GiveUpFirstGap() {
  seeking_start_ = false;
  if (held_.empty()) return;
  const std::int64_t to = held_.begin()->first;
  counters_.lost += static_cast<std::uint64_t>(to - next_);
  missing_.erase(missing_.begin(), missing_.lower_bound(to));
  gap_ = true;
  // A frame under way can't become whole, and the next may have lost its start.
  if (frame_timestamp_) frame_damaged_ = true;
  start_unsure_ = true;
  next_ = to;
  Drain();
}

void ReceiveStream::HandleTimeout(Instant now) {
  while (!missing_.empty() && !held_.empty() && missing_.begin()->first < held_.begin()->first &&
         now - missing_.begin()->second.since >= kMaxWait) {
    GiveUpFirstGap();
  }
}

void ReceiveStream::Consume(const Held& packet) {
  if (wire::StreamKindOf(codec_) == wire::StreamKind::kAudio) {
    frames_.push_back({packet.payload, false, std::exchange(gap_, false), packet.timestamp, packet.arrived});
    ++counters_.frames;
    return;
  }
  if (packet.payload.empty()) return;  // padding
  if (frame_timestamp_ && *frame_timestamp_ != packet.timestamp) EndFrame();
  if (!frame_timestamp_) {
    frame_timestamp_ = packet.timestamp;
    frame_arrived_ = packet.arrived;
    if (std::exchange(start_unsure_, false) && !MayStartFrame(packet.payload)) frame_damaged_ = true;
  }
  frame_arrived_ = std::max(frame_arrived_, packet.arrived);
  if (!PushPayload(packet.payload)) frame_damaged_ = true;
  if (packet.marker) EndFrame();
}

// A stream begins with a keyframe and that with its parameter sets; one that begins otherwise costs kMaxWait.
bool ReceiveStream::MayStartStream(ByteView payload) const {
  if (wire::StreamKindOf(codec_) == wire::StreamKind::kAudio) return true;
  if (codec_ == wire::Codec::kVp8) return MayStartFrame(payload);
  const auto info = wire::InspectH264Payload(payload);
  return info && (info->sps || (info->starts_picture && !info->idr));
}

bool ReceiveStream::MayStartFrame(ByteView payload) const {
  if (codec_ == wire::Codec::kVp8) {
    const auto parsed = wire::ParseVp8Payload(payload);
    return parsed && parsed->StartsFrame();
  }
  const auto info = wire::InspectH264Payload(payload);
  return info && (info->starts_access_unit || info->starts_picture);
}

bool ReceiveStream::PushPayload(ByteView payload) {
  if (codec_ == wire::Codec::kVp8) {
    const auto parsed = wire::ParseVp8Payload(payload);
    if (parsed && parsed->StartsKeyframe()) frame_keyframe_ = true;
    return vp8_.Push(payload);
  }
  const auto info = wire::InspectH264Payload(payload);
  if (info && info->idr) frame_keyframe_ = true;
  return h264_.Push(payload);
}

void ReceiveStream::EndFrame() {
  const bool whole = !frame_damaged_ && (codec_ == wire::Codec::kVp8 ? vp8_.Whole() : h264_.Whole());
  if (whole) {
    ++counters_.frames;
    if (frame_keyframe_) ++counters_.keyframes;
    frames_.push_back({codec_ == wire::Codec::kVp8 ? vp8_.frame() : h264_.unit(), frame_keyframe_,
                       std::exchange(gap_, false), *frame_timestamp_, frame_arrived_});
  } else {
    ++counters_.frames_damaged;
    gap_ = true;
  }
  ClearFrame();
}

void ReceiveStream::ClearFrame() {
  h264_.Clear();
  vp8_.Clear();
  frame_timestamp_.reset();
  frame_damaged_ = false;
  frame_keyframe_ = false;
}

std::optional<ReceivedFrame> ReceiveStream::PollFrame() {
  if (next_frame_ == frames_.size()) {
    frames_.clear();
    next_frame_ = 0;
    return std::nullopt;
  }
  return std::move(frames_[next_frame_++]);
}

std::vector<std::uint16_t> ReceiveStream::TakeNacks(Instant now) {
  std::vector<std::uint16_t> sequences;
  // Audio is counted, not repaired.
  if (wire::StreamKindOf(codec_) == wire::StreamKind::kAudio) return sequences;
  const Duration again = std::max(kLeastRetry, round_trip_.value_or(kFirstRoundTrip) * 3 / 2);
  for (auto& [sequence, missing] : missing_) {
    if (missing.ask_at > now || missing.asked >= kMaxRequests) continue;
    sequences.push_back(static_cast<std::uint16_t>(sequence));
    ++missing.asked;
    missing.asked_at = now;
    missing.ask_at = now + again;
    ++counters_.nacked;
  }
  return sequences;
}

std::optional<Instant> ReceiveStream::NextTimeout() const {
  std::optional<Instant> next;
  const auto consider = [&](Instant when) {
    if (!next || when < *next) next = when;
  };
  for (const auto& [sequence, missing] : missing_) {
    if (missing.asked < kMaxRequests) consider(missing.ask_at);
  }
  if (!missing_.empty() && !held_.empty()) consider(missing_.begin()->second.since + kMaxWait);
  return next;
}

void ReceiveStream::HandleSenderReport(const wire::SenderInfo& info, Instant now) {
  last_sr_ = info.ntp.Compact();
  last_sr_at_ = now;
}

std::optional<wire::ReportBlock> ReceiveStream::TakeReport(Instant now) {
  if (!begun_) return std::nullopt;
  const std::int64_t expected = highest_ - base_ + 1;
  const std::uint64_t received = counters_.packets - packets_before_;
  const std::int64_t expected_now = expected - expected_before_;
  const std::int64_t lost_now = expected_now - static_cast<std::int64_t>(received);
  wire::ReportBlock block;
  block.ssrc = ssrc_;
  if (expected_now > 0 && lost_now > 0) {
    block.fraction_lost =
        static_cast<std::uint8_t>(std::min<std::int64_t>(255, lost_now * 256 / expected_now));
  }
  block.cumulative_lost = static_cast<std::int32_t>(
      std::min<std::int64_t>(0x7fffff, static_cast<std::int64_t>(counters_.lost + missing_.size())));
  block.highest_sequence = static_cast<std::uint32_t>(highest_);
  block.jitter = static_cast<std::uint32_t>(jitter_);
  if (last_sr_ != 0) {
    block.last_sr = last_sr_;
    block.delay_since_last_sr = wire::CompactNtpFromDuration(now - last_sr_at_);
  }
  expected_before_ = expected;
  packets_before_ = counters_.packets;
  return block;
}

}  // namespace latchkey::media
