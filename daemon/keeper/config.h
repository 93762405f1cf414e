// The configuration: one TOML file, every key with a default, nothing guessed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/address.h"
#include "daemon/base/result.h"
#include "daemon/base/time.h"

namespace latchkey::keeper {

// Largest file taken, in bytes.
constexpr std::size_t kMaxConfigFile = 64 * 1024;
// Addresses that media may be bound to; one more is refused.
constexpr std::size_t kMaxMediaAddresses = 8;

// systemd/latchkey.toml tells each key's meaning; a test holds the two together.
struct Config {
  struct Http {
    std::uint16_t loopback_port = 8480;
    std::uint16_t lan_port = 8443;
    std::string host;  // in publish URLs; empty: the machine's first LAN address
    // Files of a certificate of its owner's; empty: the hub makes its own.
    std::string certificate;
    std::string key;
    friend bool operator==(const Http&, const Http&) = default;
  } http;
  struct Media {
    std::uint16_t udp_port_first = 47000;
    std::uint16_t udp_port_count = 256;
    std::vector<IpAddress> addresses;  // empty: all of the machine's LAN addresses
    friend bool operator==(const Media&, const Media&) = default;
  } media;
  struct Camera {
    std::uint32_t cache_bytes = 6 * 1024 * 1024;
    std::uint32_t cache_frames = 2048;
    Duration cache_age = milliseconds(30000);
    std::uint32_t max_viewers = 64;
    std::uint32_t max_bitrate_kbit = 8000;
    Duration hold_least = milliseconds(60);
    Duration hold_most = milliseconds(1000);
    Duration stale_after = milliseconds(1000);
    Duration unavailable_after = milliseconds(2000);
    friend bool operator==(const Camera&, const Camera&) = default;
  } camera;
  struct Audit {
    Duration keep = hours(24) * 400;
    std::int64_t max_mb = 500;  // megabytes of 10^6 bytes
    friend bool operator==(const Audit&, const Audit&) = default;
  } audit;
  struct Log {
    std::string level = "info";  // debug, info, warning, error, off
    friend bool operator==(const Log&, const Log&) = default;
  } log;

  friend bool operator==(const Config&, const Config&) = default;
};
// The first error, as "FILE:LINE: what is wrong and what is allowed".
[[nodiscard]] Result<Config> ParseConfig(std::string_view text, std::string_view file);

// Where media goes on a machine with these addresses: media.addresses, or its local ones.
[[nodiscard]] std::vector<IpAddress> MediaAddresses(const Config::Media& media,
                                                    std::vector<IpAddress> machine);
// IPv4 addresses of the machine that are left out because they are not private: on a LAN that has such ones
// cameras get no further than HTTPS. Global IPv6 addresses are left out without a word, for every LAN has
// them.
[[nodiscard]] std::vector<IpAddress> WithoutMedia(const Config::Media& media, std::vector<IpAddress> machine);
// What the hub calls itself in URLs on the LAN, with `port`: http.host, else the first IPv4 address of `lan`
// (cameras and people take it more readily), else the first, else "localhost".
[[nodiscard]] std::string LanUrl(const Config::Http& http, const std::vector<IpAddress>& lan,
                                 std::uint16_t port);

// "section.key" of every key there is.
[[nodiscard]] std::vector<std::string> ConfigKeys();

}  // namespace latchkey::keeper
