#include "daemon/access/token.h"

#include <algorithm>

#include "daemon/base/check.h"

namespace latchkey::access {

Secret32 MakeToken(ports::Entropy& entropy) {
  Secret32 token;
  entropy.Fill(token.RevealForWriting());
  return token;
}

std::string FormatToken(const Secret32& token) {
  // Written in place: no temporary of the digits stays behind in freed memory.
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(kTokenTextSize, '\0');
  std::copy(kTokenPrefix.begin(), kTokenPrefix.end(), text.begin());
  std::size_t at = kTokenPrefix.size();
  for (const std::uint8_t byte : token.Reveal()) {
    text[at++] = kDigits[byte >> 4U];
    text[at++] = kDigits[byte & 0x0fU];
  }
  LATCHKEY_CHECK(at == text.size());
  return text;
}

std::optional<Secret32> ParseToken(std::string_view text) {
  if (text.size() != kTokenTextSize || !text.starts_with(kTokenPrefix)) return std::nullopt;
  Secret32 token;
  if (!internal::HexDecodeExact(text.substr(kTokenPrefix.size()), token.RevealForWriting()))
    return std::nullopt;
  return token;
}

ports::Sha256Digest DigestOf(ports::Crypto& crypto, const Secret32& token) {
  return crypto.Sha256(token.Reveal());
}

PrincipalId PrincipalOf(const ports::Sha256Digest& digest) {
  PrincipalId::Bytes bytes{};
  std::copy_n(digest.begin(), bytes.size(), bytes.begin());
  return PrincipalId(bytes);
}

PrincipalId PrincipalOf(ports::Crypto& crypto, const Secret32& token) {
  return PrincipalOf(DigestOf(crypto, token));
}

}  // namespace latchkey::access
