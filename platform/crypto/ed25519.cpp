#include "platform/crypto/ed25519.h"

#include "daemon/base/check.h"
#include "platform/crypto/openssl_ptr.h"

namespace latchkey::platform {
namespace {

using SignPtr = std::unique_ptr<EVP_MD_CTX, OpenSslFree<&EVP_MD_CTX_free>>;

KeyPtr PrivateKey(const Secret32& seed) {
  return KeyPtr(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.Reveal().data(), seed.Reveal().size()));
}

}  // namespace

Result<std::unique_ptr<Ed25519Signer>> Ed25519Signer::Create(const Secret32& seed) {
  const KeyPtr key = PrivateKey(seed);
  std::unique_ptr<Ed25519Signer> signer(new Ed25519Signer(seed.Duplicate()));
  std::size_t size = signer->public_key_.size();
  if (!key || EVP_PKEY_get_raw_public_key(key.get(), signer->public_key_.data(), &size) != 1)
    return Fail(ErrorCode::kSystem, "OpenSSL can't make an Ed25519 key");
  return signer;
}

ports::Signature Ed25519Signer::Sign(ByteView data) {
  ports::Signature signature{};
  std::size_t size = signature.size();
  const KeyPtr key = PrivateKey(seed_);
  const SignPtr context(EVP_MD_CTX_new());
  LATCHKEY_CHECK(key != nullptr && context != nullptr &&
                 EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
                 EVP_DigestSign(context.get(), signature.data(), &size, data.data(), data.size()) == 1 &&
                 size == signature.size());
  return signature;
}

bool Ed25519Verifier::Verify(const ports::Signer::PublicKey& key, ByteView data,
                             const ports::Signature& signature) {
  const KeyPtr public_key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  const SignPtr context(EVP_MD_CTX_new());
  return public_key && context &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, public_key.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), data.data(), data.size()) == 1;
}

}  // namespace latchkey::platform
