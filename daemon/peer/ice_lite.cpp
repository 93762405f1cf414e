#include "daemon/peer/ice_lite.h"

#include <algorithm>
#include <utility>

#include "daemon/base/check.h"
#include "daemon/peer/stun_hmac.h"

namespace latchkey::peer {
namespace {

constexpr std::size_t kUfragSize = 8;
constexpr std::size_t kPasswordSize = 24;
// A reply holds a header, one address or error code, the integrity and the fingerprint: 76 bytes at most.
constexpr std::size_t kMaxReply = 128;

// ice-char = ALPHA / DIGIT / "+" / "/" (RFC 8839 5.1): 64 of them, so that six random bits are one character.
constexpr std::string_view kIceChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static_assert(kIceChars.size() == 64);

std::string RandomIceText(ports::Entropy& entropy, std::size_t size) {
  std::array<std::uint8_t, kPasswordSize> random{};
  LATCHKEY_CHECK(size <= random.size());
  entropy.Fill(std::span(random).first(size));
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += kIceChars[random[i] & 63U];
  return text;
}

std::uint64_t PlaceOf(const IcePair& pair) {
  const std::hash<SocketAddress> hash;
  return (std::uint64_t{hash(pair.remote)} * 0x9e3779b97f4a7c15U) ^ hash(pair.local);
}

IceLite::Outcome Dropped(DropReason reason) {
  IceLite::Outcome outcome;
  outcome.reason = reason;
  return outcome;
}

}  // namespace

IceCredentials MakeIceCredentials(ports::Entropy& entropy) {
  IceCredentials credentials;
  credentials.ufrag = RandomIceText(entropy, kUfragSize);
  credentials.password = RandomIceText(entropy, kPasswordSize);
  return credentials;
}

std::optional<std::string_view> IceLocalFragment(const wire::StunMessage& message) {
  if (message.message_class != wire::StunClass::kRequest || !message.username) return std::nullopt;
  const auto username = wire::SplitStunUsername(*message.username);
  if (!username) return std::nullopt;
  return username->local;
}

IceLite::IceLite(IceCredentials local, ports::Crypto& crypto, Instant now)
    : crypto_(&crypto), local_(std::move(local)), last_heard_(now) {}

IceLite::Outcome IceLite::HandleBindingRequest(const wire::StunMessage& message, const SocketAddress& from,
                                               const SocketAddress& to, Instant now) {
  if (message.message_class != wire::StunClass::kRequest) return Dropped(DropReason::kStunMalformed);
  const IceCredentials* const used = Authenticate(message);
  if (used == nullptr) return Dropped(DropReason::kStunUnauthenticated);
  const IcePair pair{to, from};
  if (const Transaction* const seen = Remembered(message.transaction)) {
    // The integrity does not cover addresses: a recorded request sent from elsewhere verifies as well. From
    // the same place it is a retransmission whose answer got lost: answered again, and worth nothing more.
    if (seen->place != PlaceOf(pair)) return Dropped(DropReason::kDuplicate);
    Outcome outcome;
    outcome.reply = Reply(message, from, *used);
    return outcome;
  }
  // A lite agent is always controlled (RFC 8445 6.1.1). A peer that believes the same would never nominate:
  // it is told to switch, which is what RFC 8445 7.3.1.1 comes to when our role can't change.
  if (message.ice_controlled) {
    Outcome outcome;
    outcome.reply = Refuse(message, wire::StunErrorCode::kRoleConflict, *used);
    return outcome;
  }
  if (message.unknown_count > 0) {
    Outcome outcome;
    outcome.reply = Refuse(message, wire::StunErrorCode::kUnknownAttribute, *used);
    return outcome;
  }
  Remember({message.transaction, PlaceOf(pair)});
  return Accept(message, pair, *used, now);
}

// The credentials that the request was made with. Only our own half of USERNAME is compared: the peer's half
// is no secret and adds nothing to what the password proves.
const IceCredentials* IceLite::Authenticate(const wire::StunMessage& message) {
  const auto fragment = IceLocalFragment(message);
  if (!fragment) return nullptr;
  const IceCredentials* credentials = nullptr;
  if (*fragment == local_.ufrag) credentials = &local_;
  if (previous_ && *fragment == previous_->ufrag) credentials = &*previous_;
  if (credentials == nullptr) return nullptr;
  const bool verifies =
      wire::StunIntegrityVerifies(message, AsBytes(credentials->password), HmacOf(*crypto_));
  return verifies ? credentials : nullptr;
}

IceLite::Outcome IceLite::Accept(const wire::StunMessage& message, const IcePair& pair,
                                 const IceCredentials& used, Instant now) {
  Outcome outcome;
  outcome.proved = true;
  outcome.reply = Reply(message, pair.remote, used);
  if (previous_ && &used == &local_) FinishRestart();
  Entry& entry = LearnPair(pair, now);
  if (message.use_candidate) {
    entry.nominated_at = now;
    if (nominated_ != pair && !NeedsProof(now)) MoveTo(Entry(entry));
  }
  // Consent is the pair's to which media goes (RFC 7675 5.1).
  if (!nominated_ || *nominated_ == pair) last_heard_ = now;
  return outcome;
}

IceLite::Entry& IceLite::LearnPair(const IcePair& pair, Instant now) {
  if (const auto index = IndexOf(pair)) {
    pairs_[*index].last_check = now;
    pairs_[*index].generation = generation_;
    return pairs_[*index];
  }
  if (pairs_.size() >= kMaxPairs) {
    const std::optional<IcePair> kept = selected();
    auto silent = pairs_.end();
    for (auto it = pairs_.begin(); it != pairs_.end(); ++it) {
      if (it->pair != kept && (silent == pairs_.end() || it->last_check < silent->last_check)) silent = it;
    }
    LATCHKEY_CHECK(silent != pairs_.end());
    if (dtls_ == silent->pair) dtls_.reset();
    pairs_.erase(silent);
  }
  return pairs_.emplace_back(Entry{pair, now, generation_, std::nullopt});
}

// Not where media never came, nor for the first nomination of a restart: nobody has recorded a check with
// those credentials.
bool IceLite::NeedsProof(Instant now) const {
  if (!nominated_ || !last_media_ || ConsentExpired(now)) return false;
  const auto index = IndexOf(*nominated_);
  return index && pairs_[*index].generation == generation_;
}

// Nominations older than this one are over; a newer one still waits for its proof.
void IceLite::MoveTo(const Entry& to) {
  nominated_ = to.pair;
  for (Entry& entry : pairs_) {
    if (entry.pair != to.pair && entry.nominated_at <= to.nominated_at) entry.nominated_at.reset();
  }
  // The first pair of a restart's generation ends those before it (RFC 8445 9).
  std::erase_if(pairs_, [&](const Entry& entry) { return entry.generation != generation_; });
  if (dtls_ && !IndexOf(*dtls_)) dtls_.reset();
}

void IceLite::FinishRestart() {
  previous_.reset();
  for (Entry& entry : pairs_) entry.nominated_at.reset();
  ++generation_;
}

std::optional<IcePair> IceLite::selected() const {
  if (nominated_) return nominated_;
  if (dtls_) return dtls_;
  if (pairs_.empty()) return std::nullopt;
  return pairs_.front().pair;
}

void IceLite::NoteDtls(const IcePair& pair) {
  if (IndexOf(pair)) dtls_ = pair;
}

bool IceLite::TakesMediaFrom(const IcePair& pair, Instant now) const {
  if (!nominated_ || ConsentExpired(now)) return false;
  const auto index = IndexOf(pair);
  return nominated_ == pair || (index && pairs_[*index].nominated_at);
}

void IceLite::NoteAuthenticMedia(const IcePair& pair, Instant now) {
  if (!TakesMediaFrom(pair, now)) return;
  if (nominated_ != pair) MoveTo(Entry(pairs_[*IndexOf(pair)]));
  last_media_ = now;
  last_heard_ = now;
}

Instant IceLite::ConsentDeadline() const {
  const Instant checks = last_heard_ + kConsentLife;
  return last_media_ ? std::min(checks, *last_media_ + kMediaLife) : checks;
}

void IceLite::Restart(IceCredentials fresh) {
  LATCHKEY_CHECK(fresh.ufrag != local_.ufrag);
  // A restart upon a restart that nobody used yet: the pair in use stays the one that works.
  if (!previous_) previous_ = std::move(local_);
  local_ = std::move(fresh);
}

bool IceLite::Owns(std::string_view fragment) const {
  return fragment == local_.ufrag || (previous_ && fragment == previous_->ufrag);
}

std::optional<std::size_t> IceLite::IndexOf(const IcePair& pair) const {
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    if (pairs_[i].pair == pair) return i;
  }
  return std::nullopt;
}

