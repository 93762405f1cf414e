#include "tools/media/peer_transport.h"

#include <algorithm>
#include <utility>

#include "daemon/wire/demux.h"

namespace latchkey::media {

PeerTransport::PeerTransport(SessionPorts ports, const Consent& consent)
    : ports_(ports), consent_(consent), credentials_(peer::MakeIceCredentials(ports.entropy)) {}

peer::LocalTransport PeerTransport::Local(std::vector<SocketAddress> candidates) const {
  return {credentials_.ufrag, credentials_.password, ports_.dtls.LocalFingerprint(), std::move(candidates)};
}

Status PeerTransport::Begin(const peer::TransportPlan& plan, Instant now) {
  auto dtls = ports_.dtls.Make(plan.local_role, plan.remote_fingerprint);
  if (!dtls) return tl::unexpected(dtls.error());
  dtls_ = std::move(*dtls);
  BeginIce(plan, now);
  return {};
}

Status PeerTransport::BeginKeyed(const peer::TransportPlan& plan, const peer::SdesKeys& keys, Instant now) {
  if (auto taken = TakeKeys(keys.inbound, keys.outbound); !taken) return taken;
  BeginIce(plan, now);
  return {};
}

Status PeerTransport::TakeKeys(const ports::SrtpKey& inbound, const ports::SrtpKey& outbound) {
  auto receiver = ports_.srtp.MakeReceiver(inbound);
  auto sender = ports_.srtp.MakeSender(outbound);
  if (!receiver || !sender) return tl::unexpected(receiver ? sender.error() : receiver.error());
  receiver_ = std::move(*receiver);
  sender_ = std::move(*sender);
  return {};
}

void PeerTransport::BeginIce(const peer::TransportPlan& plan, Instant now) {
  peer::IceClient::Config config;
  config.consent_interval = consent_.interval;
  config.consent_life = consent_.life;
  ice_.emplace(credentials_, peer::IceCredentials{plan.remote_ufrag, plan.remote_password},
               plan.remote_candidates, ports_.crypto, ports_.entropy, now, config);
  give_up_at_ = now + kConnectLimit;
}

void PeerTransport::Fail(std::string why) {
  if (state_ == TransportState::kFailed || state_ == TransportState::kClosed) return;
  state_ = TransportState::kFailed;
  failure_ = std::move(why);
}

PeerTransport::Opened PeerTransport::HandleDatagram(const SocketAddress& from, MutableByteView datagram,
                                                    Instant now) {
  if (!ice_ || state_ == TransportState::kFailed || state_ == TransportState::kClosed) return {};
  const auto kind = wire::ClassifyDatagram(datagram);
  if (kind == wire::DatagramKind::kStun) {
    const auto message = wire::ParseStun(datagram);
    if (message && message->message_class == wire::StunClass::kRequest) {
      AnswerCheck(*message, from);
      return {};
    }
    drops_.Add(ice_->HandleDatagram(datagram, from, now));
    // With keys that came by SDES the path is all that was missing.
    if (!dtls_ && state_ == TransportState::kConnecting && ice_->selected())
      state_ = TransportState::kConnected;
    return {};
  }
  // Everything but STUN comes from where a check was answered.
  if (ice_->selected() != from) {
    drops_.Add(DropReason::kUnknownPeer);
    return {};
  }
  if (kind == wire::DatagramKind::kDtls && dtls_) {
    dtls_->HandleDatagram(datagram, now);
    CheckDtls(now);
    return {};
  }
  if (kind == wire::DatagramKind::kUnknown || kind == wire::DatagramKind::kDtls || !receiver_) {
    drops_.Add(receiver_ ? DropReason::kUnknownProtocol : DropReason::kNoKeysYet);
    return {};
  }
  const bool rtp = kind == wire::DatagramKind::kRtp;
  const auto opened = rtp ? receiver_->UnprotectRtp(datagram) : receiver_->UnprotectRtcp(datagram);
  if (opened.reason != DropReason::kNone) {
    drops_.Add(opened.reason);
    return {};
  }
  return {rtp ? Plain::kRtp : Plain::kRtcp, opened.size};
}

// RFC 8445 7.3: a full agent believes in a path only when its own check came back.
void PeerTransport::AnswerCheck(const wire::StunMessage& check, const SocketAddress& from) {
  const auto hmac = [this](ByteView key, ByteView data) { return ports_.crypto.HmacSha1(key, data); };
  const ByteView password = AsBytes(credentials_.password);
  if (answers_.size() == kMaxAnswers || !wire::StunIntegrityVerifies(check, password, hmac)) {
    drops_.Add(DropReason::kStunUnauthenticated);
    return;
  }
  ByteVector room(wire::kStunMaxMessage);
  const ByteView answer = wire::WriteStunSuccess(check.transaction, from, password, hmac, room);
  answers_.push_back({from, ByteVector(answer.begin(), answer.end())});
}

void PeerTransport::CheckDtls(Instant) {
  if (dtls_->state() == ports::DtlsState::kFailed) {
    Fail("the DTLS handshake failed (wrong certificate, or no common SRTP profile)");
  } else if (dtls_->state() == ports::DtlsState::kClosed) {
    state_ = TransportState::kClosed;
  } else if (dtls_->state() == ports::DtlsState::kConnected && !sender_) {
    auto keys = dtls_->ExportKeys();
    if (!keys) return Fail(keys.error().message);
    if (auto taken = TakeKeys(keys->inbound, keys->outbound); !taken) return Fail(taken.error().message);
    state_ = TransportState::kConnected;
  }
}

void PeerTransport::HandleTimeout(Instant now) {
  if (!ice_) return;
  const auto due = dtls_ ? dtls_->NextTimeout() : std::nullopt;
  if (due && *due <= now) {
    dtls_->HandleTimeout(now);
    CheckDtls(now);
  }
  if (state_ == TransportState::kConnecting && now >= give_up_at_) {
    Fail(ice_->selected() ? "DTLS did not finish in time" : "the hub's UDP port did not answer in time");
  }
}

std::optional<Instant> PeerTransport::NextTimeout() const {
  if (!ice_ || state_ == TransportState::kFailed) return std::nullopt;
  std::optional<Instant> next = ice_->NextDeadline();
  const auto consider = [&](std::optional<Instant> when) {
    if (when && (!next || *when < *next)) next = when;
  };
  if (dtls_ && ice_->selected()) consider(dtls_->NextTimeout());
  if (state_ == TransportState::kConnecting) consider(give_up_at_);
  return next;
}

void PeerTransport::Drain(Instant now, DatagramBatch& out) {
  if (!ice_) return;
  for (const auto& answer : answers_) {
    const auto room = out.Append(answer.to, {}, answer.bytes.size());
    std::copy(answer.bytes.begin(), answer.bytes.end(), room.begin());
  }
  answers_.clear();
  while (const auto check = ice_->Poll(now)) {
    const auto room = out.Append(check->to, {}, check->bytes.size());
    std::copy(check->bytes.begin(), check->bytes.end(), room.begin());
  }
  if (ice_->state() == peer::IceClientState::kFailed) {
    Fail(state_ == TransportState::kConnected ? "the hub no longer answers (consent lost)"
                                              : "the hub's UDP port did not answer");
  }
  const auto to = ice_->selected();
  if (!to || !dtls_) return;
  if (!dtls_started_) {
    dtls_started_ = true;
    dtls_->Start(now);
  }
  while (const auto flight = dtls_->PollDatagram()) {
    const auto room = out.Append(*to, {}, flight->size());
    std::copy(flight->begin(), flight->end(), room.begin());
  }
}

void PeerTransport::Send(ByteView packet, bool rtp, DatagramBatch& out) {
  if (!sender_ || state_ != TransportState::kConnected) return;
  LATCHKEY_CHECK(packet.size() + ports::kSrtpMaxOverhead <= kMaxDatagram);
  const auto room = out.Append(*ice_->selected(), {}, packet.size() + ports::kSrtpMaxOverhead);
  std::copy(packet.begin(), packet.end(), room.begin());
  out.TrimLast(rtp ? sender_->ProtectRtp(room, packet.size()) : sender_->ProtectRtcp(room, packet.size()));
}

void PeerTransport::SendRtp(ByteView packet, DatagramBatch& out) {
  Send(packet, true, out);
}
void PeerTransport::SendRtcp(ByteView compound, DatagramBatch& out) {
  Send(compound, false, out);
}

void PeerTransport::Close() {
  if (dtls_ && state_ == TransportState::kConnected) dtls_->Close();
}

std::optional<Duration> PeerTransport::round_trip() const {
  return ice_ ? ice_->round_trip() : std::nullopt;
}

}  // namespace latchkey::media
