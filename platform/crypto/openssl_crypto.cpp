#include "platform/crypto/openssl_crypto.h"

#include <array>
#include <cstring>

#include "daemon/base/check.h"
#include "platform/crypto/openssl_ptr.h"

namespace latchkey::platform {
namespace {

int ToInt(std::size_t size) {
  LATCHKEY_CHECK(size <= 0x7fffffff);
  return static_cast<int>(size);
}

// One key, one context per direction; a call only sets the nonce. A context per packet would cost twice
// as much (FACTS). The opening context is made at the first Open(): a sealer never has one.
class Aes256Gcm final : public ports::Aead {
 public:
  Aes256Gcm(const EVP_CIPHER* cipher, const Secret32& key)
      : cipher_(cipher), key_(key.Duplicate()), sealing_(MakeContext(true)) {}

  void Seal(const ports::AeadNonce& nonce, ByteView additional, ByteView plaintext,
            MutableByteView out) override {
    LATCHKEY_CHECK(out.size() == plaintext.size() + ports::kAeadTagSize);
    EVP_CIPHER_CTX* context = sealing_.get();
    int length = 0;
    LATCHKEY_CHECK(EVP_EncryptInit_ex2(context, nullptr, nullptr, nonce.data(), nullptr) == 1);
    if (!additional.empty()) {
      LATCHKEY_CHECK(
          EVP_EncryptUpdate(context, nullptr, &length, additional.data(), ToInt(additional.size())) == 1);
    }
    if (!plaintext.empty()) {
      LATCHKEY_CHECK(
          EVP_EncryptUpdate(context, out.data(), &length, plaintext.data(), ToInt(plaintext.size())) == 1);
      LATCHKEY_CHECK(ToInt(plaintext.size()) == length);
    }
    std::uint8_t* tag = out.data() + plaintext.size();
    LATCHKEY_CHECK(EVP_EncryptFinal_ex(context, tag, &length) == 1 && length == 0);
    LATCHKEY_CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, ToInt(ports::kAeadTagSize), tag) == 1);
  }

  bool Open(const ports::AeadNonce& nonce, ByteView additional, ByteView sealed,
            MutableByteView out) override {
    if (sealed.size() < ports::kAeadTagSize) return false;
    const std::size_t size = sealed.size() - ports::kAeadTagSize;
    LATCHKEY_CHECK(out.size() == size);
    if (!opening_) opening_ = MakeContext(false);
    EVP_CIPHER_CTX* context = opening_.get();
    int length = 0;
    // The tag is copied first: `out` may begin where `sealed` begins, and the call takes no const.
    std::array<std::uint8_t, ports::kAeadTagSize> tag{};
    std::memcpy(tag.data(), sealed.data() + size, tag.size());
    LATCHKEY_CHECK(EVP_DecryptInit_ex2(context, nullptr, nullptr, nonce.data(), nullptr) == 1);
    LATCHKEY_CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, ToInt(tag.size()), tag.data()) == 1);
    if (!additional.empty()) {
      LATCHKEY_CHECK(
          EVP_DecryptUpdate(context, nullptr, &length, additional.data(), ToInt(additional.size())) == 1);
    }
    if (size != 0)
      LATCHKEY_CHECK(EVP_DecryptUpdate(context, out.data(), &length, sealed.data(), ToInt(size)) == 1);
    std::array<std::uint8_t, ports::kAeadTagSize> rest{};
    if (EVP_DecryptFinal_ex(context, rest.data(), &length) == 1) return true;
    Wipe(out);
    return false;
  }

 private:
  CipherContextPtr MakeContext(bool seal) const {
    CipherContextPtr context(EVP_CIPHER_CTX_new());
    LATCHKEY_CHECK(context != nullptr);
    LATCHKEY_CHECK(EVP_CipherInit_ex2(context.get(), cipher_, key_.Reveal().data(), nullptr, seal ? 1 : 0,
                                      nullptr) == 1);
    return context;
  }

  const EVP_CIPHER* cipher_;
  Secret32 key_;
  CipherContextPtr sealing_;
  CipherContextPtr opening_;
};

}  // namespace

