#include "tools/media/rtc_session.h"

#include <algorithm>
#include <utility>

#include "daemon/base/ids.h"
#include "daemon/peer/client_sdp.h"
#include "daemon/wire/rtcp_remb.h"
#include "daemon/wire/rtcp_source.h"

namespace latchkey::media {
namespace {

constexpr std::size_t kMaxCompound = 1100;
// Sequence numbers in one NACK, so that the compound stays within one datagram; the rest goes at once after
// it.
constexpr std::size_t kMaxNackItems = 200;

std::uint32_t NonZero(ports::Entropy& entropy) {
  std::uint32_t value = 0;
  while (value == 0) value = entropy.U32();
  return value;
}

std::string RandomName(ports::Entropy& entropy) {
  std::array<std::uint8_t, 8> bytes{};
  entropy.Fill(bytes);
  return internal::HexEncode(bytes);
}

}  // namespace

RtcSession::RtcSession(SessionPorts ports, const PublishMedia& media, const Consent& consent)
    : RtcSession(ports, consent) {
  publish_ = media;
  local_rtx_ssrc_ = NonZero(ports_.entropy);
}

RtcSession::RtcSession(SessionPorts ports, const Consent& consent)
    : ports_(ports), transport_(ports, consent), cname_(RandomName(ports.entropy)) {
  for (auto& ssrc : local_ssrc_) ssrc = NonZero(ports_.entropy);
}

std::string RtcSession::MakeOffer(std::vector<SocketAddress> candidates) {
  const std::uint64_t session_id =
      ((std::uint64_t{ports_.entropy.U32()} << 32U) | ports_.entropy.U32()) & 0x7fffffffffffffffULL;
  const std::uint32_t video_ssrc = local_ssrc_[Index(wire::StreamKind::kVideo)];
  const std::uint32_t audio_ssrc = local_ssrc_[Index(wire::StreamKind::kAudio)];
  if (publish_) {
    peer::PublishOffer offer;
    offer.video = peer::PublishOffer::Source{publish_->video, video_ssrc, local_rtx_ssrc_};
    offer.h264_profile = publish_->h264_profile;
    if (publish_->audio) offer.audio = peer::PublishOffer::Source{wire::Codec::kOpus, audio_ssrc, 0};
    offer.cname = cname_;
    offer.local = transport_.Local(std::move(candidates));
    offer.session_id = session_id;
    if (publish_->sdes) MakeSdes();
    offer.sdes = std::move(sdes_);
    offer_ = peer::WritePublishOffer(offer);
    sdes_ = std::move(offer.sdes);
  } else {
    peer::ReceiveOffer offer;
    offer.cname = cname_;
    offer.video_ssrc = video_ssrc;
    offer.audio_ssrc = audio_ssrc;
    offer.local = transport_.Local(std::move(candidates));
    offer.session_id = session_id;
    offer_ = peer::WriteReceiveOffer(offer);
  }
  return offer_;
}

Status RtcSession::HandleAnswer(std::string_view answer, Instant now) {
  auto plan = peer::ReadAnswer(offer_, answer);
  if (!plan) return tl::unexpected(plan.error());
  plan_ = std::move(*plan);
  if (publish_) MakeSenders();
  if (sdes_.empty()) return transport_.Begin(plan_->transport, now);
  const auto keys = peer::ReadSdesAnswer(sdes_, answer);
  WipeText(offer_);
  if (!keys) return tl::unexpected(keys.error());
  return transport_.BeginKeyed(plan_->transport, *keys, now);
}

// A key for each suite: one key is never used with two (RFC 4568 6.1).
void RtcSession::MakeSdes() {
  sdes_.clear();
  std::uint32_t tag = 1;
  for (const wire::SdesSuite suite :
       {wire::SdesSuite::kAeadAes128Gcm, wire::SdesSuite::kAesCm128HmacSha1_80}) {
    wire::SdesCrypto& crypto = sdes_.emplace_back();
    crypto.tag = tag++;
    crypto.suite = suite;
    ports_.entropy.Fill(crypto.key_and_salt.RevealForWriting());
  }
}

Status RtcSession::HandleOffer(std::string_view ours, std::string_view offer, Instant now) {
  offer_ = ours;
  return HandleAnswer(offer, now);
}

void RtcSession::MakeSenders() {
  for (const peer::StreamPlan& stream : plan_->streams) {
    SendStreamOptions options;
    options.codec = stream.codec;
    options.payload_type = stream.payload_type;
    options.ssrc = stream.local_ssrc;
    if (stream.rtx_payload_type && stream.local_rtx_ssrc) {
      options.rtx_payload_type = stream.rtx_payload_type;
      options.rtx_ssrc = *stream.local_rtx_ssrc;
    }
    // In the lower half, so that no roll-over comes before the receiver knows the stream (RFC 3711 3.3.1).
    options.first_sequence = static_cast<std::uint16_t>(ports_.entropy.U32() & 0x7fffU);
    options.first_rtx_sequence = static_cast<std::uint16_t>(ports_.entropy.U32() & 0x7fffU);
    options.first_timestamp = ports_.entropy.U32();
    senders_[Index(stream.kind)].emplace(options);
  }
}

void RtcSession::HandleDatagram(const SocketAddress& from, MutableByteView datagram, Instant now,
                                WallTime wall) {
  const auto opened = transport_.HandleDatagram(from, datagram, now);
  if (opened.plain == PeerTransport::Plain::kRtp) HandleRtp(datagram.first(opened.size), now);
  if (opened.plain == PeerTransport::Plain::kRtcp) HandleRtcp(datagram.first(opened.size), now, wall);
  if (!was_connected_ && state() == TransportState::kConnected) {
    was_connected_ = true;
    keyframe_wanted_ = true;
    next_report_ = now + kReportInterval / 4;
  }
  SendNacks(now);
}

ReceiveStream* RtcSession::StreamFor(const wire::RtpHeader& header, bool& is_rtx) {
  for (const peer::StreamPlan& stream : plan_->streams) {
    is_rtx = stream.rtx_payload_type == header.payload_type;
    if (header.payload_type != stream.payload_type && !is_rtx) continue;
    auto& receiver = receivers_[Index(stream.kind)];
    if (is_rtx) return receiver ? &*receiver : nullptr;
    if (!stream.remote_sources.empty() && stream.remote_sources[0].ssrc != header.ssrc) return nullptr;
    // Undeclared: the first authentic packet tells, and a new one later begins the stream anew.
    if (!receiver || receiver->ssrc() != header.ssrc) receiver.emplace(stream.codec, header.ssrc);
    return &*receiver;
  }
  return nullptr;
}

void RtcSession::HandleRtp(ByteView bytes, Instant now) {
  if (publish_) return;
  auto packet = wire::ParseRtp(bytes);
  if (!packet) return;
  bool is_rtx = false;
  ReceiveStream* stream = StreamFor(packet->header, is_rtx);
  if (stream == nullptr) return;
  if (is_rtx) {
    const auto rtx = wire::ParseRtx(packet->payload);
    if (!rtx) return;
    packet->header.sequence = rtx->original_sequence;
    packet->payload = rtx->payload;
  }
  stream->HandlePacket(*packet, now, is_rtx);
}

void RtcSession::HandleRtcp(ByteView bytes, Instant now, WallTime wall) {
  const auto compound = wire::ParseRtcp(bytes);
  if (!compound) return;
  for (const wire::RtcpBlock& block : *compound) HandleRtcpBlock(block, now, wall);
}

void RtcSession::HandleRtcpBlock(const wire::RtcpBlock& block, Instant now, WallTime wall) {
  auto& video = senders_[Index(wire::StreamKind::kVideo)];
  if (const auto report = wire::ParseSenderReport(block)) {
    HandleReports(report->blocks, wall);
    for (auto& receiver : receivers_) {
      if (receiver && receiver->ssrc() == report->sender.ssrc)
        receiver->HandleSenderReport(report->sender, now);
    }
  } else if (const auto receiver_report = wire::ParseReceiverReport(block)) {
    HandleReports(receiver_report->blocks, wall);
  } else if (const auto nack = wire::ParseNack(block)) {
    std::vector<ByteVector> packets;
    if (video) video->HandleNack(*nack, now, packets);
    Flush(packets);
  } else if (const auto remb = wire::ParseRemb(block)) {
    remb_bps_ = remb->bitrate_bps;
  } else if (video) {
    const auto pli = wire::ParsePli(block);
    const auto fir = wire::ParseFir(block);
    if (!fir && !(pli && pli->media_ssrc == video->options().ssrc)) return;
    video->CountKeyframeRequest();
    keyframe_wanted_ = true;
  }
}

void RtcSession::HandleReports(const wire::ReportBlockList& blocks, WallTime wall) {
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    for (auto& sender : senders_) {
      if (sender) sender->HandleReport(blocks[i], wall);
    }
  }
}

