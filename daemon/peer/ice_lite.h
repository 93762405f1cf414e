// The lite side of ICE for one session (RFC 8445 2.5, RFC 8839): it answers Binding requests, learns from
// where they come, follows the peer's nomination, and tells whether the peer still consents. Sans-IO: bytes
// and time in, a reply and news out. It never sends a check of its own.
//
//   request verifies -> pair is valid (DTLS may use it) -> USE-CANDIDATE -> pair is selected (media goes
//   there) -> nothing for 15 s: consent is gone (RFC 7675 5.1), nothing more may be sent
//
// Before MESSAGE-INTEGRITY verifies nothing changes and nothing is answered (DESIGN invariant 12).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/address.h"
#include "daemon/base/bytes.h"
#include "daemon/base/counters.h"
#include "daemon/base/time.h"
#include "daemon/ports/crypto.h"
#include "daemon/ports/entropy.h"
#include "daemon/wire/stun.h"

namespace latchkey::peer {

// A session keeps this many pairs. At the limit a new one replaces the pair that was silent longest, never
// the selected.
constexpr std::size_t kMaxPairs = 16;
// Transactions remembered against replays. An older request that comes again counts as new: whoever recorded
// and replays it gets a short reply and one of the pairs, but moves no media (see selected()).
constexpr std::size_t kRememberedTransactions = 256;
// RFC 7675 5.1: 30 s at most; peers check every 5 s at the slowest, so 15 s are three lost in a row.
constexpr Duration kConsentLife = seconds(15);
// Once authentic media came, checks alone keep consent no longer than this: they could be recorded ones.
// Every peer that sent RTCP goes on sending it, some every 5 s (RFC 3550 6.2).
constexpr Duration kMediaLife = seconds(60);

struct IceCredentials {
  std::string ufrag;     // 8 ice-chars: 48 bits
  std::string password;  // 24 ice-chars: 144 bits (RFC 8839 5.4 asks for 128)
  friend bool operator==(const IceCredentials&, const IceCredentials&) = default;
};
IceCredentials MakeIceCredentials(ports::Entropy& entropy);

// The two ends of a path: which of our addresses, which of theirs.
struct IcePair {
  SocketAddress local;
  SocketAddress remote;
  friend bool operator==(const IcePair&, const IcePair&) = default;
};

// Our fragment in a Binding request's USERNAME, to find the session by; nothing for any other datagram. Not
// verified.
std::optional<std::string_view> IceLocalFragment(const wire::StunMessage& message);

class IceLite {
 public:
  // `crypto` outlives this. Consent begins to run at `now`, so that a peer that never checks expires too.
  IceLite(IceCredentials local, ports::Crypto& crypto, Instant now);

  struct Outcome {
    DropReason reason = DropReason::kNone;  // anything else: nothing changed, nothing is to be sent
    ByteVector reply;                       // to `from`, leaving by `to`; empty exactly when dropped
    bool proved = false;  // by a check that is not known yet, nor refused: the pair is the peer's
  };
  // `message` is ParseStun() of the datagram that came `from` there `to` us. Drops: kStunUnauthenticated,
  // kStunMalformed (not a request), kDuplicate (a known transaction from another place).
  Outcome HandleBindingRequest(const wire::StunMessage& message, const SocketAddress& from,
                               const SocketAddress& to, Instant now);

  // DTLS is taken from, and answered to, any valid pair (browsers begin before they nominate).
  [[nodiscard]] bool IsValid(const IcePair& pair) const { return IndexOf(pair).has_value(); }
  // DTLS came by this pair: while none is nominated, ours goes back there. No effect on a pair that isn't
  // valid.
  void NoteDtls(const IcePair& pair);
  // Where to send: the nominated pair; before that the one DTLS came by, or the one valid longest. From a
  // nominated pair that authentic media came by, another nomination alone doesn't move it: a check covers no
  // addresses, so a recorded one may come from anywhere. Authentic media from there does, which has a replay
  // window; a browser's first report does it.
  [[nodiscard]] std::optional<IcePair> selected() const;
  [[nodiscard]] bool nominated() const { return nominated_.has_value(); }
  // Media is taken from the nominated pair alone, or from those nominated since that wait for this proof,
  // under consent (DESIGN 4d).
  [[nodiscard]] bool TakesMediaFrom(const IcePair& pair, Instant now) const;

  // An authentic SRTP or SRTCP packet, which was no replay, came by this pair. By the nominated pair: proof
  // of the same worth as a check, for peers that check only at the start (FFmpeg 8.0). By one nominated
  // since: it is the nominated one from now on.
  void NoteAuthenticMedia(const IcePair& pair, Instant now);
  // No check, and no authentic media, for kConsentLife by the nominated pair (by any while none is), or no
  // media any more for kMediaLife: stop sending, end the session.
  [[nodiscard]] bool ConsentExpired(Instant now) const { return now >= ConsentDeadline(); }
  [[nodiscard]] Instant ConsentDeadline() const;

  // New credentials for an answer; the old ones work until the first authentic check on the new ones, and the
  // old pairs until a new one is nominated (RFC 8445 9).
  void Restart(IceCredentials fresh);
  // Is `fragment` one of ours, now or until the restart is through?
  [[nodiscard]] bool Owns(std::string_view fragment) const;
  [[nodiscard]] const IceCredentials& local() const { return local_; }

  [[nodiscard]] bool IsConsistent() const;

 private:
  struct Entry {
    IcePair pair;
    Instant last_check;
    std::uint32_t generation = 0;         // the generation_ of its last check
    std::optional<Instant> nominated_at;  // its last nomination, until another pair follows a later one
  };
  struct Transaction {
    wire::StunTransactionId id;
    std::uint64_t place =
        0;  // hash of the pair: a crafted collision buys a second reply and no change of state
  };

  [[nodiscard]] std::optional<std::size_t> IndexOf(const IcePair& pair) const;
  const IceCredentials* Authenticate(const wire::StunMessage& message);
  Outcome Accept(const wire::StunMessage& message, const IcePair& pair, const IceCredentials& used,
                 Instant now);
  Entry& LearnPair(const IcePair& pair, Instant now);
  void MoveTo(const Entry& to);
  [[nodiscard]] bool NeedsProof(Instant now) const;
  void FinishRestart();
  void Remember(const Transaction& transaction);
  [[nodiscard]] const Transaction* Remembered(const wire::StunTransactionId& id) const;
  ByteVector Reply(const wire::StunMessage& message, const SocketAddress& from, const IceCredentials& used);
  ByteVector Refuse(const wire::StunMessage& message, wire::StunErrorCode code, const IceCredentials& used);

  ports::Crypto* crypto_;  // never null; a pointer, so that the agent can be assigned
  IceCredentials local_;
  std::optional<IceCredentials> previous_;  // between Restart() and the first check on the new ones
  std::uint32_t generation_ = 0;            // counts finished restarts
  std::vector<Entry> pairs_;                // at most kMaxPairs
  std::optional<IcePair> nominated_;        // always among pairs_
  std::optional<Instant> last_media_;       // authentic, by the nominated pair
  std::optional<IcePair> dtls_;             // always among pairs_
  std::vector<Transaction> transactions_;   // a ring of kRememberedTransactions
  std::size_t next_transaction_ = 0;
  Instant last_heard_;
};

}  // namespace latchkey::peer
