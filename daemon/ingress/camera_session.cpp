#include "daemon/ingress/camera_session.h"

#include <algorithm>
#include <utility>

#include "daemon/wire/rtcp_source.h"
#include "daemon/wire/rtp.h"

namespace latchkey::ingress {
namespace {

wire::Codec CodecOr(const peer::MediaPlan& plan, wire::StreamKind kind, wire::Codec otherwise) {
  const peer::StreamPlan* stream = plan.Find(kind);
  return stream != nullptr ? stream->codec : otherwise;
}

}  // namespace

Result<CameraSession> CameraSession::Make(const CameraConfig& config, peer::MediaPlan plan,
                                          peer::IceCredentials local, const peer::SessionPorts& ports,
                                          Instant now) {
  auto transport = peer::Transport::Make(plan.transport, std::move(local), ports, now);
  if (!transport) return tl::unexpected<Error>(transport.error());
  transport->AwaitAdmission();
  return CameraSession(config, std::move(plan), std::move(*transport), ports, now);
}

Result<CameraSession> CameraSession::MakeSdes(const CameraConfig& config, peer::MediaPlan plan,
                                              peer::SdesKeys keys, peer::IceCredentials local,
                                              const peer::SessionPorts& ports, Instant now) {
  auto transport = peer::Transport::MakeKeyed(std::move(local), ports, now);
  transport.AwaitAdmission();
  CameraSession session(config, std::move(plan), std::move(transport), ports, now);
  session.keying_ = wire::Keying::kSdes;
  session.brought_ = Keys{std::move(keys.inbound), std::move(keys.outbound), {}};
  return session;
}

CameraSession CameraSession::MakeEnrolled(const CameraConfig& config, peer::MediaPlan plan,
                                          ports::SrtpKey key, std::vector<ports::SourceFloor> floors,
                                          const peer::SessionPorts& ports, Instant now) {
  CameraSession session(config, std::move(plan), peer::Transport::MakePinned(), ports, now);
  session.keying_ = wire::Keying::kEnrolled;
  session.brought_ = Keys{std::move(key), std::nullopt, {}};
  session.floors_ = std::move(floors);
  session.TakeKeys();
  return session;
}

CameraSession::CameraSession(const CameraConfig& config, peer::MediaPlan plan, peer::Transport transport,
                             const peer::SessionPorts& ports, Instant now)
    : config_(config),
      plan_(std::move(plan)),
      transport_(std::move(transport)),
      ports_(ports),
      clock_(CodecOr(plan_, wire::StreamKind::kVideo, wire::Codec::kH264),
             CodecOr(plan_, wire::StreamKind::kAudio, wire::Codec::kOpus)),
      bitrate_(std::uint64_t{config.max_bitrate_kbit} * 1000),
      bound_(std::uint64_t{config.max_bitrate_kbit} * 1000),
      created_(now) {
  for (const peer::StreamPlan& stream : plan_.streams) {
    frames::AssemblerConfig assembler;
    assembler.camera = config_.camera;
    assembler.epoch = config_.epoch;
    assembler.codec = stream.codec;
    assembler.parameter_sets = stream.h264.parameter_sets;
    streams_.emplace_back(std::move(assembler),
                          Repair(stream.feedback.nack, stream.rtx_payload_type.has_value(), config_.hold));
  }
}

peer::Transport::StunVerdict CameraSession::HandleStun(const wire::StunMessage& message,
                                                       const ReceivedDatagram& datagram, Instant now,
                                                       DatagramBatch& out) {
  const auto verdict = transport_.HandleStun(message, datagram, now, out);
  TakeKeys();
  return verdict;
}

DropReason CameraSession::HandleDtls(const ReceivedDatagram& datagram, Instant now, DatagramBatch& out) {
  const DropReason reason = transport_.HandleDtls(datagram, now, out);
  TakeKeys();
  return reason;
}

void CameraSession::TakeHeld(Instant now) {
  while (const auto packet = gate_->TakeHeld(now)) {
    (void)Take(*packet, wire::kRtpHeaderSize + packet->on_wire().payload.size(), now);
  }
}

gate::Admission CameraSession::AdmissionOf(const ReceivedDatagram& datagram, Instant now) const {
  gate::Admission admission;
  if (const auto path = transport_.MediaPath(datagram, now)) {
    admission.peer = path->remote;
    admission.local = path->local;
  }
  admission.consent_fresh = transport_.ConsentFresh(now);
  // A suspended lane has no session: it was ended and its key is gone.
  admission.suspended = false;
  return admission;
}

DropReason CameraSession::HandleRtp(const ReceivedDatagram& datagram, Instant now) {
  if (!gate_) return DropReason::kNoKeysYet;
  const std::size_t wire_size = datagram.bytes.size();
  const gate::RtpVerdict verdict = gate_->AdmitRtp(datagram, AdmissionOf(datagram, now), now);
  if (verdict.changed) epoch_wanted_ = true;
  if (verdict.reason == DropReason::kSrtpRecorded) replayed_at_ = now;
  if (!verdict.packet && !verdict.held) return verdict.reason;
  transport_.NoteAuthenticMedia({datagram.to, datagram.from}, now);
  last_packet_ = now;
  return verdict.packet ? Take(*verdict.packet, wire_size, now) : DropReason::kNone;
}

DropReason CameraSession::Take(const gate::AuthenticPacket& packet, std::size_t wire_size, Instant now) {
  ++counters_.packets;
  counters_.bytes += wire_size;
  Stream& stream = streams_[packet.stream()];
  stream.bye = false;
  const Repair::Taken taken = stream.repair.OnPacket(packet, stream.assembler, now);
  if (!packet.is_retransmission()) {
    stream.reception.OnPacket(packet.sequence(), packet.header().timestamp, wire::ClockRate(packet.codec()),
                              taken.asked, now);
    clock_.OnPacket(packet.kind(), packet.sequence(), packet.header().timestamp, packet.arrived());
    if (packet.kind() == wire::StreamKind::kVideo && !taken.asked) {
      bitrate_.OnPacket(clock_.Delay(packet.kind(), packet.header().timestamp, now), wire_size);
    }
  }
  Drain(stream, now);
  if (stream.assembler.KeyframeWanted()) keyframe_.Want(now);
  return taken.reason;
}

void CameraSession::Drain(Stream& stream, Instant now) {
  while (auto frame = stream.assembler.PollFrame()) {
    frames::FrameHeader& header = frame->header;
    header.captured = clock_.CaptureTime(header.stream, header.rtp_timestamp(), header.arrived_first);
    NoteAge(header);
    if (!Passes(*frame, now)) continue;
    ++counters_.frames;
    if (header.stream == wire::StreamKind::kVideo) ++counters_.pictures;
    if (header.keyframe) keyframe_.Satisfied();
    ready_.push_back(std::move(*frame));
  }
}

// Of what is shown: the picture, or sound where there is none. A silence says nothing.
void CameraSession::NoteAge(const frames::FrameHeader& header) {
  if (!Shows(header.stream)) return;
  const Instant at = header.arrived_first;
  const Duration limit = config_.unavailable_after;
  too_late_ = false;
  if (at - header.captured < limit) return late_for_.reset();
  late_for_ = late_for_ ? *late_for_ + std::clamp<Duration>(at - late_last_, Duration::zero(), limit)
                        : Duration::zero();
  late_last_ = at;
  too_late_ = *late_for_ >= kLatePatience;
}

// Frames that the rate bound takes go with all that depends on them, and nobody else asks for another start.
bool CameraSession::Passes(const frames::PlainFrame& frame, Instant now) {
  const bool video = frame.header.stream == wire::StreamKind::kVideo;
  const bool depends = video && awaits_keyframe_ && !frame.header.keyframe;
  if (!depends && bound_.Admit(frame.payloads().bytes(), now)) {
    if (video) awaits_keyframe_ = false;
    return true;
  }
  ++counters_.too_fast;
  if (depends) keyframe_.Want(now);
  if (!depends) too_fast_at_ = now;
  if (video) awaits_keyframe_ = true;
  return false;
}

DropReason CameraSession::HandleRtcp(const ReceivedDatagram& datagram, Instant now) {
  if (!gate_) return DropReason::kNoKeysYet;
  const gate::RtcpVerdict verdict = gate_->AdmitRtcp(datagram, AdmissionOf(datagram, now), now);
  if (!verdict.packet) return verdict.reason;
  transport_.NoteAuthenticMedia({datagram.to, datagram.from}, now);
  ReadRtcp(*verdict.packet);
  return DropReason::kNone;
}

void CameraSession::ReadRtcp(const gate::AuthenticRtcp& packet) {
  for (const wire::RtcpBlock& block : packet.compound()) {
    if (block.kind == wire::RtcpKind::kBye) NoteBye(block);
    if (block.kind != wire::RtcpKind::kSenderReport) continue;
    const auto report = wire::ParseSenderReport(block);
    const auto index = report ? gate_->StreamOfSsrc(report->sender.ssrc) : std::nullopt;
    if (!index) continue;
    clock_.OnSenderReport(plan_.streams[*index].kind, report->sender, packet.arrived());
    streams_[*index].reception.OnSenderReport(report->sender.ntp, packet.arrived());
  }
}

void CameraSession::NoteBye(const wire::RtcpBlock& block) {
  const auto bye = wire::ParseBye(block);
  if (!bye) return;
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    const auto ssrc = gate_->SsrcOfStream(i);
    if (ssrc && bye->Contains(*ssrc)) streams_[i].bye = true;
  }
}

