#include "tools/latchkeyctl/moments.h"

#include <array>
#include <charconv>
#include <ctime>

namespace latchkey::ctl {
namespace {

std::optional<int> Digits(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.front() == '-') return std::nullopt;
  return value;
}

std::optional<WallTime> ParseAgo(std::string_view text, WallTime now) {
  if (text.size() < 3) return std::nullopt;
  const auto count = Digits(text.substr(1, text.size() - 2));
  if (!count || *count > 100'000) return std::nullopt;
  switch (text.back()) {
    case 's': return now - seconds(*count);
    case 'm': return now - seconds(60) * *count;
    case 'h': return now - hours(*count);
    case 'd': return now - hours(24) * *count;
    default: return std::nullopt;
  }
}

}  // namespace

std::string FormatTime(WallTime at) {
  const auto time = static_cast<std::time_t>(ToUnixSeconds(at));
  std::tm parts{};
  (void)::gmtime_r(&time, &parts);
  std::array<char, 32> text{};
  (void)std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

std::optional<WallTime> ParseTime(std::string_view text, WallTime now) {
  if (text == "now") return now;
  if (text.starts_with('-')) return ParseAgo(text, now);
  const bool day = text.size() == 10;
  if (!day && text.size() != 20) return std::nullopt;
  std::tm parts{};
  const auto number = [&](std::size_t at, std::size_t size) {
    return Digits(text.substr(at, size)).value_or(-1);
  };
  parts.tm_year = number(0, 4) - 1900;
  parts.tm_mon = number(5, 2) - 1;
  parts.tm_mday = number(8, 2);
  if (!day) {
    parts.tm_hour = number(11, 2);
    parts.tm_min = number(14, 2);
    parts.tm_sec = number(17, 2);
  }
  const WallTime at = FromUnixSeconds(static_cast<std::int64_t>(::timegm(&parts)));
  // What says the same again was a time.
  const std::string full = day ? std::string(text) + "T00:00:00Z" : std::string(text);
  if (parts.tm_year < 70 || FormatTime(at) != full) return std::nullopt;
  return at;
}

}  // namespace latchkey::ctl
