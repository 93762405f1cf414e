#include "daemon/peer/ice_client.h"

#include <algorithm>
#include <utility>

#include "daemon/base/check.h"
#include "daemon/peer/stun_hmac.h"
#include "daemon/wire/sdp_transport.h"

namespace latchkey::peer {
namespace {

// A transaction is sent this often at most, then a new one begins (RFC 8489 6.2.1: Rc = 7).
constexpr std::uint32_t kMaxSends = 7;
// Checks of different candidates start this far apart (RFC 8445 14.2: Ta).
constexpr Duration kPacing = milliseconds(50);
// Of a peer-reflexive candidate (RFC 8445 7.1.1): type preference 110, component 1.
constexpr std::uint32_t kCheckPriority = (110U << 24U) | (65535U << 8U) | 255U;

}  // namespace

IceClient::IceClient(IceCredentials local, IceCredentials remote, std::vector<SocketAddress> candidates,
                     ports::Crypto& crypto, ports::Entropy& entropy, Instant now, const Config& config)
    : crypto_(crypto), entropy_(entropy), config_(config) {
  tie_breaker_ = (std::uint64_t{entropy_.U32()} << 32U) | entropy_.U32();
  Restart(std::move(local), std::move(remote), std::move(candidates), now);
}

void IceClient::Restart(IceCredentials local, IceCredentials remote, std::vector<SocketAddress> candidates,
                        Instant now) {
  local_ = std::move(local);
  remote_ = std::move(remote);
  state_ = IceClientState::kChecking;
  began_ = now;
  last_answer_ = now;
  checks_.clear();
  if (candidates.size() > wire::kMaxRemoteCandidates) candidates.resize(wire::kMaxRemoteCandidates);
  Instant due = now;
  for (const SocketAddress& to : candidates) {
    Check check;
    check.to = to;
    BeginTransaction(check, due);
    checks_.push_back(check);
    due += kPacing;
  }
}

void IceClient::BeginTransaction(Check& check, Instant due) {
  entropy_.Fill(check.transaction.bytes);
  check.next_send = due;
  check.retry = config_.first_retry;
  check.sent = 0;
}

DropReason IceClient::HandleDatagram(ByteView datagram, const SocketAddress& from, Instant now) {
  const auto message = wire::ParseStun(datagram);
  if (!message) return DropReason::kStunMalformed;
  // A lite peer sends no checks of its own; indications need no answer.
  if (message->message_class != wire::StunClass::kSuccess &&
      message->message_class != wire::StunClass::kError) {
    return DropReason::kStunMalformed;
  }
  const auto check = std::find_if(checks_.begin(), checks_.end(), [&](const Check& c) {
    return c.sent > 0 && c.transaction == message->transaction && c.to == from;
  });
  if (check == checks_.end()) return DropReason::kStunUnauthenticated;
  if (!wire::StunIntegrityVerifies(*message, AsBytes(remote_.password), HmacOf(crypto_))) {
    return DropReason::kStunUnauthenticated;
  }
  // An authentic refusal: this check will not be answered otherwise, the next transaction asks again.
  if (message->message_class == wire::StunClass::kError) {
    BeginTransaction(*check, now + config_.max_retry);
    return DropReason::kNone;
  }
  Settle(*check, *message, now);
  return DropReason::kNone;
}

void IceClient::Settle(const Check& check, const wire::StunMessage& message, Instant now) {
  if (check.sent == 1) round_trip_ = now - check.first_sent;
  if (message.mapped_address) mapped_ = message.mapped_address;
  selected_ = check.to;
  state_ = IceClientState::kConnected;
  last_answer_ = now;
  Check consent;
  consent.to = check.to;
  BeginTransaction(consent, now + ConsentPause());
  checks_ = {consent};
}

Duration IceClient::ConsentPause() {
  // 0.8 .. 1.2 of the interval, so that peers don't fall into step (RFC 7675 5.1).
  const auto spread = static_cast<std::int64_t>(entropy_.U32() % 401U);
  return config_.consent_interval * (800 + spread) / 1000;
}

std::optional<IceClient::Transmit> IceClient::Poll(Instant now) {
  if (state_ == IceClientState::kFailed) return std::nullopt;
  if (now >= Expiry()) {
    state_ = IceClientState::kFailed;
    checks_.clear();
    return std::nullopt;
  }
  for (Check& check : checks_) {
    if (now < check.next_send) continue;
    if (check.sent >= kMaxSends) BeginTransaction(check, now);
    if (check.sent == 0) check.first_sent = now;
    ++check.sent;
    check.next_send = now + check.retry;
    check.retry = std::min(check.retry * 2, config_.max_retry);
    return Transmit{check.to, WriteCheck(check)};
  }
  return std::nullopt;
}

Instant IceClient::Expiry() const {
  return state_ == IceClientState::kConnected ? last_answer_ + config_.consent_life
                                              : began_ + config_.connect_timeout;
}

std::optional<Instant> IceClient::NextDeadline() const {
  if (state_ == IceClientState::kFailed) return std::nullopt;
  Instant next = Expiry();
  for (const Check& check : checks_) next = std::min(next, check.next_send);
  return next;
}

ByteVector IceClient::WriteCheck(const Check& check) const {
  wire::StunCheck stun;
  const std::string username = remote_.ufrag + ':' + local_.ufrag;
  stun.transaction = check.transaction;
  stun.username = username;
  stun.priority = kCheckPriority;
  stun.controlling = true;
  stun.tie_breaker = tie_breaker_;
  // To a lite peer nominating in each check is safe: it has no opinion of its own.
  stun.use_candidate = true;
  std::array<std::uint8_t, wire::kStunMaxMessage> buffer{};
  const ByteView bytes = wire::WriteStunCheck(stun, AsBytes(remote_.password), HmacOf(crypto_), buffer);
  LATCHKEY_CHECK(!bytes.empty());
  return {bytes.begin(), bytes.end()};
}

}  // namespace latchkey::peer
