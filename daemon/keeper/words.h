// What people type and read: labels, reasons, durations, moments, rights, names of states. Text in, values
// out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/base/result.h"
#include "daemon/base/time.h"
#include "daemon/wire/ipc_messages.h"

namespace latchkey::keeper {

// Longest label of a camera or viewer, and longest model, in bytes of UTF-8.
constexpr std::size_t kMaxLabel = 64;
// Longest reason of a suspension, and longest root cause.
constexpr std::size_t kMaxReason = 512;
// Longest grant that is given with an end.
constexpr Duration kLongestGrant = hours(24) * 3660;

// 1 to `max` bytes of UTF-8 (RFC 3629) without control characters (C0, DEL, C1) and without characters that
// turn the direction of the text around them. `what` begins the error: "the name".
[[nodiscard]] Status CheckText(std::string_view what, std::string_view text, std::size_t max);

// "30d", "12h", "45m", "90s": digits and one unit, from 1 s to kLongestGrant.
[[nodiscard]] Result<Duration> ParseDuration(std::string_view text);

// RFC 3339 in UTC, "2026-11-03T18:00:00Z", and back. From 1970 to 2200.
[[nodiscard]] Result<WallTime> ParseMoment(std::string_view text);
[[nodiscard]] std::string FormatMoment(WallTime t);

// "live,still,listen" in any order, each at most once.
[[nodiscard]] Result<std::uint8_t> ParseRights(std::string_view text);
[[nodiscard]] std::string FormatRights(std::uint8_t rights);

// snake_case, as in `status` and the metrics.
[[nodiscard]] std::string_view CameraStateName(wire::CameraState state);
[[nodiscard]] std::string_view UnavailableReasonName(wire::UnavailableReason reason);
// "the peer closed it".
[[nodiscard]] std::string_view SessionEndReasonText(wire::SessionEndReason reason);
// For people: "the camera is off or out of reach".
[[nodiscard]] std::string_view UnavailableReasonText(wire::UnavailableReason reason);

}  // namespace latchkey::keeper
