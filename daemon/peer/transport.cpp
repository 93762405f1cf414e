#include "daemon/peer/transport.h"

#include <algorithm>
#include <utility>

namespace latchkey::peer {
namespace {

void Send(const IcePair& pair, ByteView bytes, DatagramBatch& out) {
  if (bytes.empty() || bytes.size() > kMaxDatagram) return;
  const MutableByteView place = out.Append(pair.remote, pair.local, bytes.size());
  std::copy(bytes.begin(), bytes.end(), place.begin());
}

}  // namespace

Result<Transport> Transport::Make(const TransportPlan& plan, IceCredentials local, const SessionPorts& ports,
                                  Instant now) {
  auto session = ports.dtls.Make(plan.local_role, plan.remote_fingerprint);
  if (!session) return tl::unexpected<Error>(session.error());
  return Transport(IceLite(std::move(local), ports.crypto, now), std::move(*session), plan);
}

Transport Transport::MakeKeyed(IceCredentials local, const SessionPorts& ports, Instant now) {
  return Transport(IceLite(std::move(local), ports.crypto, now), nullptr, {});
}

Transport Transport::MakePinned() {
  Transport transport(std::nullopt, nullptr, {});
  transport.state_ = TransportState::kConnected;
  return transport;
}

Transport::Transport(std::optional<IceLite> ice, std::unique_ptr<ports::DtlsSession> dtls,
                     const TransportPlan& plan)
    : ice_(std::move(ice)),
      dtls_(std::move(dtls)),
      role_(plan.local_role),
      remote_fingerprint_(plan.remote_fingerprint) {}

Transport::StunVerdict Transport::HandleStun(const wire::StunMessage& message,
                                             const ReceivedDatagram& datagram, Instant now,
                                             DatagramBatch& out) {
  if (ended() || !ice_) return {DropReason::kUnknownPeer, false};
  const IceLite::Outcome outcome = ice_->HandleBindingRequest(message, datagram.from, datagram.to, now);
  if (outcome.reason != DropReason::kNone) return {outcome.reason, false};
  Send({datagram.to, datagram.from}, outcome.reply, out);
  if (!dtls_ && state_ == TransportState::kConnecting && ice_->selected()) {
    state_ = TransportState::kConnected;
    handshake_deadline_ = now + kHandshakeLimit;
  } else if (!handshake_deadline_ && ice_->selected()) {
    handshake_deadline_ = now + kHandshakeLimit;
    if (role_ == ports::DtlsRole::kClient) dtls_->Start(now);
    Drain(out);
  }
  return {DropReason::kNone, outcome.proved};
}

DropReason Transport::HandleDtls(const ReceivedDatagram& datagram, Instant now, DatagramBatch& out) {
  const IcePair pair{datagram.to, datagram.from};
  if (ended() || !IsValid(pair)) return DropReason::kUnknownPeer;
  if (!dtls_) return DropReason::kUnknownProtocol;
  if (held()) return DropReason::kNoKeysYet;
  const bool connecting = state_ == TransportState::kConnecting;
  if (connecting) ice_->NoteDtls(pair);
  dtls_->HandleDatagram(datagram.bytes, now);
  Follow();
  Drain(out);
  if (connecting && state_ == TransportState::kConnected) proved_ = pair;
  return DropReason::kNone;
}

void Transport::HandleTimeout(Instant now, DatagramBatch& out) {
  if (ended()) return;
  if (!ConsentFresh(now)) {
    state_ = TransportState::kConsentExpired;
    return;
  }
  const bool unfinished = state_ == TransportState::kConnecting || held();
  if (unfinished && handshake_deadline_ && now >= *handshake_deadline_) {
    state_ = TransportState::kHandshakeTimeout;
    return;
  }
  const auto due = dtls_ ? dtls_->NextTimeout() : std::nullopt;
  if (due && now >= *due) {
    dtls_->HandleTimeout(now);
    Follow();
    Drain(out);
  }
}

std::optional<Instant> Transport::NextDeadline() const {
  if (ended()) return std::nullopt;
  if (!ice_) return handshake_deadline_;
  Instant deadline = ice_->ConsentDeadline();
  if ((state_ == TransportState::kConnecting || held()) && handshake_deadline_)
    deadline = std::min(deadline, *handshake_deadline_);
  const auto due = dtls_ ? dtls_->NextTimeout() : std::nullopt;
  return due ? std::min(deadline, *due) : deadline;
}

std::optional<ports::DtlsSrtpKeys> Transport::TakeKeys() {
  return std::exchange(keys_, std::nullopt);
}

void Transport::SendRtcp(ByteView compound, ports::SrtpSender& sender, DatagramBatch& out) const {
  const auto pair = path();
  if (!pair || compound.empty()) return;
  const MutableByteView place =
      out.Append(pair->remote, pair->local, compound.size() + ports::kSrtpMaxOverhead);
  std::copy(compound.begin(), compound.end(), place.begin());
  out.TrimLast(sender.ProtectRtcp(place, compound.size()));
}

void Transport::Admit(DatagramBatch& out) {
  awaits_admission_ = false;
  Drain(out);
}

void Transport::Close(DatagramBatch& out) {
  awaits_admission_ = false;
  if (!ended() && dtls_) {
    dtls_->Close();
    Drain(out);
  }
  state_ = TransportState::kClosed;
}

void Transport::Drain(DatagramBatch& out) {
  if (held() || !dtls_) return;
  const auto pair = path();
  while (const auto datagram = dtls_->PollDatagram()) {
    // Without a valid pair there is nobody to send to: a client starts with the first check.
    if (pair) Send(*pair, *datagram, out);
  }
}

bool Transport::Holds(const IcePair& pair, Instant now) const {
  if (ended() || !ConsentFresh(now)) return false;
  if (state_ == TransportState::kConnecting) return IsValid(pair);
  return proved_ == pair && path() == pair;
}

void Transport::NoteAuthenticMedia(const IcePair& pair, Instant now) {
  if (!ice_) return pinned_.NoteAuthenticMedia(pair, now);
  ice_->NoteAuthenticMedia(pair, now);
  if (path() == pair) proved_ = pair;
}

void Transport::Follow() {
  switch (dtls_->state()) {
    case ports::DtlsState::kHandshaking: break;
    case ports::DtlsState::kConnected: {
      if (state_ == TransportState::kConnected) break;
      auto keys = dtls_->ExportKeys();
      if (keys) keys_.emplace(std::move(*keys));
      state_ = keys ? TransportState::kConnected : TransportState::kHandshakeFailed;
      break;
    }
    case ports::DtlsState::kFailed: state_ = TransportState::kHandshakeFailed; break;
    case ports::DtlsState::kClosed: state_ = TransportState::kClosed; break;
  }
}

bool Transport::IsConsistent() const {
  if (keys_ && state_ == TransportState::kConnecting) return false;
  if (!ice_) return dtls_ == nullptr && state_ != TransportState::kConnecting;
  return ice_->IsConsistent();
}

}  // namespace latchkey::peer
