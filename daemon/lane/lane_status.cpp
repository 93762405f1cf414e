// What the keeper is told: state at each change, everything twice a second.
#include <algorithm>

#include "daemon/lane/lane.h"

namespace latchkey::lane {

Lane::State Lane::StateAt(Instant now) const {
  using wire::CameraState;
  using wire::UnavailableReason;
  if (suspended_) return {CameraState::kSuspended, UnavailableReason::kSuspended};
  if (!camera_) return {CameraState::kUnavailable, UnavailableReason::kCameraOffline};
  const Duration age = newest_picture_ ? now - *newest_picture_ : Duration::max();
  const auto slowed = camera_->too_fast(now) ? UnavailableReason::kTooFast : UnavailableReason::kNone;
  if (age < config_.stale_after) return {CameraState::kLive, slowed};
  if (age < config_.unavailable_after) return {CameraState::kStale, slowed};
  if (slowed != UnavailableReason::kNone) return {CameraState::kUnavailable, slowed};
  if (camera_->unsupported()) return {CameraState::kUnavailable, UnavailableReason::kUnsupportedMedia};
  const auto last = camera_->last_packet();
  const bool gone = !last || now - *last >= peer::kConsentLife;
  if (camera_->replayed(now)) return {CameraState::kUnavailable, UnavailableReason::kReplayed};
  // Nobody else says that such a camera has come or gone.
  if (camera_->enrolled() && gone) return {CameraState::kUnavailable, UnavailableReason::kCameraOffline};
  if (!newest_picture_ && now - epoch_began_ < kConnectingPatience) {
    return {CameraState::kConnecting, UnavailableReason::kNone};
  }
  if (!last || now - *last >= kMediaSilence) return {CameraState::kUnavailable, UnavailableReason::kNoMedia};
  return {CameraState::kUnavailable,
          camera_->late() ? UnavailableReason::kTooLate : UnavailableReason::kNoKeyframe};
}

std::optional<Instant> Lane::NextStateChange(Instant now) const {
  if (suspended_ || !camera_) return std::nullopt;
  std::optional<Instant> next;
  const auto sooner = [&](Instant at) {
    if (at > now && (!next || at < *next)) next = at;
  };
  if (newest_picture_) {
    sooner(*newest_picture_ + config_.stale_after);
    sooner(*newest_picture_ + config_.unavailable_after);
  } else {
    sooner(epoch_began_ + kConnectingPatience);
  }
  return next;
}

void Lane::Report(Instant now) {
  const State state = StateAt(now);
  state_change_ = NextStateChange(now);
  const bool changed = !told_ || !(*told_ == state);
  if (!changed && now < next_status_) return;
  told_ = state;
  next_status_ = now + kStatusInterval;
  messages_.emplace_back(MakeStatus(now));
}

wire::LaneStatus Lane::MakeStatus(Instant now) {
  if (now - delays_since_ >= seconds{1}) {
    delay_p99_us_ = delays_.TakeP99();
    delays_since_ = now;
  }
  const State state = StateAt(now);
  wire::LaneStatus status;
  status.epoch = epoch_;
  status.state = state.state;
  status.reason = state.reason;
  if (newest_picture_) {
    status.picture_age_ms = static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(ToMilliseconds(now - *newest_picture_), 0, 0xfffffffe));
  }
  if (camera_) {
    status.fps_milli = static_cast<std::uint32_t>(pictures_.PerKilosecond(now));
    status.bitrate_kbit = static_cast<std::uint32_t>(bytes_.PerKilosecond(now) * 8 / 1'000'000);
    status.loss_permille = camera_->loss_permille();
    status.jitter_us = static_cast<std::uint32_t>(ToMicroseconds(camera_->jitter()));
  }
  const ingress::CameraCounters counters = camera_ ? camera_->counters() : ingress::CameraCounters{};
  status.hub_delay_us = delay_p99_us_;
  status.viewers = static_cast<std::uint32_t>(viewers_.size());
  status.frames_in = ended_frames_in_ + counters.frames;
  status.packets_in = ended_packets_in_ + counters.packets;
  status.packets_out = ended_packets_out_;
  status.packets_resent = ended_packets_resent_;
  status.frames_skipped = ended_frames_skipped_;
  for (const Viewer& viewer : viewers_) {
    status.packets_out += viewer.session->packets();
    status.packets_resent += viewer.session->resent();
    status.frames_skipped += viewer.session->skipped();
  }
  status.cache_bytes = cache_.bytes();
  status.cache_frames = cache_.size();
  status.keyframe_requests = ended_keyframe_requests_ + (camera_ ? camera_->keyframe_requests() : 0);
  DescribeRepair(status);
  status.drops = drops_.all();
  DescribeLegs(status);
  return status;
}

void Lane::DescribeLegs(wire::LaneStatus& status) const {
  for (const Viewer& viewer : viewers_) {
    const egress::ViewerSession& session = *viewer.session;
    if (session.transport().state() != peer::TransportState::kConnected) continue;
    const egress::LegEstimate& estimate = session.leg();
    wire::ViewerLeg leg;
    leg.session = session.id();
    leg.delivered_kbit = static_cast<std::uint32_t>(estimate.delivered() / 1000);
    leg.limit_kbit = static_cast<std::uint32_t>(estimate.limit().value_or(0) / 1000);
    leg.round_trip_us =
        static_cast<std::uint32_t>(ToMicroseconds(estimate.round_trip().value_or(Duration::zero())));
    leg.loss_permille = std::uint32_t{estimate.fraction_lost()} * 1000 / 256;
    leg.jitter_us =
        static_cast<std::uint32_t>(std::clamp<std::int64_t>(ToMicroseconds(session.jitter()), 0, 0xffffffff));
    if (const auto path = session.transport().path()) leg.network = path->remote.ToString();
    leg.packets = session.packets();
    leg.resent = session.resent();
    leg.skipped = session.skipped();
    if (!status.legs.TryPush(leg)) break;
  }
}

void Lane::DescribeRepair(wire::LaneStatus& status) const {
  status.packets_asked = ended_packets_asked_;
  status.packets_lost = ended_packets_lost_;
  status.frames_too_fast = ended_frames_too_fast_;
  if (!camera_) return;
  status.packets_lost += camera_->lost();
  status.frames_too_fast += camera_->counters().too_fast;
  status.told_kbit = static_cast<std::uint32_t>(camera_->told() / 1000);
  for (const auto kind : {wire::StreamKind::kAudio, wire::StreamKind::kVideo}) {
    const ingress::Repair* repair = camera_->repair(kind);
    if (repair == nullptr) continue;
    status.packets_asked += repair->asked();
    // The picture's, where there is one.
    status.hold_ms = static_cast<std::uint32_t>(ToMilliseconds(repair->depth()));
    status.round_trip_us =
        static_cast<std::uint32_t>(ToMicroseconds(repair->round_trip().value_or(Duration::zero())));
  }
}

}  // namespace latchkey::lane