void RtcSession::HandleTimeout(Instant now, WallTime wall) {
  transport_.HandleTimeout(now);
  if (state() != TransportState::kConnected) return;
  for (auto& receiver : receivers_) {
    if (receiver) receiver->HandleTimeout(now);
  }
  SendNacks(now);
  if (next_report_ && now >= *next_report_) {
    SendReports(now, wall);
    next_report_ = now + kReportInterval;
  }
}

std::optional<Instant> RtcSession::NextTimeout() const {
  std::optional<Instant> next = transport_.NextTimeout();
  const auto consider = [&](std::optional<Instant> when) {
    if (when && (!next || *when < *next)) next = when;
  };
  if (state() == TransportState::kConnected) {
    consider(next_report_);
    for (const auto& receiver : receivers_) {
      if (receiver) consider(receiver->NextTimeout());
    }
  }
  return next;
}

void RtcSession::Drain(Instant now, DatagramBatch& out) {
  transport_.Drain(now, out);
  for (const Outgoing& entry : out_.entries()) {
    const ByteView bytes = out_.BytesOf(entry);
    const auto room = out.Append(entry.to, entry.from, bytes.size());
    std::copy(bytes.begin(), bytes.end(), room.begin());
  }
  out_.Clear();
}

void RtcSession::Flush(std::vector<ByteVector>& packets) {
  for (const ByteVector& packet : packets) transport_.SendRtp(packet, out_);
  packets.clear();
}

