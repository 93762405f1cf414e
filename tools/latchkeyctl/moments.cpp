#include "tools/latchkeyctl/moments.h"

#include "daemon/keeper/words.h"

namespace latchkey::ctl {

std::string FormatTime(WallTime at) {
  return keeper::FormatMoment(at);
}

std::optional<WallTime> ParseTime(std::string_view text, WallTime now) {
  if (text == "now") return now;
  if (text.starts_with('-')) {
    const auto ago = keeper::ParseDuration(text.substr(1));
    return ago ? std::optional(now - *ago) : std::nullopt;
  }
  constexpr std::size_t kDaySize = 10;
  const auto at =
      keeper::ParseMoment(text.size() == kDaySize ? std::string(text) + "T00:00:00Z" : std::string(text));
  return at ? std::optional(*at) : std::nullopt;
}

}  // namespace latchkey::ctl
