#include "daemon/base/base64.h"

namespace latchkey {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int DigitOf(char c) {
  const std::size_t at = kDigits.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

}  // namespace

std::string Base64Encode(ByteView bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t have = bytes.size() - i;
    const unsigned group = unsigned{bytes[i]} << 16U | (have > 1 ? unsigned{bytes[i + 1]} << 8U : 0U) |
                           (have > 2 ? unsigned{bytes[i + 2]} : 0U);
    text += kDigits[group >> 18U & 63U];
    text += kDigits[group >> 12U & 63U];
    text += have > 1 ? kDigits[group >> 6U & 63U] : '=';
    text += have > 2 ? kDigits[group & 63U] : '=';
  }
  return text;
}

std::optional<ByteVector> Base64Decode(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  ByteVector bytes;
  // In one block: a vector that grows leaves what may be a key behind in freed memory.
  bytes.reserve(text.size() * 3 / 4);
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    const int digit = DigitOf(c);
    if (digit < 0) return std::nullopt;
    bits = (bits << 6U) | static_cast<unsigned>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<std::uint8_t>((bits >> static_cast<unsigned>(count)) & 0xffU));
  }
  return bytes;
}

}  // namespace latchkey
