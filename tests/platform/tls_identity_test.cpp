#include "platform/crypto/tls_identity.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>
#include <string>

#include "tests/support/catch.h"

namespace latchkey::platform {
namespace {

const WallTime kNow = FromUnixSeconds(1'800'000'000);

Secret32 Seed(std::uint8_t value) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(value);
  return Secret32(bytes);
}

SecretText Key(std::uint8_t seed = 7) {
  auto key = TlsKeyFromSeed(Seed(seed));
  REQUIRE(key);
  return std::move(*key);
}

// Of any kind, as PEM; with a passphrase if there is one.
SecretText OtherKey(EVP_PKEY* key, const char* passphrase = nullptr) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), &BIO_free);
  REQUIRE(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, passphrase == nullptr ? nullptr : EVP_aes_256_cbc(),
                                        nullptr, 0, nullptr, const_cast<char*>(passphrase)) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return SecretText(std::string_view(data, static_cast<std::size_t>(size)));
}

}  // namespace

TEST_CASE("tls identity: one seed makes one key, another another, and none that is no number of the curve") {
  CHECK(Key(7).Reveal() == Key(7).Reveal());
  CHECK(Key(7).Reveal() != Key(8).Reveal());
  CHECK(Key(7).Reveal().find("PRIVATE KEY") != std::string_view::npos);
  for (const std::uint8_t bad : {std::uint8_t{0}, std::uint8_t{0xff}}) {
    const auto key = TlsKeyFromSeed(Seed(bad));
    REQUIRE_FALSE(key);
    CHECK(key.error().code == ErrorCode::kCorrupt);
  }
}

TEST_CASE("tls identity: a certificate says its names, its key and its time, and fits its key alone") {
  const auto pem = MakeSelfSigned(Key(), {"hub.local", "192.0.2.1", "2001:db8::1"}, kNow);
  REQUIRE(pem);
  const auto facts = ReadCertificate(*pem);
  REQUIRE(facts);
  CHECK(facts->names == std::vector<std::string>{"hub.local", "192.0.2.1", "2001:db8::1"});
  CHECK(facts->not_before == kNow - hours(24));
  CHECK(facts->not_after == kNow + hours(24) * 396);
  const auto again = ReadCertificate(*MakeSelfSigned(Key(), {"hub.local"}, kNow));
  CHECK(again->fingerprint != facts->fingerprint);
  CHECK(again->public_key == facts->public_key);
  CHECK(ReadCertificate(*MakeSelfSigned(Key(8), {"hub.local"}, kNow))->public_key != facts->public_key);
  CHECK(CheckPair({*pem, Key()}));
  const auto other = CheckPair({*pem, Key(8)});
  CHECK(CheckPair({*pem + "\nsome words\n" + *pem, Key()}));
  std::string damaged = *pem + *pem;
  damaged[damaged.size() - 200] = '!';
  const auto broken = CheckPair({damaged, Key()});
  REQUIRE_FALSE(broken);
  CHECK(broken.error().message.find("certificate 2 in its file is damaged") != std::string::npos);
  std::string headless = *pem + *pem;
  headless.erase(pem->size(), 1);
  CHECK_FALSE(CheckPair({headless, Key()}));
  REQUIRE_FALSE(other);
  CHECK(other.error().code == ErrorCode::kConflict);
}

TEST_CASE("tls identity: what is no certificate or no plain key is told, and short keys are refused") {
  const auto pem = MakeSelfSigned(Key(), {"hub"}, kNow);
  for (const char* text : {"", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}) {
    CHECK_FALSE(ReadCertificate(text));
    CHECK_FALSE(CheckPair({text, Key()}));
    CHECK_FALSE(CheckPair({*pem, SecretText(text)}));
  }
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"),
                                                           &EVP_PKEY_free);
  const auto locked = CheckPair({*pem, OtherKey(key.get(), "sesame")});
  REQUIRE_FALSE(locked);
  CHECK(locked.error().message.find("passphrase") != std::string::npos);
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> small(
      EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{1024}), &EVP_PKEY_free);
  const SecretText short_key = OtherKey(small.get());
  const auto weak = MakeSelfSigned(short_key, {"hub"}, kNow);
  REQUIRE(weak);
  const auto refused = CheckPair({*weak, short_key.Duplicate()});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("2048") != std::string::npos);
}

TEST_CASE("tls identity: a certificate takes 1 to 32 names, and no name that would break out of its field") {
  const SecretText key = Key();
  CHECK_FALSE(MakeSelfSigned(key, {}, kNow));
  CHECK_FALSE(MakeSelfSigned(key, {"a,DNS:evil"}, kNow));
  CHECK_FALSE(MakeSelfSigned(key, {""}, kNow));
  CHECK_FALSE(MakeSelfSigned(key, std::vector<std::string>(kMaxCertifiedNames + 1, "a"), kNow));
  CHECK(MakeSelfSigned(key, {"::1", "hub"}, kNow));
}

}  // namespace latchkey::platform
