#include "daemon/base/address.h"

#include <arpa/inet.h>

#include <algorithm>

namespace latchkey {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

IpAddress IpAddress::V6(const std::array<std::uint8_t, 16>& bytes, std::uint32_t scope) {
  if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin())) {
    return V4({bytes[12], bytes[13], bytes[14], bytes[15]});
  }
  IpAddress a;
  a.family_ = IpFamily::kV6;
  a.bytes_ = bytes;
  a.scope_ = a.IsLinkLocal() ? scope : 0;
  return a;
}

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  const std::string terminated(text);
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1) {
    return V4({bytes[0], bytes[1], bytes[2], bytes[3]});
  }
  if (inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) return V6(bytes);
  return std::nullopt;
}

bool IpAddress::IsLoopback() const {
  if (is_v4()) return bytes_[0] == 127;
  return std::all_of(bytes_.begin(), bytes_.end() - 1, [](auto b) { return b == 0; }) && bytes_[15] == 1;
}

bool IpAddress::IsLinkLocal() const {
  if (is_v4()) return bytes_[0] == 169 && bytes_[1] == 254;
  return bytes_[0] == 0xfe && (bytes_[1] & 0xc0U) == 0x80;
}

bool IpAddress::IsUnspecified() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](auto b) { return b == 0; });
}

bool IpAddress::IsLocalScope() const {
  if (IsLoopback() || IsLinkLocal()) return true;
  if (!is_v4()) return (bytes_[0] & 0xfeU) == 0xfc;
  return bytes_[0] == 10 || (bytes_[0] == 172 && (bytes_[1] & 0xf0U) == 16) ||
         (bytes_[0] == 192 && bytes_[1] == 168);
}

std::string IpAddress::ToString() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), text.data(), text.size());
  return text.data();
}

std::string SocketAddress::ToString() const {
  const std::string port_text = std::to_string(port);
  return ip.is_v4() ? ip.ToString() + ":" + port_text : "[" + ip.ToString() + "]:" + port_text;
}

}  // namespace latchkey

std::size_t std::hash<latchkey::SocketAddress>::operator()(const latchkey::SocketAddress& a) const noexcept {
  // FNV-1a over what compares. Strangers can craft collisions only within the bounded session table.
  std::uint64_t h = 0xcbf29ce484222325U;
  const auto mix = [&h](std::uint64_t v) { h = (h ^ v) * 0x100000001b3U; };
  for (const auto b : a.ip.bytes()) mix(b);
  mix(a.port);
  mix(a.ip.scope());
  return static_cast<std::size_t>(h);
}
