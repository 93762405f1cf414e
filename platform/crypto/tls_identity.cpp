#include "platform/crypto/tls_identity.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <limits>
#include <memory>

#include "daemon/base/address.h"
#include "daemon/base/bytes.h"
#include "platform/crypto/certificate.h"
#include "platform/crypto/openssl_ptr.h"

namespace latchkey::platform {
namespace {

constexpr Duration kLife = hours(24) * 397;
// A clock that is a little behind must not find it "not yet valid".
constexpr Duration kBackdate = hours(24);
// RSA of 2048 bits, or better.
constexpr int kLeastSecurityBits = 112;

using ExtensionPtr = std::unique_ptr<X509_EXTENSION, OpenSslFree<&X509_EXTENSION_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, OpenSslFree<&GENERAL_NAMES_free>>;
using KeyContextPtr = std::unique_ptr<EVP_PKEY_CTX, OpenSslFree<&EVP_PKEY_CTX_free>>;

// What OpenSSL noted of a failure that is told in our words.
template <class T>
T Quietly(T result) {
  ERR_clear_error();
  return result;
}

bool AddExtension(X509* certificate, int nid, const std::string& value) {
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()));
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

bool SetTime(ASN1_TIME* time, WallTime at) {
  return ASN1_TIME_set(time, static_cast<std::time_t>(ToUnixSeconds(at))) != nullptr;
}

bool Fill(X509* certificate, EVP_PKEY* key, const std::string& alternative_names, WallTime now) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  static constexpr unsigned char kName[] = "Latchkey hub";
  return X509_set_version(certificate, X509_VERSION_3) == 1 && SetSerial(certificate) &&
         SetTime(X509_getm_notBefore(certificate), now - kBackdate) &&
         SetTime(X509_getm_notAfter(certificate), now - kBackdate + kLife) &&
         X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, kName, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, subject) == 1 && X509_set_pubkey(certificate, key) == 1 &&
         AddExtension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
         AddExtension(certificate, NID_key_usage, "critical,digitalSignature") &&
         AddExtension(certificate, NID_ext_key_usage, "serverAuth") &&
         AddExtension(certificate, NID_subject_alt_name, alternative_names) &&
         X509_sign(certificate, key, EVP_sha256()) > 0;
}

std::string_view Text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string_view(data, static_cast<std::size_t>(size)) : std::string_view();
}

BioPtr Reading(std::string_view text) {
  if (text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return nullptr;
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::size_t Count(std::string_view text, std::string_view what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size()))
    ++count;
  return count;
}

CertificatePtr ParseCertificate(std::string_view pem) {
  const BioPtr bio = Reading(pem);
  return CertificatePtr(bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr);
}

KeyPtr ParseKey(const SecretText& pem) {
  const BioPtr bio = Reading(pem.Reveal());
  // Nobody is there to type a passphrase.
  const auto no_passphrase = [](char*, int, int, void*) { return -1; };
  return KeyPtr(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr) : nullptr);
}

bool TimeOf(const ASN1_TIME* time, WallTime& out) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return false;
  // Until 2200, which fits nanoseconds since 1970; a certificate without an end has one in 9999.
  const std::time_t seconds_since = std::min(::timegm(&parts), std::time_t{7'258'118'400});
  out = FromUnixSeconds(seconds_since);
  return true;
}

std::vector<std::string> NamesOf(const X509* certificate) {
  std::vector<std::string> names;
  const NamesPtr list(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; list && i < sk_GENERAL_NAME_num(list.get()); ++i) {
    int type = 0;
    const auto* value =
        static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(list.get(), i), &type));
    if (type != GEN_DNS && type != GEN_IPADD) continue;
    const ByteView bytes(ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value)));
    if (type == GEN_DNS) {
      names.emplace_back(AsText(bytes));
    } else if (bytes.size() == 4) {
      names.push_back(IpAddress::V4({bytes[0], bytes[1], bytes[2], bytes[3]}).ToString());
    } else if (bytes.size() == 16) {
      std::array<std::uint8_t, 16> v6{};
      std::copy(bytes.begin(), bytes.end(), v6.begin());
      names.push_back(IpAddress::V6(v6).ToString());
    }
  }
  return names;
}

}  // namespace

