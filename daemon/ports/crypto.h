// The few primitives that the core needs by name. Implemented with OpenSSL in platform/crypto.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "daemon/base/bytes.h"
#include "daemon/base/secret.h"

namespace latchkey::ports {

constexpr std::size_t kAeadTagSize = 16;
constexpr std::size_t kAeadNonceSize = 12;
using AeadNonce = std::array<std::uint8_t, kAeadNonceSize>;
using Sha256Digest = std::array<std::uint8_t, 32>;
using Sha1Digest = std::array<std::uint8_t, 20>;

// AES-256-GCM (SP 800-38D) under one key. Not thread-safe; the context is kept between calls.
class Aead {
 public:
  Aead() = default;
  Aead(const Aead&) = delete;
  Aead& operator=(const Aead&) = delete;
  virtual ~Aead() = default;

  // Writes plaintext.size() + kAeadTagSize bytes to `out`, which must have exactly that size and may
  // begin where `plaintext` begins. A nonce is never used twice under a key: the caller counts.
  virtual void Seal(const AeadNonce& nonce, ByteView additional, ByteView plaintext, MutableByteView out) = 0;
  // Writes sealed.size() - kAeadTagSize bytes to `out` (exactly that size). False, and `out` wiped,
  // when the tag does not verify.
  [[nodiscard]] virtual bool Open(const AeadNonce& nonce, ByteView additional, ByteView sealed,
                                  MutableByteView out) = 0;
};

class Crypto {
 public:
  Crypto() = default;
  Crypto(const Crypto&) = delete;
  Crypto& operator=(const Crypto&) = delete;
  virtual ~Crypto() = default;

  [[nodiscard]] virtual std::unique_ptr<Aead> MakeAes256Gcm(const Secret32& key) = 0;
  [[nodiscard]] virtual Sha256Digest Sha256(ByteView data) = 0;
  // HMAC-SHA1, for STUN MESSAGE-INTEGRITY alone (RFC 8489 14.5).
  [[nodiscard]] virtual Sha1Digest HmacSha1(ByteView key, ByteView data) = 0;
  [[nodiscard]] virtual Sha256Digest HmacSha256(ByteView key, ByteView data) = 0;
  // HKDF with SHA-256 (RFC 5869), 32 bytes out.
  [[nodiscard]] virtual Secret32 Hkdf(ByteView key_material, ByteView salt, std::string_view info) = 0;
};

}  // namespace latchkey::ports
