// a=crypto (RFC 4568): what can be used, and that nothing else can.
#include "daemon/wire/sdes.h"

#include <array>

#include "daemon/base/base64.h"
#include "tests/support/bytes.h"
#include "tests/support/catch.h"

namespace latchkey::wire {
namespace {

// 30 and 28 bytes: 00 01 02 ...
constexpr const char* kKey30 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd";
constexpr const char* kKey28 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw==";

std::string Line(const std::string& rest) {
  return "1 AES_CM_128_HMAC_SHA1_80 inline:" + rest;
}

TEST_CASE("sdes: a line gives tag, suite and key") {
  const auto crypto = ParseCrypto("7 AES_CM_128_HMAC_SHA1_80 inline:" + std::string(kKey30));
  REQUIRE(crypto);
  CHECK(crypto->tag == 7);
  CHECK(crypto->suite == SdesSuite::kAesCm128HmacSha1_80);
  for (std::size_t i = 0; i < 30; ++i) CHECK(crypto->key_and_salt.Reveal()[i] == i);
  const auto gcm = ParseCrypto("999999999 AEAD_AES_128_GCM INLINE:" + std::string(kKey28));
  REQUIRE(gcm);
  CHECK(gcm->suite == SdesSuite::kAeadAes128Gcm);
  CHECK(gcm->tag == 999'999'999);
}

TEST_CASE("sdes: lifetimes, hints and what may be passed over change nothing") {
  for (const char* rest : {"|2^20", "|1048576", " WSH=128", " KDR=0", " -experimental", " WSH=64 -x=1"}) {
    INFO(rest);
    CHECK(ParseCrypto(Line(kKey30 + std::string(rest))));
  }
}

TEST_CASE("sdes: a line that asks for anything else can't be used") {
  const std::string key = kKey30;
  const std::array lines{
      std::string(),
      std::string("1"),
      std::string("1 AES_CM_128_HMAC_SHA1_80"),
      std::string("1 AES_CM_128_HMAC_SHA1_80 ") + key,
      "1 AES_CM_128_HMAC_SHA1_32 inline:" + key,  // short tag
      "1 F8_128_HMAC_SHA1_80 inline:" + key,
      "1 NULL_HMAC_SHA1_80 inline:" + key,
      "1 aes_cm_128_hmac_sha1_80 inline:" + key,
      "x AES_CM_128_HMAC_SHA1_80 inline:" + key,
      "1234567890 AES_CM_128_HMAC_SHA1_80 inline:" + key,
      "-1 AES_CM_128_HMAC_SHA1_80 inline:" + key,
      Line(key + "|2^20|1:4"),                         // MKI
      Line(key + "|1:4"),                              // MKI without a lifetime
      Line(key + "|"),                                 // neither
      Line(key + ";inline:" + key),                    // two keys
      Line(key + "|2^20;inline:" + key + "|2^20"),     //
      Line(key + " UNENCRYPTED_SRTP"),                 // plain
      Line(key + " UNENCRYPTED_SRTCP"),                //
      Line(key + " UNAUTHENTICATED_SRTP"),             //
      Line(key + " KDR=1"),                            // keys that change
      Line(key + " FEC_ORDER=FEC_SRTP"),               //
      Line(key + " WSH=128 UNENCRYPTED_SRTCP"),        //
      Line(key + " UNKNOWN"),                          //
      Line(key + " -"),                                //
      Line("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw"),  // 28 bytes
      Line(key + "AA"),                                // too long
      Line("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBka!xwd"),
      Line(""),
  };
  for (const std::string& line : lines) {
    INFO(line);
    CHECK_FALSE(ParseCrypto(line));
  }
}

TEST_CASE("sdes: what is written is what was read") {
  for (const SdesSuite suite :
       {SdesSuite::kAesCm128HmacSha1_80, SdesSuite::kAeadAes128Gcm, SdesSuite::kAeadAes256Gcm}) {
    SdesCrypto crypto;
    crypto.tag = 3;
    crypto.suite = suite;
    auto bytes = crypto.key_and_salt.RevealForWriting();
    for (std::size_t i = 0; i < SdesKeySize(suite); ++i) bytes[i] = static_cast<std::uint8_t>(200 - 3 * i);
    const auto again = ParseCrypto(FormatCrypto(crypto));
    REQUIRE(again);
    CHECK(again->tag == 3);
    CHECK(again->suite == suite);
    CHECK(ConstantTimeEqual(again->key_and_salt.Reveal(), crypto.key_and_salt.Reveal()));
  }
}

TEST_CASE("base64: every length comes back, and foreign characters don't") {
  ByteVector bytes;
  for (int i = 0; i < 70; ++i) {
    CHECK(Base64Decode(Base64Encode(bytes)) == bytes);
    bytes.push_back(static_cast<std::uint8_t>(i * 37 + 251));
  }
  CHECK(Base64Encode(AsBytes("light w")) == "bGlnaHQgdw==");  // RFC 4648 9 in spirit
  CHECK(Base64Decode("bGlnaHQgdw") == Base64Decode("bGlnaHQgdw=="));
  for (const char* text : {"b GlnaHQ", "bGln\n", "bGln-_", "b=GlnaHQ"}) CHECK_FALSE(Base64Decode(text));
}

}  // namespace
}  // namespace latchkey::wire
