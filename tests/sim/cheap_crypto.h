// ports::Crypto without cryptography, for the speed of the simulation: everything is a keyed checksum
// (mixing.h). What must fail with the real one (wrong key, nonce, additional data, a changed bit) fails here.
#pragma once

#include "daemon/ports/crypto.h"

namespace latchkey::sim {

class CheapCrypto final : public ports::Crypto {
 public:
  [[nodiscard]] std::unique_ptr<ports::Aead> MakeAes256Gcm(const Secret32& key) override;
  [[nodiscard]] ports::Sha256Digest Sha256(ByteView data) override;
  [[nodiscard]] ports::Sha1Digest HmacSha1(ByteView key, ByteView data) override;
  [[nodiscard]] ports::Sha256Digest HmacSha256(ByteView key, ByteView data) override;
  [[nodiscard]] Secret32 Hkdf(ByteView key_material, ByteView salt, std::string_view info) override;
};

}  // namespace latchkey::sim
