#include "platform/http/tls_identity.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <memory>

#include "daemon/base/address.h"

namespace latchkey::platform {
namespace {

constexpr long kLifeSeconds = 397L * 24 * 3600;
// A clock that is a little behind must not find it "not yet valid".
constexpr long kBackdateSeconds = 24L * 3600;

template <auto Free>
struct With {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using KeyPointer = std::unique_ptr<EVP_PKEY, With<EVP_PKEY_free>>;
using CertificatePointer = std::unique_ptr<X509, With<X509_free>>;
using BioPointer = std::unique_ptr<BIO, With<BIO_free>>;
using ExtensionPointer = std::unique_ptr<X509_EXTENSION, With<X509_EXTENSION_free>>;

bool AddExtension(X509* certificate, int nid, const std::string& value) {
  const ExtensionPointer extension(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// "DNS:hub.local,IP:192.0.2.1"; empty when a name could not stand in a certificate.
std::string AlternativeNames(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    if (name.empty() || name.find_first_of(", \t\r\n:") != std::string::npos) {
      if (!IpAddress::Parse(name)) return {};
    }
    if (!text.empty()) text += ',';
    text += (IpAddress::Parse(name) ? "IP:" : "DNS:") + name;
  }
  return text;
}

bool SetSerial(X509* certificate) {
  ASN1_INTEGER* serial = X509_get_serialNumber(certificate);
  BIGNUM* number = BN_new();
  const bool ok = number != nullptr && BN_rand(number, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
                  BN_to_ASN1_INTEGER(number, serial) != nullptr;
  BN_free(number);
  return ok;
}

bool Fill(X509* certificate, EVP_PKEY* key, const std::string& alternative_names) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  static constexpr unsigned char kName[] = "Latchkey hub";
  return X509_set_version(certificate, X509_VERSION_3) == 1 && SetSerial(certificate) &&
         X509_gmtime_adj(X509_getm_notBefore(certificate), -kBackdateSeconds) != nullptr &&
         X509_gmtime_adj(X509_getm_notAfter(certificate), kLifeSeconds - kBackdateSeconds) != nullptr &&
         X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, kName, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, subject) == 1 && X509_set_pubkey(certificate, key) == 1 &&
         AddExtension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
         AddExtension(certificate, NID_key_usage, "critical,digitalSignature") &&
         AddExtension(certificate, NID_ext_key_usage, "serverAuth") &&
         AddExtension(certificate, NID_subject_alt_name, alternative_names) &&
         X509_sign(certificate, key, EVP_sha256()) > 0;
}

std::string Text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

}  // namespace

Result<TlsIdentity> MakeSelfSignedIdentity(const std::vector<std::string>& names) {
  const std::string alternative_names = AlternativeNames(names);
  if (alternative_names.empty() || names.size() > kMaxCertifiedNames) {
    return Fail(ErrorCode::kInvalid, "a certificate needs 1 to 32 names without spaces, commas or colons");
  }
  const KeyPointer key(EVP_EC_gen("P-256"));
  const CertificatePointer certificate(X509_new());
  const BioPointer certificate_text(BIO_new(BIO_s_mem()));
  const BioPointer key_text(BIO_new(BIO_s_secmem()));
  if (!key || !certificate || !certificate_text || !key_text ||
      !Fill(certificate.get(), key.get(), alternative_names) ||
      PEM_write_bio_X509(certificate_text.get(), certificate.get()) != 1 ||
      PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return Fail(ErrorCode::kSystem, "OpenSSL could not make the hub's certificate");
  }
  return TlsIdentity{Text(certificate_text.get()), Text(key_text.get())};
}

}  // namespace latchkey::platform
