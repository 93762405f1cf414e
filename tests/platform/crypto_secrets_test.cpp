// Whoever uses a key keeps it: OpenSSL has no copy left when a call is over.
#include "platform/crypto/ed25519.h"
#include "platform/crypto/openssl_crypto.h"
#include "tests/support/catch.h"
#include "tests/support/memory_scan.h"

namespace latchkey::platform {
namespace {

// In its own memory from the first byte on.
Secret32 Made(std::uint8_t first) {
  Secret32 secret;
  std::uint8_t byte = first;
  for (std::uint8_t& place : secret.RevealForWriting())
    place = byte = static_cast<std::uint8_t>(byte * 7 + 3);
  return secret;
}

}  // namespace

TEST_CASE("crypto: a key that made an HMAC or another key is with its owner alone") {
  OpenSslCrypto crypto;
  const Secret32 key = Made(1);
  const test::Sought sought(key);
  REQUIRE(sought.Count() == 1);
  (void)crypto.HmacSha256(key.Reveal(), AsBytes("data"));
  CHECK(sought.Count() == 1);
  (void)crypto.HmacSha1(key.Reveal(), AsBytes("data"));
  CHECK(sought.Count() == 1);
  const Secret32 derived = crypto.Hkdf(key.Reveal(), AsBytes("salt"), "info");
  CHECK(sought.Count() == 1);
  CHECK(test::Sought(derived).Count() == 1);
}

TEST_CASE("ed25519: the seed of a signer is with it alone, and goes with it") {
  const Secret32 seed = Made(2);
  const test::Sought sought(seed);
  auto signer = Ed25519Signer::Create(seed);
  REQUIRE(signer);
  CHECK(sought.Count() == 2);
  (void)(*signer)->Sign(AsBytes("data"));
  CHECK(sought.Count() == 2);
  signer->reset();
  CHECK(sought.Count() == 1);
}

}  // namespace latchkey::platform
