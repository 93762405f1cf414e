#include "daemon/keeper/config.h"

#include <fstream>
#include <iterator>
#include <string>

#include "daemon/keeper/books.h"
#include "tests/support/catch.h"

namespace latchkey::keeper {
namespace {

std::string ErrorOf(std::string_view text) {
  const auto config = ParseConfig(text, "c.toml");
  return config ? "" : config.error().message;
}

bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("config: an empty file is the defaults") {
  const auto config = ParseConfig("", "c.toml");
  REQUIRE(config.has_value());
  CHECK(*config == Config{});
}

TEST_CASE("config: the example names every key, with its default") {
  std::ifstream in(LATCHKEY_EXAMPLE_CONFIG);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  REQUIRE_FALSE(text.empty());
  const auto config = ParseConfig(text, "latchkey.toml");
  INFO((config ? "" : config.error().message));
  REQUIRE(config.has_value());
  CHECK(*config == Config{});
  for (const std::string& key : ConfigKeys()) {
    INFO(key);
    CHECK(Has(text, "\n" + key.substr(key.find('.') + 1) + " = "));
  }
}

TEST_CASE("config: the machine's own defaults are the file's") {
  const Config config;
  const Settings settings;
  CHECK(settings.cache_bytes == config.camera.cache_bytes);
  CHECK(settings.cache_frames == config.camera.cache_frames);
  CHECK(settings.cache_age == config.camera.cache_age);
  CHECK(settings.max_viewers == config.camera.max_viewers);
  CHECK(settings.max_bitrate_kbit == config.camera.max_bitrate_kbit);
  CHECK(settings.hold_least == config.camera.hold_least);
  CHECK(settings.hold_most == config.camera.hold_most);
  CHECK(settings.stale_after == config.camera.stale_after);
  CHECK(settings.unavailable_after == config.camera.unavailable_after);
}

TEST_CASE("config: URLs name the host that is set, or an IPv4 address before any of IPv6") {
  const IpAddress v4 = IpAddress::V4({192, 0, 2, 7});
  const IpAddress v6 = *IpAddress::Parse("fd00::7");
  Config::Http http;
  CHECK(LanUrl(http, {v6, v4}, 8443) == "https://192.0.2.7:8443");
  CHECK(LanUrl(http, {v4, v6}, 8443) == "https://192.0.2.7:8443");
  CHECK(LanUrl(http, {v6}, 8443) == "https://[fd00::7]:8443");
  CHECK(LanUrl(http, {}, 8443) == "https://localhost:8443");
  http.host = "hub.home.arpa";
  CHECK(LanUrl(http, {v6, v4}, 443) == "https://hub.home.arpa:443");
}

TEST_CASE("config: media goes by private addresses, and those of IPv4 that are none are told apart") {
  const IpAddress own = IpAddress::V4({192, 168, 1, 7});
  const IpAddress bought = IpAddress::V4({203, 0, 113, 7});
  const IpAddress ula = *IpAddress::Parse("fd00::7");
  const IpAddress global = *IpAddress::Parse("2001:db8::7");
  Config::Media media;
  const std::vector<IpAddress> machine{bought, own, global, ula};
  CHECK(MediaAddresses(media, machine) == std::vector<IpAddress>{own, ula});
  CHECK(WithoutMedia(media, machine) == std::vector<IpAddress>{bought});
  CHECK(MediaAddresses(media, {bought}).empty());
  CHECK(MediaAddresses(media, std::vector<IpAddress>(kMaxMediaAddresses + 1, own)).size() ==
        kMaxMediaAddresses);
  // What its owner says holds.
  media.addresses = {bought};
  CHECK(MediaAddresses(media, machine) == media.addresses);
  CHECK(WithoutMedia(media, machine).empty());
}

TEST_CASE("config: every key can be set") {
  const auto config = ParseConfig(R"(
[http]
loopback_port = 0
lan_port = 443
host = "hub.local"
[media]
udp_port_first = 50000
udp_port_count = 8
addresses = ["192.0.2.7", "fd00::1"]
[camera]
cache_bytes = 1048576
cache_frames = 100
cache_age_ms = 5000
max_viewers = 2
max_bitrate_kbit = 3000
hold_least_ms = 20
hold_most_ms = 500
stale_after_ms = 300
unavailable_after_ms = 1000
[log]
level = "debug"
)",
                                  "c.toml");
  INFO((config ? "" : config.error().message));
  REQUIRE(config.has_value());
  CHECK(config->http.loopback_port == 0);
  CHECK(config->http.lan_port == 443);
  CHECK(config->http.host == "hub.local");
  CHECK(config->media.udp_port_first == 50000);
  CHECK(config->media.udp_port_count == 8);
  REQUIRE(config->media.addresses.size() == 2);
  CHECK(config->media.addresses[0].ToString() == "192.0.2.7");
  CHECK(config->camera.cache_bytes == 1048576);
  CHECK(config->camera.cache_frames == 100);
  CHECK(config->camera.cache_age == seconds(5));
  CHECK(config->camera.max_viewers == 2);
  CHECK(config->camera.max_bitrate_kbit == 3000);
  CHECK(config->camera.hold_least == milliseconds(20));
  CHECK(config->camera.hold_most == milliseconds(500));
  CHECK(config->camera.stale_after == milliseconds(300));
  CHECK(config->camera.unavailable_after == seconds(1));
  CHECK(config->log.level == "debug");
}

TEST_CASE("config: an unknown key or section is refused with its line and what there is") {
  std::string error = ErrorOf("[camera]\nmax_viewers = 3\nmax_veiwers = 4\n");
  CHECK(error.starts_with("c.toml:3: "));
  CHECK(Has(error, "camera.max_veiwers"));
  CHECK(Has(error, "max_viewers, max_bitrate_kbit"));
  error = ErrorOf("\n\n[camra]\n");
  CHECK(error.starts_with("c.toml:3: "));
  CHECK(Has(error, "[camera]"));
  CHECK(ErrorOf("max_viewers = 3\n").starts_with("c.toml:1: unknown key max_viewers"));
  CHECK(ErrorOf("camera = 3\n").starts_with("c.toml:1: camera must be a section"));
}

TEST_CASE("config: a value of a wrong type or out of range is refused with its line and what is allowed") {
  struct Row {
    const char* text;
    const char* start;
    const char* allowed;
  };
  const Row rows[] = {
      {"[http]\n\nlan_port = 0\n", "c.toml:3: http.lan_port", "1 to 65535"},
      {"[http]\nlan_port = 65536\n", "c.toml:2: http.lan_port", "1 to 65535"},
      {"[http]\nlan_port = \"8443\"\n", "c.toml:2: http.lan_port", "whole number"},
      {"[http]\nlan_port = 84.5\n", "c.toml:2: http.lan_port", "whole number"},
      {"[http]\nhost = \"a b\"\n", "c.toml:2: http.host", "host name"},
      {"[http]\nhost = \"a\\n\"\n", "c.toml:2: http.host", "host name"},
      {"[http]\ncertificate = \"hub.crt\"\n", "c.toml:2: http.certificate", "whole path"},
      {"[http]\nkey = 7\n", "c.toml:2: http.key", "whole path"},
      {"[http]\nkey = \"/k\"\n", "c.toml:1: http.certificate and http.key", "both, or neither"},
      {"[http]\ncertificate = \"/c\"\n", "c.toml:1: http.certificate and http.key", "both, or neither"},
      {"[camera]\nmax_viewers = 257\n", "c.toml:2: camera.max_viewers", "1 to 256"},
      {"[camera]\nmax_viewers = true\n", "c.toml:2: camera.max_viewers", "1 to 256"},
      {"[camera]\nunavailable_after_ms = 2001\n", "c.toml:2: camera.unavailable_after_ms", "200 to 2000"},
      {"[camera]\n\nstale_after_ms = 800\nunavailable_after_ms = 800\n", "c.toml:1: camera.stale_after_ms",
       "less than"},
      {"[camera]\nhold_most_ms = 5\n", "c.toml:2: camera.hold_most_ms", "10 to 2000"},
      {"[camera]\nhold_least_ms = 90\nhold_most_ms = 80\n", "c.toml:1: camera.hold_least_ms", "not be more"},
      {"[media]\naddresses = \"192.0.2.1\"\n", "c.toml:2: media.addresses", "list"},
      {"[media]\naddresses = [\"hub.local\"]\n", "c.toml:2: media.addresses", "list"},
      {"[media]\naddresses = [\"0.0.0.0\"]\n", "c.toml:2: media.addresses", "list"},
      {"[media]\nudp_port_first = 65000\nudp_port_count = 1000\n", "c.toml:1: media.udp_port_first", "65535"},
      {"[log]\nlevel = \"loud\"\n", "c.toml:2: log.level", "\"debug\""},
      {"[log]\nlevel = 3\n", "c.toml:2: log.level", "\"debug\""},
  };
  for (const Row& row : rows) {
    const std::string error = ErrorOf(row.text);
    INFO(row.text << " -> " << error);
    CHECK(error.starts_with(row.start));
    CHECK(Has(error, row.allowed));
    CHECK_FALSE(Has(error, "\n"));
  }
}

TEST_CASE("config: what is not TOML, or too large, is refused with its line") {
  CHECK(ErrorOf("[http]\nlan_port = \n").starts_with("c.toml:2: not TOML"));
  CHECK(ErrorOf("[http]\nlan_port = 1\nlan_port = 2\n").starts_with("c.toml:3: not TOML"));
  CHECK(ErrorOf("\xff\xfe").starts_with("c.toml:1: not TOML"));
  CHECK(ErrorOf(std::string(kMaxConfigFile + 1, '#')).starts_with("c.toml:1: larger"));
}

}  // namespace latchkey::keeper
