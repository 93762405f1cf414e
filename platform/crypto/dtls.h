// ports::DtlsFactory on OpenSSL 3: DTLS 1.2 with use_srtp over datagrams in memory.
#pragma once

#include <memory>
#include <string>

#include "daemon/base/result.h"
#include "daemon/ports/dtls.h"
#include "daemon/ports/entropy.h"

namespace latchkey::platform {

// Largest datagram that a session sends, in bytes.
constexpr std::size_t kDtlsMtu = 1200;
// A handshake that isn't done this long after Start() (or after the first datagram) has failed.
constexpr Duration kDtlsHandshakeLimit = seconds{30};
// First wait for an answer to a flight; doubles up to the longest. RFC 6347 4.2.4.1 suggests 1 s for the
// internet and allows less where the round trip is known to be short: a LAN's is.
constexpr Duration kDtlsFirstRetransmit = milliseconds{100};
constexpr Duration kDtlsLongestRetransmit = seconds{3};

// Policy, for both roles: DTLS 1.2 and later only; ECDHE with AEAD ciphers; extended master secret
// required (RFC 7627); SRTP profiles AEAD_AES_128_GCM, AEAD_AES_256_GCM, AES128_CM_SHA1_80 in the hub's
// order of preference; no renegotiation, no resumption, no tickets, no compression. The peer's
// certificate may be self-signed, its SHA-256 must be the expected one, and a server asks for it too.
// After the handshake no datagram can end the session but the peer's own authenticated alert.
class OpenSslDtlsFactory final : public ports::DtlsFactory {
 public:
  // Makes the key and the certificate: ECDSA P-256, CN "latchkey", 30 days, random serial.
  static Result<std::unique_ptr<OpenSslDtlsFactory>> Create(ports::Entropy& entropy);
  // The same with a key that is kept in a file, and made there at first: what a peer can pin.
  static Result<std::unique_ptr<OpenSslDtlsFactory>> CreateKept(const std::string& key_file,
                                                                ports::Entropy& entropy);
  ~OpenSslDtlsFactory() override;

  [[nodiscard]] ports::Fingerprint LocalFingerprint() const override;
  // SHA-256 of the own certificate's public key (SubjectPublicKeyInfo): what a hub pins.
  [[nodiscard]] const ports::PublicKeyDigest& LocalPublicKey() const;
  // A session may not outlive the factory.
  [[nodiscard]] Result<std::unique_ptr<ports::DtlsSession>> Make(
      ports::DtlsRole role, const ports::Fingerprint& expected_peer) override;
  // For tests and tools: only this profile is offered and accepted by sessions made from now on.
  void RestrictProfile(ports::SrtpProfile profile);

 private:
  struct Impl;
  static Result<std::unique_ptr<OpenSslDtlsFactory>> CreateAs(const struct Identity& identity);
  explicit OpenSslDtlsFactory(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey::platform
