// DTLS 1.2 with the use_srtp extension (RFC 6347, RFC 5764), over datagrams that the caller carries.
// Implemented with OpenSSL memory BIOs in platform/crypto; OpenSSL's timer reads the wall clock, so the
// simulation scripts this port instead.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "daemon/base/bytes.h"
#include "daemon/base/result.h"
#include "daemon/base/time.h"
#include "daemon/ports/srtp.h"

namespace latchkey::ports {

// SHA-256 of a certificate in DER (RFC 8122 5).
using Fingerprint = std::array<std::uint8_t, 32>;
// SHA-256 of a public key (SubjectPublicKeyInfo in DER, RFC 5280 4.1): what stays when a certificate is made
// anew for the same key.
using PublicKeyDigest = std::array<std::uint8_t, 32>;

enum class DtlsRole : std::uint8_t { kServer, kClient };
enum class DtlsState : std::uint8_t {
  kHandshaking,
  kConnected,  // keys can be exported; the peer's certificate had the expected fingerprint
  kFailed,     // before the handshake ended; after it a bad record changes nothing
  kClosed      // the peer sent close_notify
};

struct DtlsSrtpKeys {
  SrtpKey inbound;         // what the peer protects with
  SrtpKey outbound;        // what we protect with
  PublicKeyDigest peer{};  // whose certificate the peer proved to hold
};

class DtlsSession {
 public:
  DtlsSession() = default;
  DtlsSession(const DtlsSession&) = delete;
  DtlsSession& operator=(const DtlsSession&) = delete;
  virtual ~DtlsSession() = default;

  // A client sends its ClientHello now. A server does nothing.
  virtual void Start(Instant now) = 0;
  // One datagram from the validated peer. Never fails: a bad one is ignored or, during the handshake,
  // may end it (state()).
  virtual void HandleDatagram(ByteView datagram, Instant now) = 0;
  // To be called at NextTimeout(), for retransmissions of flights.
  virtual void HandleTimeout(Instant now) = 0;
  [[nodiscard]] virtual std::optional<Instant> NextTimeout() const = 0;
  // Datagrams to send, oldest first; nothing when drained. At most 1200 bytes each.
  [[nodiscard]] virtual std::optional<ByteVector> PollDatagram() = 0;
  [[nodiscard]] virtual DtlsState state() const = 0;
  // Only when kConnected, once.
  [[nodiscard]] virtual Result<DtlsSrtpKeys> ExportKeys() = 0;
  // Sends close_notify when connected.
  virtual void Close() = 0;
};

class DtlsFactory {
 public:
  DtlsFactory() = default;
  DtlsFactory(const DtlsFactory&) = delete;
  DtlsFactory& operator=(const DtlsFactory&) = delete;
  virtual ~DtlsFactory() = default;

  // The fingerprint of this process's own certificate: ECDSA P-256, self-signed, made at start.
  [[nodiscard]] virtual Fingerprint LocalFingerprint() const = 0;
  // The handshake fails unless the peer shows a certificate with `expected_peer`, an SRTP profile of
  // the closed list (AEAD_AES_128_GCM preferred) and extended master secret (RFC 7627).
  [[nodiscard]] virtual Result<std::unique_ptr<DtlsSession>> Make(DtlsRole role,
                                                                  const Fingerprint& expected_peer) = 0;
};

}  // namespace latchkey::ports
