// IP addresses as values. No names are ever resolved (an offer's `.local` candidates stay unknown).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace latchkey {

enum class IpFamily : std::uint8_t { kV4 = 4, kV6 = 6 };

// An IPv4 or IPv6 address. IPv4-mapped IPv6 is normalised to IPv4, so one peer has one spelling.
class IpAddress {
 public:
  constexpr IpAddress() = default;  // 0.0.0.0
  static constexpr IpAddress V4(std::array<std::uint8_t, 4> bytes) {
    IpAddress a;
    for (std::size_t i = 0; i < 4; ++i) a.bytes_[i] = bytes[i];
    return a;
  }
  static IpAddress V6(const std::array<std::uint8_t, 16>& bytes, std::uint32_t scope = 0);
  // Literals only: "192.0.2.1", "2001:db8::1", without brackets or zone.
  static std::optional<IpAddress> Parse(std::string_view text);

  [[nodiscard]] constexpr IpFamily family() const { return family_; }
  [[nodiscard]] constexpr bool is_v4() const { return family_ == IpFamily::kV4; }
  // 4 bytes in front for IPv4, 16 for IPv6.
  [[nodiscard]] constexpr const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  // Interface index of a link-local IPv6 address, 0 elsewhere.
  [[nodiscard]] constexpr std::uint32_t scope() const { return scope_; }
  [[nodiscard]] bool IsLoopback() const;
  [[nodiscard]] bool IsLinkLocal() const;
  [[nodiscard]] bool IsUnspecified() const;
  // Private, link-local, unique-local or loopback (RFC 1918, 3927, 4193): what a LAN peer can have.
  [[nodiscard]] bool IsLocalScope() const;
  [[nodiscard]] std::string ToString() const;

  friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;
  friend constexpr bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  IpFamily family_ = IpFamily::kV4;
  std::uint32_t scope_ = 0;
  std::array<std::uint8_t, 16> bytes_{};
};

struct SocketAddress {
  IpAddress ip;
  std::uint16_t port = 0;
  [[nodiscard]] std::string ToString() const;  // "192.0.2.1:5000", "[2001:db8::1]:5000"
  friend constexpr auto operator<=>(const SocketAddress&, const SocketAddress&) = default;
};

}  // namespace latchkey

template <>
struct std::hash<latchkey::SocketAddress> {
  std::size_t operator()(const latchkey::SocketAddress& a) const noexcept;
};