void CameraSession::HandleTimeout(Instant now, DatagramBatch& out) {
  transport_.HandleTimeout(now, out);
  TakeKeys();
  if (!gate_ || transport_.state() != peer::TransportState::kConnected) return;
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    Stream& stream = streams_[i];
    SendNack(i, stream.repair.Update(stream.assembler, stream.reception, now), out);
    const auto due = stream.assembler.NextDeadline();
    if (due && now >= *due) stream.assembler.HandleTimeout(now);
    Drain(stream, now);
    if (stream.assembler.KeyframeWanted()) keyframe_.Want(now);
  }
  if (next_report_ && now >= *next_report_) SendReports(now, out);
  if (KeyframeSsrc() && keyframe_.Poll(now)) SendKeyframeRequest(out);
}

std::optional<Instant> CameraSession::NextDeadline() const {
  std::optional<Instant> deadline = transport_.NextDeadline();
  const auto sooner = [&deadline](std::optional<Instant> at) {
    if (at && (!deadline || *at < *deadline)) deadline = at;
  };
  if (transport_.state() != peer::TransportState::kConnected) return deadline;
  for (const Stream& stream : streams_) {
    sooner(stream.assembler.NextDeadline());
    sooner(stream.repair.NextDeadline());
  }
  sooner(next_report_);
  if (KeyframeSsrc()) sooner(keyframe_.NextDeadline());
  return deadline;
}

