#include "tests/sim/scripted_dtls.h"

#include <algorithm>
#include <deque>

#include "tests/sim/mixing.h"

namespace latchkey::sim {
namespace {

// A handshake record of DTLS 1.2, as far as the demultiplexer looks; the message's kind stands behind it.
constexpr std::array<std::uint8_t, 3> kRecord{22, 0xfe, 0xfd};
enum class Kind : std::uint8_t { kHello = 1, kAnswer, kFinish, kClosed };
using Nonce = std::array<std::uint8_t, 16>;
using Proof = std::array<std::uint8_t, 16>;

class ScriptedDtls final : public ports::DtlsSession {
 public:
  ScriptedDtls(ports::DtlsRole role, const ports::Fingerprint& own, const ports::Fingerprint& expected,
               const Nonce& nonce)
      : client_(role == ports::DtlsRole::kClient), own_(own), expected_(expected), nonce_(nonce) {}

  void Start(Instant now) override {
    if (!client_) return;
    SendHello(Kind::kHello);
    Arm(now);
  }

  void HandleDatagram(ByteView datagram, Instant now) override {
    if (datagram.size() < kRecord.size() + 1 ||
        !std::equal(kRecord.begin(), kRecord.end(), datagram.begin())) {
      return;
    }
    const auto kind = static_cast<Kind>(datagram[kRecord.size()]);
    const ByteView body = datagram.subspan(kRecord.size() + 1);
    switch (kind) {
      case Kind::kHello:
      case Kind::kAnswer: return HandleHello(kind, body, now);
      case Kind::kFinish:
        if (!client_ && has_peer_ && state_ == ports::DtlsState::kHandshaking && Proves(kind, body))
          Connect();
        return;
      case Kind::kClosed:
        if (state_ == ports::DtlsState::kConnected && Proves(kind, body)) state_ = ports::DtlsState::kClosed;
        return;
    }
  }

  void HandleTimeout(Instant now) override {
    if (!repeat_at_ || now < *repeat_at_) return;
    SendHello(client_ ? Kind::kHello : Kind::kAnswer);
    repeat_ = std::min<Duration>(repeat_ * 2, ScriptedDtlsFactory::kLongestRepeat);
    repeat_at_ = now + repeat_;
  }
  std::optional<Instant> NextTimeout() const override { return repeat_at_; }

  std::optional<ByteVector> PollDatagram() override {
    if (out_.empty()) return std::nullopt;
    ByteVector first = std::move(out_.front());
    out_.pop_front();
    return first;
  }
  ports::DtlsState state() const override { return state_; }

  Result<ports::DtlsSrtpKeys> ExportKeys() override {
    ports::DtlsSrtpKeys keys;
    Secrets(client_ ? 2 : 1).Fill(keys.inbound.key_and_salt.RevealForWriting());
    Secrets(client_ ? 1 : 2).Fill(keys.outbound.key_and_salt.RevealForWriting());
    keys.peer = expected_;
    return keys;
  }
  void Close() override {
    if (state_ == ports::DtlsState::kConnected) SendProof(Kind::kClosed);
  }

 private:
  void HandleHello(Kind kind, ByteView body, Instant now) {
    if (body.size() != own_.size() + nonce_.size() || client_ != (kind == Kind::kAnswer)) return;
    if (state_ == ports::DtlsState::kHandshaking) {
      if (!std::equal(expected_.begin(), expected_.end(), body.begin())) {
        state_ = ports::DtlsState::kFailed;
        repeat_at_.reset();
        return;
      }
      std::copy_n(body.last(nonce_.size()).begin(), nonce_.size(), peer_nonce_.begin());
      has_peer_ = true;
    } else if (!std::equal(peer_nonce_.begin(), peer_nonce_.end(), body.last(nonce_.size()).begin())) {
      return;
    }
    if (client_) {
      SendProof(Kind::kFinish);
      if (state_ == ports::DtlsState::kHandshaking) Connect();
    } else if (state_ == ports::DtlsState::kHandshaking) {
      SendHello(Kind::kAnswer);
      Arm(now);
    }
  }
  void Connect() {
    state_ = ports::DtlsState::kConnected;
    repeat_at_.reset();
  }
  void Arm(Instant now) { repeat_at_ = now + repeat_; }

  // Of client and server, in this order whoever asks; `purpose` keeps keys and proofs apart.
  [[nodiscard]] Mixing Secrets(std::uint64_t purpose) const {
    Mixing mixing(purpose);
    mixing.Add(ByteView(client_ ? own_ : expected_)).Add(ByteView(client_ ? expected_ : own_));
    mixing.Add(ByteView(client_ ? nonce_ : peer_nonce_)).Add(ByteView(client_ ? peer_nonce_ : nonce_));
    return mixing;
  }
  [[nodiscard]] Proof ProofOf(Kind kind) const {
    return Secrets(100 + static_cast<std::uint64_t>(kind)).Bytes<16>();
  }
  [[nodiscard]] bool Proves(Kind kind, ByteView body) const {
    const Proof proof = ProofOf(kind);
    return std::equal(proof.begin(), proof.end(), body.begin(), body.end());
  }
  ByteVector& Begin(Kind kind) {
    ByteVector& message = out_.emplace_back(kRecord.begin(), kRecord.end());
    message.push_back(static_cast<std::uint8_t>(kind));
    return message;
  }
  void SendHello(Kind kind) {
    ByteVector& message = Begin(kind);
    message.insert(message.end(), own_.begin(), own_.end());
    message.insert(message.end(), nonce_.begin(), nonce_.end());
  }
  void SendProof(Kind kind) {
    const Proof proof = ProofOf(kind);
    ByteVector& message = Begin(kind);
    message.insert(message.end(), proof.begin(), proof.end());
  }

  bool client_;
  ports::Fingerprint own_;
  ports::Fingerprint expected_;
  Nonce nonce_;
  Nonce peer_nonce_{};
  bool has_peer_ = false;
  ports::DtlsState state_ = ports::DtlsState::kHandshaking;
  std::deque<ByteVector> out_;
  Duration repeat_ = ScriptedDtlsFactory::kRepeat;
  std::optional<Instant> repeat_at_;
};

}  // namespace

Result<std::unique_ptr<ports::DtlsSession>> ScriptedDtlsFactory::Make(
    ports::DtlsRole role, const ports::Fingerprint& expected_peer) {
  Nonce nonce{};
  entropy_.Fill(nonce);
  return std::make_unique<ScriptedDtls>(role, fingerprint_, expected_peer, nonce);
}

}  // namespace latchkey::sim
