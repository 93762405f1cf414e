#include "daemon/keeper/words.h"

#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

namespace latchkey::keeper {
namespace {

// The code point at the front of `text`, which loses it; nothing when it is not UTF-8 (RFC 3629 4:
// no overlong forms, no surrogates, nothing above U+10FFFF).
std::optional<std::uint32_t> TakeCodePoint(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  std::size_t size = 1;
  std::uint32_t value = first;
  std::uint32_t least = 0;
  if (first >= 0xf0U && first <= 0xf4U) {
    size = 4, value = first & 0x07U, least = 0x10000;
  } else if (first >= 0xe0U && first < 0xf0U) {
    size = 3, value = first & 0x0fU, least = 0x800;
  } else if (first >= 0xc2U && first < 0xe0U) {
    size = 2, value = first & 0x1fU, least = 0x80;
  } else if (first >= 0x80U) {
    return std::nullopt;
  }
  if (text.size() < size) return std::nullopt;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return std::nullopt;
    value = (value << 6U) | (byte(i) & 0x3fU);
  }
  if (value < least || value > 0x10ffffU || (value >= 0xd800U && value < 0xe000U)) return std::nullopt;
  text.remove_prefix(size);
  return value;
}

bool IsControl(std::uint32_t c) {
  return c < 0x20U || (c >= 0x7fU && c < 0xa0U) || c == 0x2028U || c == 0x2029U ||
         (c >= 0x202aU && c <= 0x202eU) || (c >= 0x2066U && c <= 0x2069U);
}

constexpr std::array<std::pair<std::string_view, wire::Rights>, 3> kRightNames{{
    {"live", wire::Rights::kLive},
    {"still", wire::Rights::kStill},
    {"listen", wire::Rights::kListen},
}};

// Exactly `digits` decimal digits at `at`; -1 otherwise.
int NumberAt(std::string_view text, std::size_t at, std::size_t digits) {
  int value = 0;
  for (std::size_t i = at; i < at + digits; ++i) {
    if (i >= text.size() || text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

void AppendNumber(std::string& out, int value, std::size_t digits) {
  const std::string text = std::to_string(value);
  out.append(digits > text.size() ? digits - text.size() : 0, '0');
  out += text;
}

}  // namespace

Status CheckText(std::string_view what, std::string_view text, std::size_t max) {
  const std::string subject(what);
  if (text.empty()) return Fail(ErrorCode::kInvalid, subject + " is empty");
  if (text.size() > max) {
    return Fail(ErrorCode::kInvalid, subject + " is longer than " + std::to_string(max) + " bytes");
  }
  while (!text.empty()) {
    const auto c = TakeCodePoint(text);
    if (!c) return Fail(ErrorCode::kInvalid, subject + " is not UTF-8 text");
    if (IsControl(*c)) return Fail(ErrorCode::kInvalid, subject + " has a control character in it");
  }
  return {};
}

Result<Duration> ParseDuration(std::string_view text) {
  const std::string help =
      "a duration is a number with d, h, m or s behind it, like 30d or 12h, of at most 3660d";
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr + 1 != end || number < 1 || text.front() == '+') {
    return Fail(ErrorCode::kInvalid, help);
  }
  std::int64_t unit = 0;
  switch (*parsed.ptr) {
    case 'd': unit = 86400; break;
    case 'h': unit = 3600; break;
    case 'm': unit = 60; break;
    case 's': unit = 1; break;
    default: return Fail(ErrorCode::kInvalid, help);
  }
  const std::int64_t longest = std::chrono::duration_cast<seconds>(kLongestGrant).count();
  if (number > longest / unit) return Fail(ErrorCode::kInvalid, help);
  return Duration(seconds(number * unit));
}

Result<WallTime> ParseMoment(std::string_view text) {
  //   0    5  8  11 14 17 19
  //   2026-11-03T18:00:00Z
  const auto wrong = Fail(ErrorCode::kInvalid, "a moment is a time in UTC like 2026-11-03T18:00:00Z");
  const int year = NumberAt(text, 0, 4);
  const int month = NumberAt(text, 5, 2);
  const int day = NumberAt(text, 8, 2);
  const int hour = NumberAt(text, 11, 2);
  const int minute = NumberAt(text, 14, 2);
  const int second = NumberAt(text, 17, 2);
  const bool shape = text.size() == 20 && text[4] == '-' && text[7] == '-' && text[10] == 'T' &&
                     text[13] == ':' && text[16] == ':' && text[19] == 'Z';
  if (!shape || year < 1970 || year > 2200 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      second < 0 || second > 59 || month < 1 || day < 1) {
    return wrong;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return wrong;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return FromUnixSeconds(((days * 24 + hour) * 60 + minute) * 60 + second);
}

std::string FormatMoment(WallTime t) {
  const std::int64_t total = ToUnixSeconds(t);
  const std::int64_t in_day = ((total % 86400) + 86400) % 86400;
  const std::chrono::sys_days days{std::chrono::days((total - in_day) / 86400)};
  const std::chrono::year_month_day date(days);
  const int second = static_cast<int>(in_day);
  std::string out;
  AppendNumber(out, static_cast<int>(date.year()), 4);
  AppendNumber(out += '-', static_cast<int>(static_cast<unsigned>(date.month())), 2);
  AppendNumber(out += '-', static_cast<int>(static_cast<unsigned>(date.day())), 2);
  AppendNumber(out += 'T', second / 3600, 2);
  AppendNumber(out += ':', second / 60 % 60, 2);
  AppendNumber(out += ':', second % 60, 2);
  return out += 'Z';
}

Result<std::uint8_t> ParseRights(std::string_view text) {
  std::uint8_t rights = 0;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view word = text.substr(0, comma);
    std::uint8_t right = 0;
    for (const auto& [name, value] : kRightNames) {
      if (word == name) right = static_cast<std::uint8_t>(value);
    }
    if (right == 0 || (rights & right) != 0) {
      return Fail(ErrorCode::kInvalid,
                  "rights are live, still and listen, each once, with commas between them");
    }
    rights = static_cast<std::uint8_t>(rights | right);
    if (comma == std::string_view::npos) return rights;
    text.remove_prefix(comma + 1);
  }
}

std::string FormatRights(std::uint8_t rights) {
  std::string out;
  for (const auto& [name, value] : kRightNames) {
    if ((rights & static_cast<std::uint8_t>(value)) == 0) continue;
    if (!out.empty()) out += ',';
    out += name;
  }
  return out;
}

std::string_view CameraStateName(wire::CameraState state) {
  switch (state) {
    case wire::CameraState::kUnavailable: return "unavailable";
    case wire::CameraState::kConnecting: return "connecting";
    case wire::CameraState::kLive: return "live";
    case wire::CameraState::kStale: return "stale";
    case wire::CameraState::kSuspended: return "suspended";
    case wire::CameraState::kCount: break;
  }
  return "unavailable";
}

std::string_view UnavailableReasonName(wire::UnavailableReason reason) {
  switch (reason) {
    case wire::UnavailableReason::kNone: return "none";
    case wire::UnavailableReason::kCameraOffline: return "camera_offline";
    case wire::UnavailableReason::kNoMedia: return "no_media";
    case wire::UnavailableReason::kNoKeyframe: return "no_keyframe";
    case wire::UnavailableReason::kUnsupportedMedia: return "unsupported_media";
    case wire::UnavailableReason::kTooFast: return "too_fast";
    case wire::UnavailableReason::kTooLate: return "too_late";
    case wire::UnavailableReason::kKeyRefused: return "key_refused";
    case wire::UnavailableReason::kUnrecorded: return "unrecorded";
    case wire::UnavailableReason::kReplayed: return "replayed";
    case wire::UnavailableReason::kLaneRestarting: return "lane_restarting";
    case wire::UnavailableReason::kSuspended: return "suspended";
    case wire::UnavailableReason::kCount: break;
  }
  return "none";
}

std::string_view SessionEndReasonText(wire::SessionEndReason reason) {
  using wire::SessionEndReason;
  switch (reason) {
    case SessionEndReason::kAsked: return "the hub ended it";
    case SessionEndReason::kClosedByPeer: return "the peer closed it";
    case SessionEndReason::kConsentExpired: return "the peer no longer answered";
    case SessionEndReason::kHandshakeFailed: return "the DTLS handshake failed";
    case SessionEndReason::kHandshakeTimeout: return "the DTLS handshake took too long";
    case SessionEndReason::kReplaced: return "the camera published anew";
    case SessionEndReason::kGrantLost: return "its grant did not open";
    case SessionEndReason::kLimit: return "a limit was reached";
    case SessionEndReason::kTooLate: return "its pictures came too late for too long";
    case SessionEndReason::kKeyRefused: return "its key was refused";
    case SessionEndReason::kCount: break;
  }
  return "unknown";
}

std::string_view UnavailableReasonText(wire::UnavailableReason reason) {
  switch (reason) {
    case wire::UnavailableReason::kNone: return "no fresh picture at the moment";
    case wire::UnavailableReason::kCameraOffline: return "the camera is off or out of reach";
    case wire::UnavailableReason::kNoMedia: return "the camera is connected but sends nothing";
    case wire::UnavailableReason::kNoKeyframe: return "the camera has sent no picture to begin with yet";
    case wire::UnavailableReason::kUnsupportedMedia: return "the camera sends what can't be shown";
    case wire::UnavailableReason::kTooFast: return "the camera sends far more than the hub's limit for it";
    case wire::UnavailableReason::kTooLate: return "what the camera sends arrives too late to be shown";
    case wire::UnavailableReason::kKeyRefused: return "the hub refused the camera's key";
    case wire::UnavailableReason::kUnrecorded: return "the hub can't write its log of who sees what";
    case wire::UnavailableReason::kReplayed:
      return "what comes under the camera's key was sent before; if its sender was started anew, start it "
             "once more";
    case wire::UnavailableReason::kLaneRestarting: return "the hub is restarting this camera's part";
    case wire::UnavailableReason::kSuspended: return "the camera is suspended";
    case wire::UnavailableReason::kCount: break;
  }
  return "no fresh picture at the moment";
}

}  // namespace latchkey::keeper
