// One peer's transport: ICE-lite finds the path, DTLS proves who is there and yields the SRTP keys. The same
// for a camera and for a viewer. Sans-IO: datagrams and time in, datagrams appended to a batch.
//
// A camera whose keys came with its offer (SDES) has no DTLS: it is connected with its first authentic check.
// One whose keys were enrolled has no ICE either: it is connected from the start, by a PinnedPath.
//
//   kConnecting --(keys)--> kConnected
//        |                      |
//        v                      v
//   kHandshakeFailed,       kConsentExpired,   No way back from any of these: whoever owns the transport
//   kHandshakeTimeout,      kClosed            ends the session. A bad datagram never leads there, save
//   kConsentExpired                            one that ends a handshake of its own validated pair.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "daemon/base/counters.h"
#include "daemon/base/datagram.h"
#include "daemon/base/result.h"
#include "daemon/base/time.h"
#include "daemon/peer/ice_lite.h"
#include "daemon/peer/media_plan.h"
#include "daemon/peer/pinned_path.h"
#include "daemon/ports/crypto.h"
#include "daemon/ports/dtls.h"
#include "daemon/ports/entropy.h"
#include "daemon/ports/srtp.h"
#include "daemon/wire/stun.h"

namespace latchkey::peer {

enum class TransportState : std::uint8_t {
  kConnecting,
  kConnected,
  kHandshakeFailed,
  kHandshakeTimeout,
  kConsentExpired,
  kClosed,
  kCount
};

// What a session needs of the world; all of it outlives the session.
struct SessionPorts {
  ports::Crypto& crypto;
  ports::Entropy& entropy;
  ports::DtlsFactory& dtls;
  ports::SrtpFactory& srtp;
};

// Keys that stood in an offer and its answer (RFC 4568).
struct SdesKeys {
  ports::SrtpKey inbound;   // what the peer protects with
  ports::SrtpKey outbound;  // what we protect with
};

class Transport {
 public:
  // From the first authenticated check to the keys. A peer that sends nothing at all meets kConsentLife.
  static constexpr Duration kHandshakeLimit = seconds{10};

  // kSystem when DTLS can't be set up.
  static Result<Transport> Make(const TransportPlan& plan, IceCredentials local, const SessionPorts& ports,
                                Instant now);
  // Without DTLS: who is there is proved by the keys, which came otherwise.
  static Transport MakeKeyed(IceCredentials local, const SessionPorts& ports, Instant now);
  // Without ICE as well.
  static Transport MakePinned();
  // The handshake's end waits for Admit(): a peer of a server doesn't learn before that it is connected, and
  // so sends nothing that nobody could open yet.
  void AwaitAdmission() { awaits_admission_ = true; }
  void Admit(DatagramBatch& out);
  Transport(Transport&&) noexcept = default;
  Transport& operator=(Transport&&) noexcept = default;

  struct StunVerdict {
    DropReason reason = DropReason::kNone;
    bool proved = false;  // this 5-tuple is the peer's, by a check that is no repetition
  };
  // `message` is ParseStun() of `datagram`. Its reply is never longer than three quarters of an Ethernet
  // minimum.
  StunVerdict HandleStun(const wire::StunMessage& message, const ReceivedDatagram& datagram, Instant now,
                         DatagramBatch& out);
  // A DTLS record, from a valid pair only: kUnknownPeer otherwise.
  DropReason HandleDtls(const ReceivedDatagram& datagram, Instant now, DatagramBatch& out);
  void HandleTimeout(Instant now, DatagramBatch& out);
  // Never in the past of what HandleTimeout() has seen; nothing once the transport has ended.
  [[nodiscard]] std::optional<Instant> NextDeadline() const;

  [[nodiscard]] TransportState state() const { return state_; }
  // The keys, once: at the first call after kConnected.
  std::optional<ports::DtlsSrtpKeys> TakeKeys();
  // The certificate that DTLS insisted on: the one of the offer.
  [[nodiscard]] const ports::Fingerprint& remote_fingerprint() const { return remote_fingerprint_; }

  // A check from there was authentic: this 5-tuple may bring DTLS.
  [[nodiscard]] bool IsValid(const IcePair& pair) const { return ice_ && ice_->IsValid(pair); }
  // Whether another session's check, which may carry anybody's address, is to leave us this pair. While the
  // handshake runs, every valid one; then the path, if the handshake ended by it or authentic media came by
  // it. So a session can't hold a place for an address that it only wrote on a nomination.
  [[nodiscard]] bool Holds(const IcePair& pair, Instant now) const;
  // Where to send: nothing before the first authenticated check.
  [[nodiscard]] std::optional<IcePair> path() const { return ice_ ? ice_->selected() : pinned_.pair(); }
  // A sender with an enrolled key consents by sending: nothing is sent to it.
  [[nodiscard]] bool ConsentFresh(Instant now) const { return !ice_ || !ice_->ConsentExpired(now); }
  // No ICE: media may come from anywhere, as long as it is authentic.
  [[nodiscard]] bool pinned() const { return !ice_.has_value(); }
  // The pair that a datagram of media came by, if media may come by it now; else the path, which it is not.
  [[nodiscard]] std::optional<IcePair> MediaPath(const ReceivedDatagram& datagram, Instant now) const {
    const IcePair pair{datagram.to, datagram.from};
    const bool takes = ice_ ? ice_->TakesMediaFrom(pair, now) : pinned_.TakesMediaFrom(pair, now);
    return takes ? pair : path();
  }
  void NoteAuthenticMedia(const IcePair& pair, Instant now);
  [[nodiscard]] bool Owns(std::string_view fragment) const { return ice_ && ice_->Owns(fragment); }
  // Precondition of both: !pinned().
  [[nodiscard]] const IceCredentials& local_credentials() const { return ice_.value().local(); }
  void Restart(IceCredentials fresh) { ice_.value().Restart(std::move(fresh)); }

  // Along the path, protected; nothing where there is none.
  void SendRtcp(ByteView compound, ports::SrtpSender& sender, DatagramBatch& out) const;
  // close_notify, if there is anybody to tell. The transport has ended with this.
  void Close(DatagramBatch& out);

  [[nodiscard]] bool IsConsistent() const;

 private:
  Transport(std::optional<IceLite> ice, std::unique_ptr<ports::DtlsSession> dtls, const TransportPlan& plan);

  [[nodiscard]] bool ended() const {
    return state_ != TransportState::kConnecting && state_ != TransportState::kConnected;
  }
  // The keys are here, and nobody has said yet whether they may be used.
  [[nodiscard]] bool held() const { return awaits_admission_ && state_ == TransportState::kConnected; }
  void Drain(DatagramBatch& out);
  void Follow();

  std::optional<IceLite> ice_;                // none: pinned_ is the path
  std::unique_ptr<ports::DtlsSession> dtls_;  // null: the keys came otherwise
  PinnedPath pinned_;
  ports::DtlsRole role_;
  ports::Fingerprint remote_fingerprint_;
  TransportState state_ = TransportState::kConnecting;
  std::optional<Instant> handshake_deadline_;  // set by the first authenticated check
  bool awaits_admission_ = false;
  std::optional<IcePair> proved_;  // the handshake ended by it, or media came by it last
  std::optional<ports::DtlsSrtpKeys> keys_;
};

}  // namespace latchkey::peer
