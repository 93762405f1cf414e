#include "daemon/egress/viewer_session.h"

#include <algorithm>
#include <utility>

#include "daemon/gate/stream_key.h"

namespace latchkey::egress {

Result<ViewerSession> ViewerSession::Make(SessionId session, peer::MediaPlan plan, peer::IceCredentials local,
                                          Secret32 derived_key, access::Grant grant,
                                          const peer::SessionPorts& ports, Instant now) {
  auto transport = peer::Transport::Make(plan.transport, std::move(local), ports, now);
  if (!transport) return tl::unexpected<Error>(transport.error());
  return ViewerSession(session, std::move(plan), std::move(*transport), std::move(derived_key),
                       std::move(grant), ports);
}

ViewerSession::ViewerSession(SessionId session, peer::MediaPlan plan, peer::Transport transport,
                             Secret32 derived_key, access::Grant grant, const peer::SessionPorts& ports)
    : session_(session),
      plan_(std::move(plan)),
      transport_(std::move(transport)),
      derived_key_(std::move(derived_key)),
      ports_(ports) {
  streams_.reserve(plan_.streams.size());
  for (const peer::StreamPlan& stream : plan_.streams) streams_.emplace_back(stream, ports.entropy);
  Renew(std::move(grant));
}

void ViewerSession::Renew(access::Grant grant) {
  not_after_ = grant.not_after();
  key_.emplace(ports_.crypto, std::move(grant));
}

void ViewerSession::DropKey() {
  key_.reset();
  position_ = {};
  for (OutboundStream& stream : streams_) stream.ForgetSent();
  resends_.clear();
  run_start_.reset();
  repeat_.reset();
}

peer::Transport::StunVerdict ViewerSession::HandleStun(const wire::StunMessage& message,
                                                       const ReceivedDatagram& datagram, Instant now,
                                                       DatagramBatch& out) {
  return transport_.HandleStun(message, datagram, now, out);
}

DropReason ViewerSession::HandleDtls(const ReceivedDatagram& datagram, Instant now, DatagramBatch& out) {
  const DropReason reason = transport_.HandleDtls(datagram, now, out);
  OpenGate(now);
  return reason;
}

// From keys to a gate, once. It agrees no stream: what comes from a viewer is RTCP or nothing.
void ViewerSession::OpenGate(Instant now) {
  auto keys = transport_.TakeKeys();
  if (!keys) return;
  auto sender = ports_.srtp.MakeSender(keys->outbound);
  auto key = gate::AdmitViewerKey(std::move(keys->inbound),
                                  {plan_.transport.remote_fingerprint, transport_.remote_fingerprint()});
  if (sender && key) {
    if (auto gate = gate::Gate::Make(std::move(*key), {}, ports_.srtp)) {
      gate_.emplace(std::move(*gate));
      sender_ = std::move(*sender);
      next_report_ = now + kFirstReport;
    }
  }
  setup_failed_ = !gate_.has_value();
}

void ViewerSession::HandleTimeout(Instant now, WallTime wall, DatagramBatch& out) {
  transport_.HandleTimeout(now, out);
  OpenGate(now);
  if (transport_.state() != peer::TransportState::kConnected) return;
  if (next_report_ && now >= *next_report_) SendReports(now, wall, out);
}

std::optional<Instant> ViewerSession::NextDeadline() const {
  std::optional<Instant> deadline = transport_.NextDeadline();
  if (transport_.state() != peer::TransportState::kConnected) return deadline;
  for (const auto& at : {paused_until_, resend_due_, next_report_}) {
    if (at && (!deadline || *at < *deadline)) deadline = at;
  }
  return deadline;
}

bool ViewerSession::MaySend(const Turn& turn) const {
  return gate_ && transport_.state() == peer::TransportState::kConnected &&
         transport_.ConsentFresh(turn.now) && transport_.path().has_value() && key_ &&
         key_->epoch() == turn.cache.epoch() && key_->camera() == turn.cache.camera() &&
         key_->Allows(wire::Rights::kLive) && turn.wall < key_->not_after();
}

// Where to begin, or to begin again for a viewer that fell behind the cache.
bool ViewerSession::FindPosition(const Turn& turn) {
  const cache::JitterCache& cache = turn.cache;
  if (position_.epoch == cache.epoch()) {
    const auto oldest = cache.Oldest();
    if (position_.number >= cache.NextNumber() || (oldest && position_.number >= *oldest)) return true;
  }
  const auto start = cache.StartForNewViewer();
  if (!start) {
    keyframe_wish_.Want();
    position_ = {};
    return false;
  }
  position_ = {};
  position_.epoch = cache.epoch();
  position_.number = *start;
  RunToLive(turn);
  return true;
}

// A codec that this viewer didn't negotiate has no stream here, whatever the camera changed to; nor has sound
// without the right to listen.
OutboundStream* ViewerSession::StreamFor(const frames::FrameHeader& header) {
  if (header.stream == wire::StreamKind::kAudio && !key_->Allows(wire::Rights::kListen)) return nullptr;
  for (OutboundStream& stream : streams_) {
    if (stream.plan().kind == header.stream && stream.plan().codec == header.codec) return &stream;
  }
  return nullptr;
}

std::int64_t ViewerSession::rate() const {
  constexpr std::uint64_t kPacketBits = 8 * (frames::kMaxPayload + 40);
  const std::int64_t free = catching_up() ? Pacer::kCatchUpRate : Pacer::kLiveRate;
  const auto limit = estimate_.limit();
  return limit ? std::min(free, static_cast<std::int64_t>(*limit / kPacketBits) + 1) : free;
}

// A frame that has begun goes out to its end, whatever the leg's limit: the cache may lose it to a limit of
// its own, or to the next group's linger.
Instant ViewerSession::LastCall(const cache::SealedFrame& frame, const Turn& turn) const {
  const Instant begun = position_.record > 0 ? position_.begun : turn.now;
  const auto start = turn.cache.StartForNewViewer();
  if (!start || *start <= frame.header().number) return begun + kMaxFrameTime;
  return std::min(begun + kMaxFrameTime,
                  turn.cache.Find(*start)->header().whole + cache::CacheLimits{}.linger / 2);
}

ViewerSession::Step ViewerSession::Pause(std::int64_t pace, Instant last_call, Instant now) {
  paused_until_ = pacer_.NextRun(pace);
  if (position_.record > 0 && last_call > now) paused_until_ = std::min(*paused_until_, last_call);
  return Step::kPaused;
}

void ViewerSession::RunToLive(const Turn& turn) {
  position_.live_from = turn.cache.NextNumber();
  position_.run_since = turn.now;
  anchored_.fill(false);
}

// Between two frames: a viewer that can't keep up goes on at the newest keyframe while that is fresh, else at
// the next. So does one whose run through the past takes too long to end at the live edge. One that got
// nothing while the camera's pictures were old runs through what it missed.
void ViewerSession::KeepUp(const Turn& turn) {
  if (position_.record != 0) return;
  const cache::SealedFrame* frame = turn.cache.Find(position_.number);
  if (frame == nullptr || position_.awaits_keyframe) return;
  if (catching_up()) {
    if (turn.now - position_.run_since <= kMaxRun) return;
  } else {
    if (turn.now - frame->header().whole <= kMaxLag) return;
    if (!estimate_.limit()) return RunToLive(turn);
  }
  const auto start = turn.cache.StartForNewViewer();
  const bool fresh =
      start && *start > position_.number && turn.now - turn.cache.Find(*start)->header().whole <= kMaxLag;
  const FrameNumber next = fresh ? *start : turn.cache.NextNumber();
  skipped_ += next.value - position_.number.value;
  if (catching_up() && !fresh) keyframe_wish_.Want();
  position_.number = next;
  position_.awaits_keyframe = !fresh;
  position_.live_from = {};
}

bool ViewerSession::PassesOver(const frames::FrameHeader& header, Instant now) {
  if (header.stream == wire::StreamKind::kVideo && position_.awaits_keyframe) {
    position_.awaits_keyframe = !header.keyframe;
    if (position_.awaits_keyframe) ++skipped_;
    return position_.awaits_keyframe;
  }
  // Sound of the past helps nobody: it begins at the live edge (where there is no picture, that is its
  // start), and what came while nothing could leave is past as well.
  if (header.stream != wire::StreamKind::kAudio) return false;
  return now - header.whole > kMaxLag || (catching_up() && position_.number.Next() < position_.live_from);
}

ViewerSession::PumpOutcome ViewerSession::Pump(const Turn& turn, std::vector<Instant>& arrivals) {
  ForgetWakeUps();
  if (held_since_) position_.run_since += turn.now - *std::exchange(held_since_, std::nullopt);
  if (!MaySend(turn)) return PumpOutcome::kIdle;
  const std::size_t before = turn.out.bytes();
  const PumpOutcome outcome = SendWhatMayLeave(turn, arrivals);
  estimate_.OnSent(turn.out.bytes() - before);
  return outcome;
}

ViewerSession::PumpOutcome ViewerSession::SendWhatMayLeave(const Turn& turn, std::vector<Instant>& arrivals) {
  const Leg leg{*transport_.path(), *sender_, turn.out};
  if (ServeNacks(leg, turn) == Step::kOpenFailed) return PumpOutcome::kOpenFailed;
  while (FindPosition(turn)) {
    KeepUp(turn);
    if (position_.record == 0) {
      switch (RepeatStart(leg, turn)) {
        case Step::kSent: break;
        case Step::kPaused: return PumpOutcome::kIdle;
        case Step::kBatchFull: return PumpOutcome::kMore;
        case Step::kOpenFailed: return PumpOutcome::kOpenFailed;
      }
    }
    const cache::SealedFrame* frame = turn.cache.Find(position_.number);
    if (frame == nullptr) return PumpOutcome::kIdle;
    const frames::FrameHeader& header = frame->header();
    OutboundStream* stream = StreamFor(header);
    if (stream != nullptr && (position_.record > 0 || !PassesOver(header, turn.now))) {
      switch (SendFrame(*frame, *stream, leg, turn)) {
        case Step::kSent:
          if (!catching_up()) arrivals.push_back(header.whole);
          break;
        case Step::kPaused: return PumpOutcome::kIdle;
        case Step::kBatchFull: return PumpOutcome::kMore;
        case Step::kOpenFailed: return PumpOutcome::kOpenFailed;
      }
    }
    position_.number = position_.number.Next();
    position_.record = 0;
  }
  return PumpOutcome::kIdle;
}

ViewerSession::Step ViewerSession::SendFrame(const cache::SealedFrame& frame, OutboundStream& stream,
                                             const Leg& leg, const Turn& turn) {
  if (turn.out.bytes() >= turn.batch_bytes) return Step::kBatchFull;
  const Instant last_call = LastCall(frame, turn);
  const bool hurry = position_.record > 0 && turn.now >= last_call;
  const std::int64_t pace = hurry ? Pacer::kLiveRate : rate();
  std::int64_t allowance = pacer_.Available(turn.now, pace);
  // To go on with a frame it is opened again: not for less than a run, whatever woke us.
  if (allowance <= 0 || (position_.record > 0 && allowance < Pacer::Run(pace)))
    return Pause(pace, last_call, turn.now);
  const auto opened = key_->Open(frame, turn.buffer);
  if (opened.outcome != cache::OpenOutcome::kOpened) return Step::kOpenFailed;
  const frames::FrameHeader& header = frame.header();
  if (position_.record == 0) {
    position_.begun = turn.now;
    const PacketRange here{static_cast<std::size_t>(&stream - streams_.data()), stream.next_sequence(), 0};
    if (header.keyframe) run_start_ = catching_up() ? std::optional(here) : std::nullopt;
    bool& anchored = anchored_[static_cast<std::size_t>(header.stream)];
    position_.timestamp =
        stream.BeginFrame(header.timestamp, anchored && !catching_up(), header.captured, turn.now);
    anchored = !catching_up();
  }
  std::uint16_t index = 0;
  for (auto record = opened.payloads.begin(); record != opened.payloads.end(); ++record, ++index) {
    if (index < position_.record) continue;
    if (allowance <= 0) return Pause(pace, last_call, turn.now);
    if (turn.out.bytes() >= turn.batch_bytes) return Step::kBatchFull;
    stream.SendRecord({header.epoch, header.number, position_.timestamp}, index, *record, record.IsLast(),
                      leg, turn.now);
    pacer_.Spend(1);
    --allowance;
    position_.record = static_cast<std::uint16_t>(index + 1);
  }
  ++frames_;
  resend_budget_.Earn(index);
  if (header.keyframe) {
    keyframe_sent_ = turn.now;
    keyframe_wish_.Satisfied();
  }
  return Step::kSent;
}

bool ViewerSession::Accepts(const peer::CameraMedia& media) const {
  return std::all_of(plan_.streams.begin(), plan_.streams.end(), [&](const peer::StreamPlan& stream) {
    if (stream.kind == wire::StreamKind::kAudio) return !media.audio || *media.audio == stream.codec;
    if (!media.video) return true;
    if (*media.video != stream.codec) return false;
    return stream.codec != wire::Codec::kH264 || !media.h264_profile || !stream.h264.profile_level ||
           peer::ReceiverDecodes(*stream.h264.profile_level, *media.h264_profile);
  });
}

std::optional<wire::SessionEndReason> ViewerSession::ended(WallTime wall) const {
  if (setup_failed_) return wire::SessionEndReason::kHandshakeFailed;
  if (gate_ && gate_->exhausted()) return wire::SessionEndReason::kLimit;
  switch (transport_.state()) {
    case peer::TransportState::kHandshakeFailed: return wire::SessionEndReason::kHandshakeFailed;
    case peer::TransportState::kHandshakeTimeout: return wire::SessionEndReason::kHandshakeTimeout;
    case peer::TransportState::kConsentExpired: return wire::SessionEndReason::kConsentExpired;
    case peer::TransportState::kClosed: return wire::SessionEndReason::kClosedByPeer;
    case peer::TransportState::kConnecting:
    case peer::TransportState::kConnected:
    case peer::TransportState::kCount: break;
  }
  if (wall >= not_after_) return wire::SessionEndReason::kGrantLost;
  return std::nullopt;
}

std::uint64_t ViewerSession::packets() const {
  std::uint64_t sum = 0;
  for (const OutboundStream& stream : streams_) sum += stream.packets();
  return sum;
}

bool ViewerSession::IsConsistent() const {
  if (gate_.has_value() != (sender_ != nullptr)) return false;
  if (streams_.size() != plan_.streams.size() || resends_.size() > kMaxResend) return false;
  for (const auto& range : {run_start_, repeat_}) {
    if (range &&
        (streams_.at(range->stream).plan().kind != wire::StreamKind::kVideo || range->count > kMaxRepeat))
      return false;
  }
  if (position_.epoch.value != 0 && key_ && key_->epoch() < position_.epoch) return false;
  return transport_.IsConsistent() && (!gate_ || gate_->IsConsistent());
}

}  // namespace latchkey::egress
