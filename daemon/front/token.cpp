#include "daemon/front/token.h"

#include <algorithm>
#include <array>

#include "daemon/base/bytes.h"

namespace latchkey::front {
namespace {

constexpr std::string_view kPrefix = "lk_";
constexpr std::string_view kScheme = "bearer";

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::optional<Secret32> ParseToken(std::string_view text) {
  if (text.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  Secret32 token;
  if (!internal::HexDecodeExact(text.substr(kPrefix.size()), token.RevealForWriting())) return std::nullopt;
  return token;
}

std::optional<Secret32> ParseBearer(std::string_view authorization) {
  if (authorization.size() <= kScheme.size()) return std::nullopt;
  const std::string_view scheme = authorization.substr(0, kScheme.size());
  if (!std::equal(scheme.begin(), scheme.end(), kScheme.begin(),
                  [](char a, char b) { return Lower(a) == b; })) {
    return std::nullopt;
  }
  const std::string_view rest = authorization.substr(kScheme.size());
  const auto first = rest.find_first_not_of(' ');
  if (first == 0 || first == std::string_view::npos) return std::nullopt;
  return ParseToken(rest.substr(first));
}

PrincipalId PrincipalOf(ports::Crypto& crypto, const Secret32& token) {
  const ports::Sha256Digest digest = crypto.Sha256(token.Reveal());
  PrincipalId::Bytes bytes{};
  std::copy_n(digest.begin(), bytes.size(), bytes.begin());
  return PrincipalId(bytes);
}

void WipeText(std::string& text) {
  Wipe({static_cast<std::uint8_t*>(static_cast<void*>(text.data())), text.size()});
  text.clear();
}

}  // namespace latchkey::front