void RtcSession::SendFrame(const MediaFrame& frame, Instant now) {
  auto& sender = senders_[Index(frame.kind)];
  if (!sender || state() != TransportState::kConnected) return;
  if (frame.kind == wire::StreamKind::kVideo) {
    if (need_keyframe_first_ && !frame.keyframe) return;
    need_keyframe_first_ = false;
  }
  std::vector<ByteVector> packets;
  sender->SendFrame(frame, now, packets);
  Flush(packets);
}

std::optional<RtcSession::Frame> RtcSession::PollFrame() {
  for (auto& receiver : receivers_) {
    if (!receiver) continue;
    if (auto frame = receiver->PollFrame()) return Frame{receiver->codec(), std::move(*frame)};
  }
  return std::nullopt;
}

template <class Write>
void RtcSession::SendFeedback(std::uint32_t local_ssrc, Write&& write) {
  std::array<std::uint8_t, kMaxCompound> buffer{};
  ByteWriter writer(buffer);
  wire::WriteReceiverReport(local_ssrc, {}, writer);
  wire::WriteSdesCname(local_ssrc, cname_, writer);
  write(writer);
  LATCHKEY_CHECK(writer.ok());
  transport_.SendRtcp(writer.Written(), out_);
}

void RtcSession::SendNacks(Instant now) {
  if (!plan_ || publish_ || state() != TransportState::kConnected) return;
  const peer::StreamPlan* stream = plan_->Find(wire::StreamKind::kVideo);
  auto& receiver = receivers_[Index(wire::StreamKind::kVideo)];
  if (stream == nullptr || !receiver || !stream->feedback.nack) return;
  const auto sequences = receiver->TakeNacks(now);
  for (std::size_t at = 0; at < sequences.size(); at += kMaxNackItems) {
    const auto part = std::span(sequences).subspan(at, std::min(kMaxNackItems, sequences.size() - at));
    SendFeedback(stream->local_ssrc, [&](ByteWriter& writer) {
      wire::WriteNack(stream->local_ssrc, receiver->ssrc(), part, writer);
    });
    ++nack_messages_;
  }
}

