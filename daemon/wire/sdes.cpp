#include "daemon/wire/sdes.h"

#include <algorithm>
#include <array>

#include "daemon/base/ascii.h"
#include "daemon/base/base64.h"
#include "daemon/base/check.h"

namespace latchkey::wire {
namespace {

struct Suite {
  std::string_view name;
  std::size_t key_and_salt;
};
constexpr std::array<Suite, static_cast<std::size_t>(SdesSuite::kCount)> kSuites{{
    {"AES_CM_128_HMAC_SHA1_80", 16 + 14},
    {"AEAD_AES_128_GCM", 16 + 12},
    {"AEAD_AES_256_GCM", 32 + 12},
}};

constexpr std::size_t kMaxTagDigits = 9;
constexpr std::string_view kInline = "inline:";

std::string_view TakeWord(std::string_view& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

bool AllDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::uint32_t> ParseTag(std::string_view word) {
  if (!AllDigits(word) || word.size() > kMaxTagDigits) return std::nullopt;
  std::uint32_t tag = 0;
  for (const char c : word) tag = tag * 10 + static_cast<std::uint32_t>(c - '0');
  return tag;
}

// RFC 4568 9.2: "2^" digits, or digits. Nothing is made of it: keys here live far shorter than any.
bool IsLifetime(std::string_view text) {
  if (text.starts_with("2^")) text.remove_prefix(2);
  return AllDigits(text);
}

// RFC 4568 6.3: WSH is a hint, and what begins with "-" may be passed over. KDR 0 is what holds without it.
bool IsHarmless(std::string_view parameter) {
  if (parameter.starts_with('-') && parameter.size() > 1) return true;
  if (parameter.starts_with("WSH=")) return AllDigits(parameter.substr(4));
  return parameter == "KDR=0";
}

std::optional<Secret<48>> ParseKey(std::string_view word, std::size_t size) {
  if (word.size() < kInline.size() || !EqualWithoutCase(word.substr(0, kInline.size()), kInline))
    return std::nullopt;
  word.remove_prefix(kInline.size());
  const std::size_t bar = word.find('|');
  if (bar != std::string_view::npos) {
    // A second bar, or a colon, is an MKI; a semicolon begins another key.
    if (!IsLifetime(word.substr(bar + 1))) return std::nullopt;
    word = word.substr(0, bar);
  }
  auto bytes = Base64Decode(word);
  if (!bytes) return std::nullopt;
  std::optional<Secret<48>> key;
  if (bytes->size() == size) {
    key.emplace();
    std::copy(bytes->begin(), bytes->end(), key->RevealForWriting().begin());
  }
  Wipe(*bytes);
  return key;
}

}  // namespace

std::string_view SdesSuiteName(SdesSuite suite) {
  LATCHKEY_CHECK(suite < SdesSuite::kCount);
  return kSuites[static_cast<std::size_t>(suite)].name;
}

std::size_t SdesKeySize(SdesSuite suite) {
  LATCHKEY_CHECK(suite < SdesSuite::kCount);
  return kSuites[static_cast<std::size_t>(suite)].key_and_salt;
}

std::optional<SdesCrypto> ParseCrypto(std::string_view value) {
  SdesCrypto crypto;
  const auto tag = ParseTag(TakeWord(value));
  const std::string_view name = TakeWord(value);
  const auto suite =
      std::find_if(kSuites.begin(), kSuites.end(), [name](const Suite& s) { return s.name == name; });
  if (!tag || suite == kSuites.end()) return std::nullopt;
  auto key = ParseKey(TakeWord(value), suite->key_and_salt);
  if (!key) return std::nullopt;
  while (!value.empty()) {
    if (!IsHarmless(TakeWord(value))) return std::nullopt;
  }
  crypto.tag = *tag;
  crypto.suite = static_cast<SdesSuite>(suite - kSuites.begin());
  crypto.key_and_salt = std::move(*key);
  return crypto;
}

std::string FormatCrypto(const SdesCrypto& crypto) {
  std::string key = Base64Encode(crypto.key_and_salt.Reveal().first(SdesKeySize(crypto.suite)));
  std::string text;
  text.reserve(256);
  text += std::to_string(crypto.tag) + ' ' + std::string(SdesSuiteName(crypto.suite)) + ' ' +
          std::string(kInline);
  text += key;
  WipeText(key);
  return text;
}

}  // namespace latchkey::wire