Result<SecretText> TlsKeyFromSeed(const Secret32& seed) {
  // ECPrivateKey (RFC 5915 3) of named curve prime256v1; the public part is computed from it.
  //   SEQUENCE(49) { INTEGER 1, OCTET STRING(32) seed, [0] { OBJECT IDENTIFIER 1.2.840.10045.3.1.7 } }
  constexpr std::array<std::uint8_t, 7> kBefore{0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20};
  constexpr std::array<std::uint8_t, 12> kAfter{0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                                0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
  Secret<kBefore.size() + 32 + kAfter.size()> der;
  const auto room = der.RevealForWriting();
  auto at = std::copy(kBefore.begin(), kBefore.end(), room.begin());
  at = std::copy(seed.Reveal().begin(), seed.Reveal().end(), at);
  std::copy(kAfter.begin(), kAfter.end(), at);
  const std::uint8_t* start = der.Reveal().data();
  const KeyPtr key(d2i_PrivateKey(EVP_PKEY_EC, nullptr, &start, static_cast<long>(der.Reveal().size())));
  const KeyContextPtr check(key ? EVP_PKEY_CTX_new(key.get(), nullptr) : nullptr);
  if (!check || EVP_PKEY_private_check(check.get()) != 1)
    return Quietly(Fail(ErrorCode::kCorrupt, "it is no P-256 key"));
  const BioPtr text(BIO_new(BIO_s_secmem()));
  if (!text || PEM_write_bio_PrivateKey(text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return Quietly(Fail(ErrorCode::kSystem, "OpenSSL could not write the hub's key"));
  return SecretText(Text(text.get()));
}

Result<std::string> MakeSelfSigned(const SecretText& key_pem, const std::vector<std::string>& names,
                                   WallTime now) {
  const std::string alternative_names = AlternativeNames(names);
  if (alternative_names.empty() || names.size() > kMaxCertifiedNames) {
    return Fail(ErrorCode::kInvalid, "a certificate needs 1 to 32 names without spaces, commas or colons");
  }
  const KeyPtr key = ParseKey(key_pem);
  const CertificatePtr certificate(X509_new());
  const BioPtr text(BIO_new(BIO_s_mem()));
  if (!key || !certificate || !text || !Fill(certificate.get(), key.get(), alternative_names, now) ||
      PEM_write_bio_X509(text.get(), certificate.get()) != 1) {
    return Quietly(Fail(ErrorCode::kSystem, "OpenSSL could not make the hub's certificate"));
  }
  return std::string(Text(text.get()));
}

Result<CertificateFacts> ReadCertificate(std::string_view pem) {
  const CertificatePtr certificate = ParseCertificate(pem);
  CertificateFacts facts;
  if (!certificate || !TimeOf(X509_get0_notBefore(certificate.get()), facts.not_before) ||
      !TimeOf(X509_get0_notAfter(certificate.get()), facts.not_after)) {
    return Quietly(Fail(ErrorCode::kCorrupt, "there is no certificate in it (PEM: BEGIN CERTIFICATE)"));
  }
  const auto public_key = PublicKeyOf(certificate.get());
  if (!public_key) return tl::unexpected(public_key.error());
  facts.fingerprint = FingerprintOf(certificate.get());
  facts.public_key = *public_key;
  facts.names = NamesOf(certificate.get());
  return Quietly(std::move(facts));
}

Status CheckPair(const TlsIdentity& identity) {
  const BioPtr chain = Reading(identity.certificate_pem);
  const CertificatePtr certificate(chain ? PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)
                                         : nullptr);
  if (!certificate)
    return Quietly(Fail(ErrorCode::kCorrupt, "there is no certificate in it (PEM: BEGIN CERTIFICATE)"));
  std::size_t read = 1;
  while (CertificatePtr(PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr))) ++read;
  // What has lost its first line is taken for words between two certificates.
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE ||
      read != Count(identity.certificate_pem, "-----END CERTIFICATE")) {
    return Quietly(Fail(ErrorCode::kCorrupt, "certificate " + std::to_string(read + 1) +
                                                 " in its file is damaged: put the whole chain there again"));
  }
  const KeyPtr key = ParseKey(identity.key_pem);
  if (!key) {
    return Quietly(Fail(ErrorCode::kCorrupt,
                        "there is no private key without a passphrase in it (PEM: BEGIN PRIVATE KEY)"));
  }
  if (X509_check_private_key(certificate.get(), key.get()) != 1)
    return Quietly(Fail(ErrorCode::kConflict, "the key is not this certificate's"));
  if (EVP_PKEY_get_security_bits(key.get()) < kLeastSecurityBits)
    return Quietly(
        Fail(ErrorCode::kInvalid, "the key is too short for today's browsers: RSA needs 2048 bits"));
  return Quietly(Status());
}

}  // namespace latchkey::platform
