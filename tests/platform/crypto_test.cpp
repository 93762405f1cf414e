#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "daemon/base/ids.h"
#include "platform/crypto/openssl_crypto.h"
#include "platform/crypto/system_entropy.h"
#include "tests/support/catch.h"

namespace latchkey::platform {
namespace {

ByteVector FromHex(const std::string& text) {
  ByteVector out(text.size() / 2);
  REQUIRE(internal::HexDecodeExact(text, out));
  return out;
}

template <std::size_t N>
std::array<std::uint8_t, N> ArrayFromHex(const std::string& text) {
  std::array<std::uint8_t, N> out{};
  REQUIRE(internal::HexDecodeExact(text, out));
  return out;
}

Secret32 KeyFromHex(const std::string& text) {
  return Secret32(ArrayFromHex<32>(text));
}

// The named file of Wycheproof vectors; nothing (and said so) where the shared data isn't there.
std::optional<nlohmann::json> Vectors(const std::string& name) {
  const char* folder = std::getenv("LATCHKEY_SHARED_DATA");
  const std::string base = folder != nullptr && *folder != '\0' ? folder : LATCHKEY_DEFAULT_SHARED_DATA;
  std::ifstream file(base + "/vectors/" + name);
  if (!file) {
    WARN("skipped: no " << name << " in " << base << " (LATCHKEY_SHARED_DATA)");
    return std::nullopt;
  }
  return nlohmann::json::parse(file);
}

// One Wycheproof case for AES-256-GCM with a 96-bit nonce: opened, and sealed again when it is valid.
void CheckAeadCase(OpenSslCrypto& crypto, const nlohmann::json& test) {
  INFO("tcId " << test["tcId"].get<int>() << " " << test["comment"].get<std::string>());
  const auto aead = crypto.MakeAes256Gcm(KeyFromHex(test["key"]));
  const auto nonce = ArrayFromHex<12>(test["iv"]);
  const ByteVector additional = FromHex(test["aad"]);
  const ByteVector message = FromHex(test["msg"]);
  ByteVector sealed = FromHex(test["ct"]);
  const ByteVector tag = FromHex(test["tag"]);
  sealed.insert(sealed.end(), tag.begin(), tag.end());
  ByteVector opened(message.size(), 0xee);
  const bool valid = test["result"] == "valid";
  CHECK(aead->Open(nonce, additional, sealed, opened) == valid);
  CHECK(opened == (valid ? message : ByteVector(message.size(), 0)));
  if (!valid) return;
  ByteVector again(sealed.size());
  aead->Seal(nonce, additional, message, again);
  CHECK(again == sealed);
}

TEST_CASE("crypto: AES-256-GCM agrees with Wycheproof's vectors") {
  const auto vectors = Vectors("aes_gcm_test.json");
  if (!vectors) return;
  OpenSslCrypto crypto;
  int cases = 0;
  for (const auto& group : (*vectors)["testGroups"]) {
    if (group["keySize"] != 256 || group["ivSize"] != 96 || group["tagSize"] != 128) continue;
    for (const auto& test : group["tests"]) {
      CheckAeadCase(crypto, test);
      ++cases;
    }
  }
  CHECK(cases >= 50);
}

TEST_CASE("crypto: HKDF-SHA-256 agrees with Wycheproof's vectors") {
  const auto vectors = Vectors("hkdf_sha256_test.json");
  if (!vectors) return;
  OpenSslCrypto crypto;
  int cases = 0;
  for (const auto& group : (*vectors)["testGroups"]) {
    for (const auto& test : group["tests"]) {
      if (test["result"] != "valid") continue;
      INFO("tcId " << test["tcId"].get<int>());
      const ByteVector info = FromHex(test["info"]);
      const Secret32 derived = crypto.Hkdf(FromHex(test["ikm"]), FromHex(test["salt"]), AsText(info));
      // Whatever length was asked for, its first 32 bytes are the first block (RFC 5869 2.3).
      const ByteVector wanted = FromHex(test["okm"]);
      const std::size_t size = std::min<std::size_t>(wanted.size(), 32);
      CHECK(std::equal(wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(size),
                       derived.Reveal().begin()));
      ++cases;
    }
  }
  CHECK(cases >= 50);
}

TEST_CASE("crypto: sealing and opening work in place and after a refusal") {
  OpenSslCrypto crypto;
  const auto aead = crypto.MakeAes256Gcm(KeyFromHex(std::string(64, '7')));
  const ports::AeadNonce nonce{1, 2, 3};
  const ByteVector additional{9, 9};
  ByteVector buffer(1200 + ports::kAeadTagSize, 0x42);
  aead->Seal(nonce, additional, ByteView(buffer).first(1200), buffer);
  const ByteVector sealed = buffer;
  for (const std::size_t at : {std::size_t{0}, std::size_t{600}, sealed.size() - 1}) {
    ByteVector bad = sealed;
    bad[at] ^= 1U;
    CHECK_FALSE(aead->Open(nonce, additional, bad, MutableByteView(bad).first(1200)));
    CHECK(std::all_of(bad.begin(), bad.begin() + 1200, [](std::uint8_t b) { return b == 0; }));
  }
  ByteVector out(1200);
  CHECK_FALSE(aead->Open(nonce, ByteVector{9, 8}, sealed, out));
  CHECK_FALSE(aead->Open(ports::AeadNonce{1, 2, 4}, additional, sealed, out));
  CHECK_FALSE(aead->Open(nonce, additional, ByteView(sealed).first(15), MutableByteView(out).first(0)));
  CHECK(aead->Open(nonce, additional, buffer, MutableByteView(buffer).first(1200)));
  CHECK(std::all_of(buffer.begin(), buffer.begin() + 1200, [](std::uint8_t b) { return b == 0x42; }));
}

TEST_CASE("crypto: an empty message has a tag that depends on the additional data") {
  OpenSslCrypto crypto;
  const auto aead = crypto.MakeAes256Gcm(KeyFromHex(std::string(64, '0')));
  ByteVector tag(ports::kAeadTagSize);
  aead->Seal({}, ByteVector{1}, {}, tag);
  CHECK(aead->Open({}, ByteVector{1}, tag, {}));
  CHECK_FALSE(aead->Open({}, ByteVector{2}, tag, {}));
}

TEST_CASE("crypto: an Aead outlives the Crypto that made it") {
  std::unique_ptr<ports::Aead> aead;
  {
    OpenSslCrypto crypto;
    aead = crypto.MakeAes256Gcm(KeyFromHex(std::string(64, '1')));
  }
  ByteVector sealed(4 + ports::kAeadTagSize);
  aead->Seal({}, {}, ByteVector{1, 2, 3, 4}, sealed);
  ByteVector out(4);
  CHECK(aead->Open({}, {}, sealed, out));
}

TEST_CASE("crypto: hashes and MACs agree with FIPS 180 and RFC 2202 and 4231") {
  OpenSslCrypto crypto;
  CHECK(internal::HexEncode(crypto.Sha256(AsBytes("abc"))) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(internal::HexEncode(crypto.Sha256({})) ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const ByteVector key(20, 0x0b);
  CHECK(internal::HexEncode(crypto.HmacSha1(key, AsBytes("Hi There"))) ==
        "b617318655057264e28bc0b6fb378c8ef146be00");
  CHECK(internal::HexEncode(crypto.HmacSha256(key, AsBytes("Hi There"))) ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(internal::HexEncode(crypto.HmacSha1(AsBytes("Jefe"), AsBytes("what do ya want for nothing?"))) ==
        "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  // An empty key is a key, not the one of the call before.
  CHECK(internal::HexEncode(crypto.HmacSha256({}, {})) ==
        "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_CASE("crypto: the system's entropy fills everything and never the same way twice") {
  SystemEntropy entropy;
  std::array<std::uint8_t, 300> a{};
  std::array<std::uint8_t, 300> b{};
  entropy.Fill(a);
  entropy.Fill(b);
  CHECK(a != b);
  CHECK(std::count(a.begin(), a.end(), 0) < 20);
  CHECK(entropy.MakeId<CameraId>() != entropy.MakeId<CameraId>());
}

}  // namespace
}  // namespace latchkey::platform
