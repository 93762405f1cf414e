#include "daemon/base/ids.h"

#include "daemon/base/check.h"

namespace latchkey::internal {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

}  // namespace

std::string HexEncode(std::span<const std::uint8_t> bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text.push_back(kDigits[byte >> 4U]);
    text.push_back(kDigits[byte & 0x0fU]);
  }
  return text;
}

void HexEncode(std::span<const std::uint8_t> bytes, std::span<std::uint8_t> out) {
  LATCHKEY_CHECK(out.size() == bytes.size() * 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    out[2 * i] = static_cast<std::uint8_t>(kDigits[bytes[i] >> 4U]);
    out[2 * i + 1] = static_cast<std::uint8_t>(kDigits[bytes[i] & 0x0fU]);
  }
}

bool HexDecodeExact(std::string_view text, std::span<std::uint8_t> out) {
  if (text.size() != out.size() * 2) return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto high = kDigits.find(text[2 * i]);
    const auto low = kDigits.find(text[2 * i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return false;
    out[i] = static_cast<std::uint8_t>((high << 4U) | low);
  }
  return true;
}

}  // namespace latchkey::internal