void IceLite::Remember(const Transaction& transaction) {
  if (transactions_.size() < kRememberedTransactions) {
    transactions_.push_back(transaction);
    return;
  }
  transactions_[next_transaction_] = transaction;
  next_transaction_ = (next_transaction_ + 1) % kRememberedTransactions;
}

const IceLite::Transaction* IceLite::Remembered(const wire::StunTransactionId& id) const {
  for (const Transaction& transaction : transactions_) {
    if (transaction.id == id) return &transaction;
  }
  return nullptr;
}

ByteVector IceLite::Reply(const wire::StunMessage& message, const SocketAddress& from,
                          const IceCredentials& used) {
  std::array<std::uint8_t, kMaxReply> buffer{};
  const ByteView reply =
      wire::WriteStunSuccess(message.transaction, from, AsBytes(used.password), HmacOf(*crypto_), buffer);
  LATCHKEY_CHECK(!reply.empty());
  return {reply.begin(), reply.end()};
}

ByteVector IceLite::Refuse(const wire::StunMessage& message, wire::StunErrorCode code,
                           const IceCredentials& used) {
  std::array<std::uint8_t, kMaxReply> buffer{};
  const auto unknown =
      code == wire::StunErrorCode::kUnknownAttribute ? message.unknown() : std::span<const std::uint16_t>{};
  const ByteView reply = wire::WriteStunError(message.transaction, code, unknown, AsBytes(used.password),
                                              HmacOf(*crypto_), buffer);
  LATCHKEY_CHECK(!reply.empty());
  return {reply.begin(), reply.end()};
}

bool IceLite::IsConsistent() const {
  if (pairs_.size() > kMaxPairs || transactions_.size() > kRememberedTransactions) return false;
  if (nominated_ && !IndexOf(*nominated_)) return false;
  if (dtls_ && !IndexOf(*dtls_)) return false;
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    if (IndexOf(pairs_[i].pair) != i || pairs_[i].generation > generation_) return false;
    if (pairs_[i].nominated_at && !nominated_) return false;
  }
  return !(previous_ && previous_->ufrag == local_.ufrag);
}

}  // namespace latchkey::peer
