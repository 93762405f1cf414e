// ports::Crypto and ports::Aead on OpenSSL 3 (EVP).
#pragma once

#include <memory>

#include "daemon/ports/crypto.h"

namespace latchkey::platform {

// Algorithms are fetched once, here. Failures of the library (no memory) abort: there is no going on
// without crypto.
class OpenSslCrypto final : public ports::Crypto {
 public:
  OpenSslCrypto();
  ~OpenSslCrypto() override;

  // May outlive this object.
  [[nodiscard]] std::unique_ptr<ports::Aead> MakeAes256Gcm(const Secret32& key) override;
  [[nodiscard]] ports::Sha256Digest Sha256(ByteView data) override;
  [[nodiscard]] ports::Sha1Digest HmacSha1(ByteView key, ByteView data) override;
  [[nodiscard]] ports::Sha256Digest HmacSha256(ByteView key, ByteView data) override;
  [[nodiscard]] Secret32 Hkdf(ByteView key_material, ByteView salt, std::string_view info) override;

 private:
  struct Algorithms;
  std::unique_ptr<Algorithms> algorithms_;
};

}  // namespace latchkey::platform
