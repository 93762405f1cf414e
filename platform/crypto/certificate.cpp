#include "platform/crypto/certificate.h"

#include <openssl/ec.h>

#include <array>
#include <utility>

#include "daemon/base/check.h"

namespace latchkey::platform {
namespace {

constexpr long kDay = 24L * 60 * 60;
constexpr long kValidDays = 30;

bool SetNames(X509* certificate) {
  static constexpr std::array<unsigned char, 8> kName{'l', 'a', 't', 'c', 'h', 'k', 'e', 'y'};
  X509_NAME* name = X509_get_subject_name(certificate);
  return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, kName.data(), static_cast<int>(kName.size()),
                                    -1, 0) == 1 &&
         X509_set_issuer_name(certificate, name) == 1;
}

bool SetSerial(X509* certificate, ports::Entropy& entropy) {
  std::array<std::uint8_t, 8> bytes{};
  entropy.Fill(bytes);
  bytes[0] = static_cast<std::uint8_t>((bytes[0] & 0x3fU) | 0x40U);  // positive and of full length
  const std::uint64_t serial = ByteReader(bytes).U64();
  return ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) == 1;
}

}  // namespace

Result<Identity> MakeIdentity(ports::Entropy& entropy, KeyPtr key) {
  if (!key) key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  Identity identity{std::move(key), CertificatePtr(X509_new())};
  X509* certificate = identity.certificate.get();
  const bool made = identity.key && certificate != nullptr &&
                    X509_set_version(certificate, X509_VERSION_3) == 1 && SetSerial(certificate, entropy) &&
                    SetNames(certificate) &&
                    X509_gmtime_adj(X509_getm_notBefore(certificate), -kDay) != nullptr &&
                    X509_gmtime_adj(X509_getm_notAfter(certificate), kValidDays * kDay) != nullptr &&
                    X509_set_pubkey(certificate, identity.key.get()) == 1 &&
                    X509_sign(certificate, identity.key.get(), EVP_sha256()) > 0;
  if (!made) return Fail(ErrorCode::kSystem, "dtls: OpenSSL can't make a P-256 certificate");
  return identity;
}

ports::Fingerprint FingerprintOf(const X509* certificate) {
  ports::Fingerprint out{};
  unsigned size = 0;
  LATCHKEY_CHECK(X509_digest(certificate, EVP_sha256(), out.data(), &size) == 1 && size == out.size());
  return out;
}

Result<ports::PublicKeyDigest> PublicKeyOf(const X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) return Fail(ErrorCode::kSystem, "dtls: OpenSSL can't write the peer's public key");
  ports::PublicKeyDigest out{};
  unsigned written = 0;
  const int done =
      EVP_Digest(der, static_cast<std::size_t>(size), out.data(), &written, EVP_sha256(), nullptr);
  OPENSSL_free(der);
  LATCHKEY_CHECK(done == 1 && written == out.size());
  return out;
}

}  // namespace latchkey::platform
