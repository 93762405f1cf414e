// How a CameraSession comes by its keys and its gate: shown to the keeper, admitted, used.
#include <utility>

#include "daemon/gate/stream_key.h"
#include "daemon/ingress/camera_session.h"

namespace latchkey::ingress {
namespace {

gate::AgreedStream Agreed(const peer::StreamPlan& plan) {
  gate::AgreedStream agreed;
  agreed.codec = plan.codec;
  agreed.payload_type = plan.payload_type;
  agreed.rtx_payload_type = plan.rtx_payload_type;
  if (!plan.remote_sources.empty()) {
    agreed.ssrc = plan.remote_sources.front().ssrc;
    if (plan.rtx_payload_type) agreed.rtx_ssrc = plan.remote_sources.front().rtx_ssrc;
  }
  return agreed;
}

}  // namespace

std::optional<CameraSession::Keys> CameraSession::KeysOfTransport() {
  if (keying_ != wire::Keying::kDtls) {
    const bool connected = transport_.state() == peer::TransportState::kConnected;
    return connected ? std::exchange(brought_, std::nullopt) : std::nullopt;
  }
  auto keys = transport_.TakeKeys();
  if (!keys) return std::nullopt;
  return Keys{std::move(keys->inbound), std::move(keys->outbound), keys->peer};
}

// What the handshake yielded, or the offer, waits for the keeper's word, once.
void CameraSession::TakeKeys() {
  auto keys = KeysOfTransport();
  if (!keys) return;
  key_refused_ = !gate::CheckKey(keys->inbound);
  if (key_refused_) return;
  waiting_.emplace(std::move(*keys));
  show_key_ = true;
}

std::optional<wire::KeyShown> CameraSession::TakeShownKey() {
  if (!std::exchange(show_key_, false)) return std::nullopt;
  wire::KeyShown shown;
  shown.session = config_.session;
  shown.keying = keying_;
  shown.public_key = waiting_->peer;
  shown.stream_key = gate::DigestOf(ports_.crypto, waiting_->inbound);
  sources_ = Sources();
  shown.sources = Listed(sources_);
  return shown;
}

// As declared, or as packets showed them.
CameraSession::SourceList CameraSession::Sources() const {
  SourceList sources{};
  for (std::size_t i = 0; i < plan_.streams.size(); ++i) {
    const gate::AgreedStream agreed = gate_ ? gate_->agreed(i) : Agreed(plan_.streams[i]);
    sources[2 * i] = agreed.ssrc;
    sources[2 * i + 1] = agreed.rtx_ssrc;
  }
  return sources;
}

std::optional<wire::SourcesSeen> CameraSession::TakeSources() {
  if (!gate_) return std::nullopt;
  const SourceList now = Sources();
  if (now == sources_) return std::nullopt;
  sources_ = now;
  wire::SourcesSeen seen;
  seen.session = config_.session;
  seen.sources = Listed(sources_);
  return seen;
}

wire::SourceIds CameraSession::Listed(const SourceList& sources) {
  wire::SourceIds ids;
  for (const auto& ssrc : sources) {
    if (ssrc) LATCHKEY_CHECK(ids.TryPush(*ssrc));
  }
  return ids;
}

void CameraSession::AdmitKey(const gate::StreamKeyDigest& vouched, Instant now, DatagramBatch& out) {
  if (!waiting_ || show_key_) return;
  OpenGate(*std::exchange(waiting_, std::nullopt), vouched, now);
  if (gate_) transport_.Admit(out);
}

Result<gate::StreamKey> CameraSession::Admitted(ports::SrtpKey key, const gate::StreamKeyDigest& vouched) {
  if (keying_ != wire::Keying::kDtls) return gate::AdmitSdesKey(ports_.crypto, std::move(key), {vouched});
  return gate::AdmitCameraKey(
      ports_.crypto, std::move(key),
      {{plan_.transport.remote_fingerprint, transport_.remote_fingerprint()}, vouched});
}

void CameraSession::OpenGate(Keys keys, const gate::StreamKeyDigest& vouched, Instant now) {
  if (keys.outbound) {
    auto sender = ports_.srtp.MakeSender(*keys.outbound);
    setup_failed_ = !sender.has_value();
    if (setup_failed_) return;
    sender_ = std::move(*sender);
  }
  auto key = Admitted(std::move(keys.inbound), vouched);
  key_refused_ = !key.has_value();
  if (key_refused_) return;
  std::vector<gate::AgreedStream> agreed;
  for (const peer::StreamPlan& stream : plan_.streams) agreed.push_back(Agreed(stream));
  auto gate = enrolled() ? gate::Gate::Resume(std::move(*key), agreed, floors_, ports_.srtp)
                         : gate::Gate::Make(std::move(*key), agreed, ports_.srtp);
  setup_failed_ = !gate.has_value();
  if (setup_failed_) return;
  gate_.emplace(std::move(*gate));
  keyframe_.Want(now);
  next_report_ = now;
}

std::optional<wire::IndexWanted> CameraSession::TakeIndexWanted() {
  const auto wish = gate_ ? gate_->TakeIndexWish() : std::nullopt;
  if (!wish) return std::nullopt;
  return wire::IndexWanted{config_.session, wish->ssrc, wish->up_to};
}

void CameraSession::ReserveIndex(const wire::IndexReserved& reserved, Instant now) {
  if (!gate_) return;
  gate_->ReserveIndex({reserved.ssrc, reserved.up_to});
  TakeHeld(now);
}

}  // namespace latchkey::ingress
