// One DTLS association. Private to platform/crypto; made by OpenSslDtlsFactory.
#pragma once

#include "platform/crypto/dtls.h"
#include "platform/crypto/dtls_transport.h"
#include "platform/crypto/openssl_ptr.h"

namespace latchkey::platform {

class OpenSslDtlsSession final : public ports::DtlsSession {
 public:
  // `ssl` is fresh, of the factory's context.
  OpenSslDtlsSession(SslPtr ssl, const BIO_METHOD* method, ports::DtlsRole role,
                     const ports::Fingerprint& expected_peer);

  void Start(Instant now) override;
  void HandleDatagram(ByteView datagram, Instant now) override;
  void HandleTimeout(Instant now) override;
  [[nodiscard]] std::optional<Instant> NextTimeout() const override;
  [[nodiscard]] std::optional<ByteVector> PollDatagram() override { return transport_.Poll(); }
  [[nodiscard]] ports::DtlsState state() const override { return state_; }
  [[nodiscard]] Result<ports::DtlsSrtpKeys> ExportKeys() override;
  void Close() override;

  // For SSL_CTX_set_cert_verify_callback: the fingerprint decides, not a chain.
  static int VerifyPeer(X509_STORE_CTX* store, void* unused);

 private:
  void Handshake();
  void ReadAndForget();
  [[nodiscard]] bool PeerIsAcceptable() const;
  void NoteTime(Instant now);
  void UpdateTimeout(Instant now);

  DtlsTransport transport_;  // before ssl_, whose BIO points to it
  SslPtr ssl_;
  ports::DtlsRole role_;
  ports::Fingerprint expected_peer_;
  ports::DtlsState state_ = ports::DtlsState::kHandshaking;
  bool exported_ = false;
  std::optional<Instant> deadline_;
  std::optional<Instant> retransmit_;
};

}  // namespace latchkey::platform
