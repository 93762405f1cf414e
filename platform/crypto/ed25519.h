// ports::Signer and ports::Verifier on OpenSSL 3: Ed25519 (RFC 8032).
#pragma once

#include <memory>
#include <utility>

#include "daemon/base/result.h"
#include "daemon/base/secret.h"
#include "daemon/ports/audit.h"

namespace latchkey::platform {

class Ed25519Signer final : public ports::Signer {
 public:
  // `seed` is the private key (RFC 8032 5.1.5). kSystem when OpenSSL refuses.
  static Result<std::unique_ptr<Ed25519Signer>> Create(const Secret32& seed);

  [[nodiscard]] PublicKey public_key() const override { return public_key_; }
  [[nodiscard]] ports::Signature Sign(ByteView data) override;

 private:
  explicit Ed25519Signer(Secret32 seed) : seed_(std::move(seed)) {}
  // OpenSSL has the key for as long as it signs: what it makes of one lies in ordinary memory.
  Secret32 seed_;
  PublicKey public_key_{};
};

class Ed25519Verifier final : public ports::Verifier {
 public:
  [[nodiscard]] bool Verify(const ports::Signer::PublicKey& key, ByteView data,
                            const ports::Signature& signature) override;
};

}  // namespace latchkey::platform