bool CameraSession::TakeEpochWanted() {
  return std::exchange(epoch_wanted_, false);
}

void CameraSession::BeginEpoch(Epoch epoch, Instant now) {
  config_.epoch = epoch;
  ready_.clear();
  std::vector<std::optional<std::uint32_t>> before;
  for (std::size_t i = 0; gate_ && i < streams_.size(); ++i) before.push_back(gate_->SsrcOfStream(i));
  if (gate_) gate_->BeginEpoch();
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    Stream& stream = streams_[i];
    // Another SSRC has numbers of its own (RFC 3550 5.1).
    const bool renumbered = !gate_ || gate_->SsrcOfStream(i) != before[i];
    stream.assembler.BeginEpoch(epoch, renumbered);
    if (renumbered) {
      clock_.Restart(plan_.streams[i].kind);
      if (Shows(plan_.streams[i].kind)) late_for_.reset();
    }
    stream.reception = Reception();
    stream.repair.BeginEpoch();
  }
  awaits_keyframe_ = false;
  keyframe_.Want(now);
  if (gate_) TakeHeld(now);
}

std::optional<wire::SessionEndReason> CameraSession::ended(Instant now) const {
  if (key_refused_) return wire::SessionEndReason::kKeyRefused;
  if (setup_failed_) return wire::SessionEndReason::kHandshakeFailed;
  if (gate_ && gate_->exhausted()) return wire::SessionEndReason::kLimit;
  // A session of an enrolled key that began anew would take late pictures for those of now.
  if (too_late_ && !enrolled()) return wire::SessionEndReason::kTooLate;
  switch (transport_.state()) {
    case peer::TransportState::kHandshakeFailed: return wire::SessionEndReason::kHandshakeFailed;
    case peer::TransportState::kHandshakeTimeout: return wire::SessionEndReason::kHandshakeTimeout;
    case peer::TransportState::kConsentExpired: return wire::SessionEndReason::kConsentExpired;
    case peer::TransportState::kClosed: return wire::SessionEndReason::kClosedByPeer;
    case peer::TransportState::kConnecting:
    case peer::TransportState::kConnected:
    case peer::TransportState::kCount: break;
  }
  const bool left = std::all_of(streams_.begin(), streams_.end(), [](const Stream& s) { return s.bye; });
  if (left && now - last_packet_.value_or(created_) >= kByeSilence)
    return wire::SessionEndReason::kClosedByPeer;
  return std::nullopt;
}

peer::CameraMedia CameraSession::media() const {
  peer::CameraMedia media;
  if (const auto* video = plan_.Find(wire::StreamKind::kVideo)) {
    media.video = video->codec;
    media.h264_profile = video->h264.profile_level;
  }
  if (const auto* audio = plan_.Find(wire::StreamKind::kAudio)) media.audio = audio->codec;
  return media;
}

bool CameraSession::IsLive(Instant now) const {
  return (!enrolled() && now - created_ < kLiveYouth) || (last_packet_ && now - *last_packet_ < kLiveSilence);
}

bool CameraSession::unsupported() const {
  return std::any_of(streams_.begin(), streams_.end(),
                     [](const Stream& s) { return s.assembler.unsupported() != frames::Unsupported::kNone; });
}

const Repair* CameraSession::repair(wire::StreamKind kind) const {
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    if (plan_.streams[i].kind == kind) return &streams_[i].repair;
  }
  return nullptr;
}

std::uint64_t CameraSession::lost() const {
  std::uint64_t sum = 0;
  for (const Stream& stream : streams_) sum += stream.assembler.counters().packets_lost;
  return sum;
}

bool CameraSession::IsConsistent() const {
  const bool sends = gate_.has_value() && !enrolled();
  if (sends != (sender_ != nullptr) && !setup_failed_ && !key_refused_) return false;
  if ((show_key_ && !waiting_) || (gate_ && waiting_)) return false;
  if (streams_.size() != plan_.streams.size() || !keyframe_.IsConsistent() || !transport_.IsConsistent())
    return false;
  if (gate_ && !gate_->IsConsistent()) return false;
  return std::all_of(streams_.begin(), streams_.end(),
                     [](const Stream& s) { return s.assembler.IsConsistent() && s.repair.IsConsistent(); });
}

}  // namespace latchkey::ingress
