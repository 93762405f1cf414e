#include "daemon/gate/stream_key.h"

#include <algorithm>
#include <array>
#include <random>
#include <string_view>

#include "daemon/gate/weak_key.h"
#include "platform/crypto/openssl_crypto.h"
#include "tests/support/catch.h"
#include "tests/support/gate_feed.h"

namespace latchkey::gate {
namespace {

ports::Fingerprint Print(std::uint8_t fill) {
  ports::Fingerprint f{};
  f.fill(fill);
  return f;
}

bool Denied(ports::SrtpKey key, const DtlsProof& proof) {
  const auto admitted = AdmitViewerKey(std::move(key), proof);
  return !admitted && admitted.error().code == ErrorCode::kDenied;
}

TEST_CASE("stream key: a random key of the offer's own certificate is admitted") {
  const auto admitted = AdmitViewerKey(test::SomeSrtpKey(), {Print(1), Print(1)});
  REQUIRE(admitted);
  CHECK(admitted->profile() == ports::SrtpProfile::kAeadAes128Gcm);
}

TEST_CASE("stream key: another certificate than the authorised offer's is denied, one bit apart too") {
  for (std::size_t i = 0; i < 32; ++i) {
    ports::Fingerprint other = Print(1);
    other[i] ^= 0x80;
    CHECK(Denied(test::SomeSrtpKey(), {Print(1), other}));
  }
}

TEST_CASE("stream key: a proof that nobody filled in is denied") {
  CHECK(Denied(test::SomeSrtpKey(), {}));
  CHECK(Denied(test::SomeSrtpKey(), {Print(0), Print(0)}));
}

TEST_CASE("stream key: a constant key or salt is denied, in each profile") {
  for (const auto profile : {ports::SrtpProfile::kAes128CmHmacSha1_80, ports::SrtpProfile::kAeadAes128Gcm,
                             ports::SrtpProfile::kAeadAes256Gcm}) {
    for (const std::uint8_t fill : {std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{255}}) {
      ports::SrtpKey key = test::SomeSrtpKey(1, profile);
      std::ranges::fill(key.key_and_salt.RevealForWriting().first(ports::SrtpKeyLength(profile)), fill);
      CHECK(Denied(std::move(key), {Print(1), Print(1)}));
      ports::SrtpKey salt = test::SomeSrtpKey(1, profile);
      std::ranges::fill(salt.key_and_salt.RevealForWriting().subspan(ports::SrtpKeyLength(profile),
                                                                     ports::SrtpSaltLength(profile)),
                        fill);
      CHECK(Denied(std::move(salt), {Print(1), Print(1)}));
    }
  }
}

TEST_CASE("stream key: a profile that is not of the closed list is denied") {
  // NULL ciphers and the 32-bit tag (RFC 5764 4.1.2).
  for (const unsigned number : {0x0000U, 0x0002U, 0x0005U, 0x0006U, 0x00ffU}) {
    CHECK(Denied(test::SomeSrtpKey(1, static_cast<ports::SrtpProfile>(number)), {Print(1), Print(1)}));
  }
}

TEST_CASE("stream key: a key that somebody could guess or look up is denied, in each profile") {
  const auto text = [](std::string_view key) { return ByteVector(key.begin(), key.end()); };
  ByteVector counting(32);
  for (std::size_t i = 0; i < counting.size(); ++i) counting[i] = static_cast<std::uint8_t>(3 + 7 * i);
  ByteVector pattern(32);
  for (std::size_t i = 0; i < pattern.size(); ++i) pattern[i] = static_cast<std::uint8_t>(i % 4 * 50);
  // RFC 3711 B.3, and the first example of a=crypto in RFC 4568.
  const ByteVector rfc3711{0xe1, 0xf9, 0x7a, 0x0d, 0x3e, 0x01, 0x8b, 0xe0,
                           0xd6, 0x4f, 0xa3, 0x2c, 0x06, 0xde, 0x41, 0x39};
  for (const ByteVector& weak :
       {counting, pattern, rfc3711, text("0123456789012345"), text("wDfvg&T+)xG7@fb5")}) {
    for (const auto profile : {ports::SrtpProfile::kAes128CmHmacSha1_80, ports::SrtpProfile::kAeadAes128Gcm,
                               ports::SrtpProfile::kAeadAes256Gcm}) {
      ports::SrtpKey key = test::SomeSrtpKey(1, profile);
      const std::size_t length = std::min(weak.size(), ports::SrtpKeyLength(profile));
      std::copy_n(weak.begin(), length, key.key_and_salt.RevealForWriting().begin());
      CHECK(Denied(std::move(key), {Print(1), Print(1)}));
    }
  }
}

TEST_CASE("stream key: of a million random keys none is taken for weak") {
  std::mt19937 random(7);
  std::array<std::uint8_t, 16> key{};
  int weak = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    for (std::size_t at = 0; at < key.size(); at += 4) {
      const std::uint32_t word = static_cast<std::uint32_t>(random());
      for (std::size_t j = 0; j < 4; ++j) key[at + j] = static_cast<std::uint8_t>(word >> (8 * j));
    }
    weak += WhyWeak(key) ? 1 : 0;
  }
  CHECK(weak == 0);
}

TEST_CASE("stream key: a camera's is admitted with the word for it, and with no other") {
  platform::OpenSslCrypto crypto;
  const StreamKeyDigest digest = DigestOf(crypto, test::SomeSrtpKey());
  const DtlsProof dtls{Print(1), Print(1)};
  CHECK(AdmitCameraKey(crypto, test::SomeSrtpKey(), {dtls, digest}));
  CHECK_FALSE(AdmitCameraKey(crypto, test::SomeSrtpKey(2), {dtls, digest}));
  CHECK_FALSE(AdmitCameraKey(crypto, test::SomeSrtpKey(), {dtls, {}}));
  CHECK_FALSE(AdmitCameraKey(crypto, test::SomeSrtpKey(), {{Print(1), Print(2)}, digest}));
  ports::SrtpKey constant = test::SomeSrtpKey();
  std::ranges::fill(constant.key_and_salt.RevealForWriting().first(16), std::uint8_t{9});
  const StreamKeyDigest of_constant = DigestOf(crypto, constant);
  CHECK_FALSE(AdmitCameraKey(crypto, std::move(constant), {dtls, of_constant}));
}

TEST_CASE("stream key: the digest is of the master key alone, whatever its salt") {
  platform::OpenSslCrypto crypto;
  ports::SrtpKey salted = test::SomeSrtpKey();
  salted.key_and_salt.RevealForWriting()[16] ^= 1U;
  CHECK(DigestOf(crypto, salted) == DigestOf(crypto, test::SomeSrtpKey()));
  ports::SrtpKey other = test::SomeSrtpKey();
  other.key_and_salt.RevealForWriting()[15] ^= 1U;
  CHECK(DigestOf(crypto, other) != DigestOf(crypto, test::SomeSrtpKey()));
}

TEST_CASE("stream key: a key that came by SDES counts when the keeper vouched for it, and for no other") {
  platform::OpenSslCrypto crypto;
  constexpr auto kSuite = ports::SrtpProfile::kAes128CmHmacSha1_80;
  const StreamKeyDigest digest = DigestOf(crypto, test::SomeSrtpKey(1, kSuite));
  const auto admitted = AdmitSdesKey(crypto, test::SomeSrtpKey(1, kSuite), {digest});
  REQUIRE(admitted);
  CHECK(admitted->profile() == kSuite);
  const auto denied = [&](ports::SrtpKey key, const StreamKeyDigest& vouched) {
    const auto other = AdmitSdesKey(crypto, std::move(key), {vouched});
    return !other && other.error().code == ErrorCode::kDenied;
  };
  CHECK(denied(test::SomeSrtpKey(2, kSuite), digest));
  CHECK(denied(test::SomeSrtpKey(1, kSuite), {}));
  for (std::size_t i = 0; i < digest.size(); ++i) {
    StreamKeyDigest other = digest;
    other[i] ^= 1;
    CHECK(denied(test::SomeSrtpKey(1, kSuite), other));
  }
}

TEST_CASE("stream key: a weak key that came by SDES is denied, whoever vouches for it") {
  platform::OpenSslCrypto crypto;
  ports::SrtpKey key;
  key.profile = ports::SrtpProfile::kAes128CmHmacSha1_80;
  const StreamKeyDigest digest = DigestOf(crypto, key);
  const auto denied = AdmitSdesKey(crypto, std::move(key), {digest});
  REQUIRE_FALSE(denied);
  CHECK(denied.error().code == ErrorCode::kDenied);
}

}  // namespace
}  // namespace latchkey::gate
