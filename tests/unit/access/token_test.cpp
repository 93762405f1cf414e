#include "daemon/access/token.h"

#include <string>

#include "platform/crypto/openssl_crypto.h"
#include "platform/crypto/system_entropy.h"
#include "tests/support/catch.h"

namespace latchkey::access {

TEST_CASE("token: its text is lk_ and 64 lower-case digits, and comes back") {
  platform::SystemEntropy entropy;
  const Secret32 token = MakeToken(entropy);
  const std::string text = FormatToken(token);
  CHECK(text.size() == kTokenTextSize);
  CHECK(text.starts_with("lk_"));
  const auto parsed = ParseToken(text);
  REQUIRE(parsed.has_value());
  CHECK(ConstantTimeEqual(parsed->Reveal(), token.Reveal()));
}

TEST_CASE("token: nothing but exactly that form is one") {
  const std::string good = "lk_" + std::string(62, 'a') + "09";
  CHECK(ParseToken(good).has_value());
  std::string upper = good;
  upper[10] = 'A';
  for (const std::string& bad :
       {std::string(), good.substr(3), good.substr(0, 66), good + "0", " " + good, good + "\n",
        "LK_" + good.substr(3), "lk-" + good.substr(3), upper, "lk_" + std::string(64, 'g')}) {
    INFO(bad);
    CHECK_FALSE(ParseToken(bad).has_value());
  }
}

TEST_CASE("token: the principal is the front of its SHA-256, and the text of a wiped token is gone") {
  platform::OpenSslCrypto crypto;
  const auto token = ParseToken("lk_" + std::string(64, '0'));
  // SHA-256 of 32 zero bytes.
  CHECK(PrincipalOf(crypto, *token).ToHex() == "66687aadf862bd776c8fc18b8e9f8e20");
  CHECK(PrincipalOf(DigestOf(crypto, *token)) == PrincipalOf(crypto, *token));
  std::string text = FormatToken(*token);
  WipeText(text);
  CHECK(text.empty());
}

}  // namespace latchkey::access
