// A small controlling ICE agent towards one lite peer, for our own tools (RFC 8445 6 and 7, RFC 7675): it
// checks the peer's candidates with USE-CANDIDATE in every check, takes the first pair that answers, and
// keeps consent fresh. Sans-IO: feed datagrams and time, drain Poll(), come back at NextDeadline().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/address.h"
#include "daemon/base/bytes.h"
#include "daemon/base/counters.h"
#include "daemon/base/time.h"
#include "daemon/peer/ice_lite.h"
#include "daemon/ports/crypto.h"
#include "daemon/ports/entropy.h"
#include "daemon/wire/stun.h"

namespace latchkey::peer {

enum class IceClientState : std::uint8_t {
  kChecking,   // no candidate has answered yet
  kConnected,  // selected() answers
  kFailed      // nobody answered in time, or consent was lost: Restart() or give up
};

class IceClient {
 public:
  struct Config {
    Duration first_retry = milliseconds(100);  // doubled for each retry of a check, up to max_retry
    Duration max_retry = milliseconds(1600);
    Duration connect_timeout = seconds(10);  // of checking without any answer
    Duration consent_interval = seconds(5);  // times 0.8..1.2 (RFC 7675 5.1)
    Duration consent_life = seconds(30);
  };
  struct Transmit {
    SocketAddress to;
    ByteVector bytes;
  };

  // `remote` and `candidates` are of the answer (at most wire::kMaxRemoteCandidates are tried). `crypto` and
  // `entropy` outlive this. No candidates: fails at connect_timeout.
  IceClient(IceCredentials local, IceCredentials remote, std::vector<SocketAddress> candidates,
            ports::Crypto& crypto, ports::Entropy& entropy, Instant now, const Config& config);

  // A STUN datagram. kStunMalformed, kStunUnauthenticated (unknown transaction, wrong place, bad integrity)
  // or kNone.
  DropReason HandleDatagram(ByteView datagram, const SocketAddress& from, Instant now);
  // What is due now, one datagram a call; nothing when drained.
  std::optional<Transmit> Poll(Instant now);
  // When to call Poll() next; nothing once failed.
  [[nodiscard]] std::optional<Instant> NextDeadline() const;

  [[nodiscard]] IceClientState state() const { return state_; }
  // The peer's address that answered first. Kept after a failure and during a restart, for media under way.
  [[nodiscard]] std::optional<SocketAddress> selected() const { return selected_; }
  // How the peer sees us (XOR-MAPPED-ADDRESS of the selected pair's last answer).
  [[nodiscard]] std::optional<SocketAddress> mapped() const { return mapped_; }
  // Measured on the last answered check that was not retried.
  [[nodiscard]] std::optional<Duration> round_trip() const { return round_trip_; }

  // Begins anew with fresh credentials on both sides (after a restart PATCH, or a changed network).
  void Restart(IceCredentials local, IceCredentials remote, std::vector<SocketAddress> candidates,
               Instant now);

 private:
  // One candidate's check under way.
  struct Check {
    SocketAddress to;
    wire::StunTransactionId transaction;
    Instant first_sent;
    Instant next_send;
    Duration retry{};
    std::uint32_t sent = 0;  // of this transaction
  };

  void BeginTransaction(Check& check, Instant due);
  void Settle(const Check& check, const wire::StunMessage& message, Instant now);
  [[nodiscard]] Instant Expiry() const;
  [[nodiscard]] ByteVector WriteCheck(const Check& check) const;
  [[nodiscard]] Duration ConsentPause();

  ports::Crypto& crypto_;
  ports::Entropy& entropy_;
  Config config_;
  IceCredentials local_;
  IceCredentials remote_;
  std::vector<Check> checks_;  // while connected exactly one: the selected pair's consent
  std::uint64_t tie_breaker_ = 0;
  IceClientState state_ = IceClientState::kChecking;
  std::optional<SocketAddress> selected_;
  std::optional<SocketAddress> mapped_;
  std::optional<Duration> round_trip_;
  Instant began_;        // of checking
  Instant last_answer_;  // while connected
};

}  // namespace latchkey::peer
