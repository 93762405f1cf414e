// NTP timestamps of sender reports (RFC 3550 4): seconds since 1900 as 32.32 fixed point, and the "compact"
// middle 32 bits (16.16) of LSR and DLSR.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "daemon/base/time.h"

namespace latchkey::wire {

// 1 January 1900 to 1 January 1970, in seconds.
constexpr std::int64_t kNtpToUnix = 2'208'988'800;

struct NtpTime {
  std::uint64_t value = 0;  // 0: "no wall clock" (RFC 3550 6.4.1)
  friend constexpr auto operator<=>(const NtpTime&, const NtpTime&) = default;
  // 16 bits of seconds, 16 of fraction.
  [[nodiscard]] constexpr std::uint32_t Compact() const { return static_cast<std::uint32_t>(value >> 16U); }
};

// Era 0 only (until February 2036); later times wrap, as the wire does.
constexpr NtpTime NtpFromWallTime(WallTime time) {
  const std::int64_t ns = time.time_since_epoch().count();
  std::int64_t whole = ns / 1'000'000'000;
  std::int64_t rest = ns % 1'000'000'000;
  if (rest < 0) {
    rest += 1'000'000'000;
    --whole;
  }
  const std::uint64_t fraction = (static_cast<std::uint64_t>(rest) << 32U) / 1'000'000'000U;
  return {(static_cast<std::uint64_t>(whole + kNtpToUnix) << 32U) | fraction};
}

// Precise to a nanosecond; NTP times before 1970 give times before the Unix epoch.
constexpr WallTime WallTimeFromNtp(NtpTime time) {
  const auto whole = static_cast<std::int64_t>(time.value >> 32U) - kNtpToUnix;
  const std::uint64_t fraction = time.value & 0xffffffffU;
  const auto rest = static_cast<std::int64_t>((fraction * 1'000'000'000U + 0x80000000U) >> 32U);
  return WallTime{seconds{whole} + Duration{rest}};
}

// 16.16 seconds, 0..65535.99; negative is 0, longer is the largest.
constexpr std::uint32_t CompactNtpFromDuration(Duration d) {
  if (d <= Duration::zero()) return 0;
  if (d >= seconds{65536}) return 0xffffffff;
  const auto ns = static_cast<std::uint64_t>(d.count());
  return static_cast<std::uint32_t>((ns / 1'000'000'000U) << 16U |
                                    ((ns % 1'000'000'000U) << 16U) / 1'000'000'000U);
}
constexpr Duration DurationFromCompactNtp(std::uint32_t compact) {
  return Duration{static_cast<std::int64_t>((static_cast<std::uint64_t>(compact) * 1'000'000'000U) >> 16U)};
}

// Round trip from a report block (RFC 3550 6.4.1): arrival - LSR - DLSR. Nothing when no SR was seen
// (LSR 0); a negative result, which only clock granularity or a liar makes, is zero.
constexpr std::optional<Duration> RoundTrip(std::uint32_t arrival_compact, std::uint32_t last_sr,
                                            std::uint32_t delay_since_last_sr) {
  if (last_sr == 0) return std::nullopt;
  const std::uint32_t delta = arrival_compact - last_sr - delay_since_last_sr;
  if (delta >= 0x80000000U) return Duration::zero();
  return DurationFromCompactNtp(delta);
}

}  // namespace latchkey::wire