void RtcSession::RequestKeyframe() {
  if (!plan_ || publish_ || state() != TransportState::kConnected) return;
  const peer::StreamPlan* stream = plan_->Find(wire::StreamKind::kVideo);
  if (stream == nullptr) return;
  const auto& receiver = receivers_[Index(wire::StreamKind::kVideo)];
  std::uint32_t media_ssrc = receiver ? receiver->ssrc() : 0;
  if (media_ssrc == 0 && !stream->remote_sources.empty()) media_ssrc = stream->remote_sources[0].ssrc;
  if (media_ssrc == 0) return;
  SendFeedback(stream->local_ssrc, [&](ByteWriter& writer) {
    if (stream->feedback.pli) {
      wire::WritePli(stream->local_ssrc, media_ssrc, writer);
    } else if (stream->feedback.fir) {
      wire::WriteFir(stream->local_ssrc, {media_ssrc, fir_number_++}, writer);
    }
  });
  ++plis_sent_;
}

void RtcSession::SendReports(Instant now, WallTime wall) {
  std::array<std::uint8_t, kMaxCompound> buffer{};
  for (const peer::StreamPlan& stream : plan_->streams) {
    ByteWriter writer(buffer);
    auto& sender = senders_[Index(stream.kind)];
    auto& receiver = receivers_[Index(stream.kind)];
    const auto info = sender ? sender->Report(now, wall) : std::nullopt;
    const auto block = receiver ? receiver->TakeReport(now) : std::nullopt;
    if (info) {
      wire::WriteSenderReport(*info, {}, writer);
    } else if (block) {
      wire::WriteReceiverReport(stream.local_ssrc, std::span(&*block, 1), writer);
    } else {
      wire::WriteReceiverReport(stream.local_ssrc, {}, writer);
    }
    wire::WriteSdesCname(stream.local_ssrc, cname_, writer);
    LATCHKEY_CHECK(writer.ok());
    transport_.SendRtcp(writer.Written(), out_);
  }
}

void RtcSession::Close() {
  if (plan_ && state() == TransportState::kConnected) {
    std::vector<std::uint32_t> ssrcs;
    for (const peer::StreamPlan& stream : plan_->streams) ssrcs.push_back(stream.local_ssrc);
    SendFeedback(ssrcs.front(), [&](ByteWriter& writer) { wire::WriteBye(ssrcs, writer); });
  }
  transport_.Close();
}

SessionFigures RtcSession::Figures() const {
  SessionFigures figures;
  const auto& video_sender = senders_[Index(wire::StreamKind::kVideo)];
  const auto& video_receiver = receivers_[Index(wire::StreamKind::kVideo)];
  const auto& audio_sender = senders_[Index(wire::StreamKind::kAudio)];
  const auto& audio_receiver = receivers_[Index(wire::StreamKind::kAudio)];
  if (video_sender) {
    figures.sent = video_sender->counters();
    figures.round_trip = video_sender->round_trip();
    figures.reported_loss = video_sender->reported_loss();
  }
  if (video_receiver) figures.received = video_receiver->counters();
  if (audio_sender) figures.audio_packets += audio_sender->counters().packets;
  if (audio_receiver) figures.audio_packets += audio_receiver->counters().packets;
  if (!figures.round_trip) figures.round_trip = transport_.round_trip();
  figures.nack_messages = nack_messages_;
  figures.plis_sent = plis_sent_;
  figures.remb_bps = remb_bps_;
  figures.dropped = transport_.drops().total() - transport_.drops().of(DropReason::kNone);
  return figures;
}

}  // namespace latchkey::media
