#include "platform/crypto/dtls.h"

#include <openssl/err.h>
#include <openssl/srtp.h>

#include <array>
#include <string>
#include <utility>

#include "daemon/base/check.h"
#include "platform/crypto/certificate.h"
#include "platform/crypto/dtls_session.h"
#include "platform/crypto/key_file.h"
#include "platform/crypto/openssl_ptr.h"

namespace latchkey::platform {
namespace {

// In the hub's order of preference, which a server follows (RFC 5764 4.1.1 leaves it to the server).
constexpr const char* kSrtpProfiles = "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80";
// Forward secrecy and AEAD only. Our certificate is ECDSA; a camera that is DTLS server may have RSA.
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES256-GCM-SHA384";
// A peer's certificate message; a self-signed one has 300 bytes to 2 kB.
constexpr long kMaxCertificateMessage = 16L * 1024;

const char* ProfileName(ports::SrtpProfile profile) {
  switch (profile) {
    case ports::SrtpProfile::kAes128CmHmacSha1_80: return "SRTP_AES128_CM_SHA1_80";
    case ports::SrtpProfile::kAeadAes128Gcm: return "SRTP_AEAD_AES_128_GCM";
    case ports::SrtpProfile::kAeadAes256Gcm: return "SRTP_AEAD_AES_256_GCM";
  }
  return "";
}

bool ApplyPolicy(SSL_CTX* context) {
  (void)SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                         SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  (void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  (void)SSL_CTX_set_max_cert_list(context, kMaxCertificateMessage);
  // Nothing is ever sent but handshakes and alerts: a write buffer of 16 kB per session would lie idle.
  (void)SSL_CTX_set_max_send_fragment(context, static_cast<long>(kDtlsMtu));
  SSL_CTX_set_security_level(context, 2);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(context, &OpenSslDtlsSession::VerifyPeer, nullptr);
  std::array groups{NID_X25519, NID_X9_62_prime256v1, NID_secp384r1};
  return SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) == 1 &&
         SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(context, kCiphers) == 1 &&
         SSL_CTX_set1_groups(context, groups.data(), static_cast<long>(groups.size())) == 1 &&
         SSL_CTX_set_tlsext_use_srtp(context, kSrtpProfiles) == 0;  // 0 is its success
}

}  // namespace

struct OpenSslDtlsFactory::Impl {
  BioMethodPtr method = DtlsTransport::MakeMethod();
  SslContextPtr context{SSL_CTX_new(DTLS_method())};
  ports::Fingerprint fingerprint{};
  ports::PublicKeyDigest public_key{};
};

Result<std::unique_ptr<OpenSslDtlsFactory>> OpenSslDtlsFactory::Create(ports::Entropy& entropy) {
  auto identity = MakeIdentity(entropy);
  if (!identity) return tl::unexpected<Error>(identity.error());
  return CreateAs(*identity);
}

Result<std::unique_ptr<OpenSslDtlsFactory>> OpenSslDtlsFactory::CreateKept(const std::string& key_file,
                                                                           ports::Entropy& entropy) {
  auto key = LoadOrMakeKey(key_file);
  if (!key) return tl::unexpected<Error>(key.error());
  auto identity = MakeIdentity(entropy, std::move(*key));
  if (!identity) return tl::unexpected<Error>(identity.error());
  return CreateAs(*identity);
}

Result<std::unique_ptr<OpenSslDtlsFactory>> OpenSslDtlsFactory::CreateAs(const Identity& identity) {
  auto impl = std::make_unique<Impl>();
  SSL_CTX* context = impl->context.get();
  const bool ready = context != nullptr && ApplyPolicy(context) &&
                     SSL_CTX_use_certificate(context, identity.certificate.get()) == 1 &&
                     SSL_CTX_use_PrivateKey(context, identity.key.get()) == 1;
  if (!ready) return Fail(ErrorCode::kSystem, "dtls: OpenSSL refuses the policy or the certificate");
  impl->fingerprint = FingerprintOf(identity.certificate.get());
  const auto public_key = PublicKeyOf(identity.certificate.get());
  if (!public_key) return tl::unexpected<Error>(public_key.error());
  impl->public_key = *public_key;
  return std::unique_ptr<OpenSslDtlsFactory>(new OpenSslDtlsFactory(std::move(impl)));
}

OpenSslDtlsFactory::OpenSslDtlsFactory(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OpenSslDtlsFactory::~OpenSslDtlsFactory() = default;

ports::Fingerprint OpenSslDtlsFactory::LocalFingerprint() const {
  return impl_->fingerprint;
}

const ports::PublicKeyDigest& OpenSslDtlsFactory::LocalPublicKey() const {
  return impl_->public_key;
}

Result<std::unique_ptr<ports::DtlsSession>> OpenSslDtlsFactory::Make(
    ports::DtlsRole role, const ports::Fingerprint& expected_peer) {
  ERR_clear_error();
  SslPtr ssl(SSL_new(impl_->context.get()));
  if (!ssl) return Fail(ErrorCode::kSystem, "dtls: OpenSSL can't make a session");
  return std::make_unique<OpenSslDtlsSession>(std::move(ssl), impl_->method.get(), role, expected_peer);
}

void OpenSslDtlsFactory::RestrictProfile(ports::SrtpProfile profile) {
  LATCHKEY_CHECK(SSL_CTX_set_tlsext_use_srtp(impl_->context.get(), ProfileName(profile)) == 0);
}

}  // namespace latchkey::platform
