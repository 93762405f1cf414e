// ports::Signer and ports::Verifier on OpenSSL 3: Ed25519 (RFC 8032).
#pragma once

#include <memory>

#include "daemon/base/result.h"
#include "daemon/base/secret.h"
#include "daemon/ports/audit.h"

namespace latchkey::platform {

class Ed25519Signer final : public ports::Signer {
 public:
  // `seed` is the private key (RFC 8032 5.1.5). kSystem when OpenSSL refuses.
  static Result<std::unique_ptr<Ed25519Signer>> Create(const Secret32& seed);
  ~Ed25519Signer() override;

  [[nodiscard]] PublicKey public_key() const override { return public_key_; }
  [[nodiscard]] ports::Signature Sign(ByteView data) override;

 private:
  struct Key;
  explicit Ed25519Signer(std::unique_ptr<Key> key);
  std::unique_ptr<Key> key_;
  PublicKey public_key_{};
};

class Ed25519Verifier final : public ports::Verifier {
 public:
  [[nodiscard]] bool Verify(const ports::Signer::PublicKey& key, ByteView data,
                            const ports::Signature& signature) override;
};

}  // namespace latchkey::platform