struct OpenSslCrypto::Algorithms {
  CipherPtr aes_256_gcm{EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr)};
  DigestPtr sha256{EVP_MD_fetch(nullptr, "SHA256", nullptr)};
  MacPtr hmac{EVP_MAC_fetch(nullptr, "HMAC", nullptr)};
  KdfPtr hkdf{EVP_KDF_fetch(nullptr, "HKDF", nullptr)};
  MacContextPtr hmac_sha1 = MakeHmac("SHA1");
  MacContextPtr hmac_sha256 = MakeHmac("SHA256");

  MacContextPtr MakeHmac(const char* digest) const {
    LATCHKEY_CHECK(aes_256_gcm && sha256 && hmac && hkdf);
    MacContextPtr context(EVP_MAC_CTX_new(hmac.get()));
    LATCHKEY_CHECK(context != nullptr);
    std::array<char, 8> name{};
    LATCHKEY_CHECK(std::strlen(digest) < name.size());
    std::memcpy(name.data(), digest, std::strlen(digest));
    const std::array<OSSL_PARAM, 2> params{
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0), OSSL_PARAM_construct_end()};
    LATCHKEY_CHECK(EVP_MAC_CTX_set_params(context.get(), params.data()) == 1);
    return context;
  }
};

namespace {

// The context keeps its digest between calls; each call brings its key.
template <std::size_t N>
std::array<std::uint8_t, N> Hmac(EVP_MAC_CTX* context, ByteView key, ByteView data) {
  static constexpr std::uint8_t kNone = 0;  // a null key would mean "the key of before"
  std::array<std::uint8_t, N> out{};
  std::size_t size = 0;
  LATCHKEY_CHECK(EVP_MAC_init(context, key.empty() ? &kNone : key.data(), key.size(), nullptr) == 1);
  LATCHKEY_CHECK(EVP_MAC_update(context, data.data(), data.size()) == 1);
  LATCHKEY_CHECK(EVP_MAC_final(context, out.data(), &size, out.size()) == 1 && size == N);
  // It would keep its key, too; OpenSSL wipes one that is replaced.
  LATCHKEY_CHECK(EVP_MAC_init(context, &kNone, sizeof(kNone), nullptr) == 1);
  return out;
}

OSSL_PARAM OctetParam(const char* name, ByteView bytes) {
  // The parameter is only read, but OSSL_PARAM has no const.
  return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

OpenSslCrypto::OpenSslCrypto() : algorithms_(std::make_unique<Algorithms>()) {}
OpenSslCrypto::~OpenSslCrypto() = default;

std::unique_ptr<ports::Aead> OpenSslCrypto::MakeAes256Gcm(const Secret32& key) {
  return std::make_unique<Aes256Gcm>(algorithms_->aes_256_gcm.get(), key);
}

ports::Sha256Digest OpenSslCrypto::Sha256(ByteView data) {
  ports::Sha256Digest out{};
  unsigned size = 0;
  LATCHKEY_CHECK(
      EVP_Digest(data.data(), data.size(), out.data(), &size, algorithms_->sha256.get(), nullptr) == 1);
  LATCHKEY_CHECK(size == out.size());
  return out;
}

ports::Sha1Digest OpenSslCrypto::HmacSha1(ByteView key, ByteView data) {
  return Hmac<20>(algorithms_->hmac_sha1.get(), key, data);
}

ports::Sha256Digest OpenSslCrypto::HmacSha256(ByteView key, ByteView data) {
  return Hmac<32>(algorithms_->hmac_sha256.get(), key, data);
}

Secret32 OpenSslCrypto::Hkdf(ByteView key_material, ByteView salt, std::string_view info) {
  KdfContextPtr context(EVP_KDF_CTX_new(algorithms_->hkdf.get()));
  LATCHKEY_CHECK(context != nullptr);
  std::array<char, 7> digest{'S', 'H', 'A', '2', '5', '6', '\0'};
  std::array<OSSL_PARAM, 5> params{};
  std::size_t n = 0;
  params[n++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0);
  params[n++] = OctetParam(OSSL_KDF_PARAM_KEY, key_material);
  // RFC 5869 2.2: no salt is a salt of zeros, which is what leaving it out means here.
  if (!salt.empty()) params[n++] = OctetParam(OSSL_KDF_PARAM_SALT, salt);
  if (!info.empty()) params[n++] = OctetParam(OSSL_KDF_PARAM_INFO, AsBytes(info));
  params[n] = OSSL_PARAM_construct_end();
  Secret32 out;
  LATCHKEY_CHECK(
      EVP_KDF_derive(context.get(), out.RevealForWriting().data(), Secret32::kSize, params.data()) == 1);
  return out;
}

}  // namespace latchkey::platform
