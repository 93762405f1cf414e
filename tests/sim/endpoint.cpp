#include "tests/sim/endpoint.h"

#include <algorithm>

#include "daemon/wire/demux.h"
#include "tests/sim/violation.h"

namespace latchkey::sim {

Endpoint::Endpoint(Machine& machine, const SocketAddress& address)
    : machine_(machine), address_(address), credentials_(peer::MakeIceCredentials(machine.entropy())) {}

peer::LocalTransport Endpoint::Local() const {
  return {credentials_.ufrag, credentials_.password, machine_.dtls().LocalFingerprint(), {}};
}

void Endpoint::Begin(std::string_view offer, std::string_view answer, Instant now) {
  auto plan = peer::ReadAnswer(offer, answer);
  Demand(plan.has_value() && !plan->transport.remote_candidates.empty(), "an answer does not fit its offer");
  plan_ = std::move(*plan);
  peer::IceClient::Config config;
  config.consent_life = kConsentLife;
  ice_.emplace(credentials_,
               peer::IceCredentials{plan_.transport.remote_ufrag, plan_.transport.remote_password},
               std::vector<SocketAddress>{plan_.transport.remote_candidates.front()}, machine_.crypto(),
               machine_.entropy(), now, config);
  auto dtls = machine_.dtls().Make(plan_.transport.local_role, plan_.transport.remote_fingerprint);
  Demand(dtls.has_value(), "no DTLS session");
  dtls_ = std::move(*dtls);
  Work(now);
}

Endpoint::Opened Endpoint::Receive(MutableByteView datagram, const SocketAddress& from, Instant now) {
  if (!ice_) return {};
  const wire::DatagramKind kind = wire::ClassifyDatagram(datagram);
  switch (kind) {
    case wire::DatagramKind::kStun: (void)ice_->HandleDatagram(datagram, from, now); return {};
    case wire::DatagramKind::kDtls: dtls_->HandleDatagram(datagram, now); return {};
    case wire::DatagramKind::kRtp:
    case wire::DatagramKind::kRtcp: break;
    case wire::DatagramKind::kUnknown:
    case wire::DatagramKind::kCount: throw Violation("the hub sent what is no protocol of ours");
  }
  if (!receiver_) return {};
  const bool rtp = kind == wire::DatagramKind::kRtp;
  const auto opened = rtp ? receiver_->UnprotectRtp(datagram) : receiver_->UnprotectRtcp(datagram);
  if (opened.reason != DropReason::kNone) {
    ++rejected_;
    return {};
  }
  return {rtp ? Plain::kRtp : Plain::kRtcp, ByteView(datagram).first(opened.size)};
}

void Endpoint::Work(Instant now) {
  if (!ice_ || over()) return;
  while (auto transmit = ice_->Poll(now)) outbox_.push_back(std::move(transmit->bytes));
  if (ice_->state() != peer::IceClientState::kConnected) return;
  if (!dtls_started_) {
    dtls_->Start(now);
    dtls_started_ = true;
  }
  dtls_->HandleTimeout(now);
  while (auto datagram = dtls_->PollDatagram()) outbox_.push_back(std::move(*datagram));
  if (dtls_->state() != ports::DtlsState::kConnected || sender_) return;
  auto keys = dtls_->ExportKeys();
  sender_ = std::move(*machine_.srtp().MakeSender(keys->outbound));
  receiver_ = std::move(*machine_.srtp().MakeReceiver(keys->inbound));
  witness_ = std::move(*machine_.srtp().MakeReceiver(keys->inbound));
}

Instant Endpoint::NextDeadline() const {
  if (!ice_ || over()) return Instant::max();
  Instant next = ice_->NextDeadline().value_or(Instant::max());
  if (dtls_started_) next = std::min(next, dtls_->NextTimeout().value_or(Instant::max()));
  return next;
}

bool Endpoint::over() const {
  if (ice_ && ice_->state() == peer::IceClientState::kFailed) return true;
  return dtls_ &&
         (dtls_->state() == ports::DtlsState::kFailed || dtls_->state() == ports::DtlsState::kClosed);
}

void Endpoint::SendRtp(ByteView plain) {
  ByteVector& bytes = outbox_.emplace_back();
  bytes.reserve(plain.size() + ports::kSrtpMaxOverhead);
  bytes.assign(plain.begin(), plain.end());
  bytes.resize(plain.size() + ports::kSrtpMaxOverhead);
  bytes.resize(sender_->ProtectRtp(bytes, plain.size()));
  if (bytes.empty()) outbox_.pop_back();
}

void Endpoint::SendRtcp(ByteView plain) {
  ByteVector& bytes = outbox_.emplace_back();
  bytes.reserve(plain.size() + ports::kSrtpMaxOverhead);
  bytes.assign(plain.begin(), plain.end());
  bytes.resize(plain.size() + ports::kSrtpMaxOverhead);
  bytes.resize(sender_->ProtectRtcp(bytes, plain.size()));
  if (bytes.empty()) outbox_.pop_back();
}

void Endpoint::Close() {
  if (!connected()) return;
  dtls_->Close();
  while (auto datagram = dtls_->PollDatagram()) outbox_.push_back(std::move(*datagram));
}

}  // namespace latchkey::sim
