#include "daemon/keeper/config.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <utility>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace latchkey::keeper {
namespace {

// Where in the file, for errors.
class Place {
 public:
  Place(std::string_view file, const toml::source_region& where) : file_(file), line_(where.begin.line) {}
  [[nodiscard]] tl::unexpected<Error> Fail(const std::string& what) const {
    return latchkey::Fail(ErrorCode::kInvalid, file_ + ":" + std::to_string(line_) + ": " + what);
  }

 private:
  std::string file_;
  std::uint32_t line_;
};

struct Key {
  const char* section;
  const char* name;
  // What is wrong with the value, beginning with what is allowed; nothing when it was taken.
  std::function<std::optional<std::string>(Config&, const toml::node&)> take;
};

template <class Set>
Key Number(const char* section, const char* name, std::int64_t least, std::int64_t most, Set set) {
  return {section, name, [=](Config& config, const toml::node& node) -> std::optional<std::string> {
            const auto value = node.value_exact<std::int64_t>();
            if (!value || *value < least || *value > most) {
              return "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
            }
            set(config, *value);
            return std::nullopt;
          }};
}

std::optional<std::string> TakeHost(Config& config, const toml::node& node) {
  const auto value = node.value_exact<std::string>();
  const std::string allowed = "a host name or an address, or \"\"";
  if (!value || value->size() > 253) return allowed;
  for (const char c : *value) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '-' || c == ':' || c == '[' || c == ']';
    if (!good) return allowed;
  }
  config.http.host = *value;
  return std::nullopt;
}

// A file, by its whole path.
std::function<std::optional<std::string>(Config&, const toml::node&)> TakePath(
    std::string Config::Http::*field) {
  return [field](Config& config, const toml::node& node) -> std::optional<std::string> {
    const auto value = node.value_exact<std::string>();
    const bool none = value && value->empty();
    if (!none && (!value || !value->starts_with('/') || value->size() > 4096 ||
                  value->find('\0') != std::string::npos))
      return "the whole path of a file, or \"\"";
    config.http.*field = *value;
    return std::nullopt;
  };
}

std::optional<std::string> TakeAddresses(Config& config, const toml::node& node) {
  const std::string allowed = "a list of at most " + std::to_string(kMaxMediaAddresses) +
                              " addresses in quotes, like [\"192.0.2.7\"], or [] for all";
  const toml::array* list = node.as_array();
  if (list == nullptr || list->size() > kMaxMediaAddresses) return allowed;
  for (const toml::node& item : *list) {
    const auto text = item.value_exact<std::string>();
    const auto address = text ? IpAddress::Parse(*text) : std::nullopt;
    if (!address || address->IsUnspecified()) return allowed;
    config.media.addresses.push_back(*address);
  }
  return std::nullopt;
}

std::optional<std::string> TakeLevel(Config& config, const toml::node& node) {
  const auto value = node.value_exact<std::string>();
  for (const char* level : {"debug", "info", "warning", "error", "off"}) {
    if (value == level) {
      config.log.level = level;
      return std::nullopt;
    }
  }
  return "\"debug\", \"info\", \"warning\", \"error\" or \"off\"";
}

template <class T>
T As(std::int64_t value) {
  return static_cast<T>(value);
}

std::vector<Key> MakeKeys() {
  using C = Config;
  std::vector<Key> keys;
  keys.push_back(Number("http", "loopback_port", 0, 65535,
                        [](C& c, auto v) { c.http.loopback_port = As<std::uint16_t>(v); }));
  keys.push_back(
      Number("http", "lan_port", 1, 65535, [](C& c, auto v) { c.http.lan_port = As<std::uint16_t>(v); }));
  keys.push_back({"http", "host", TakeHost});
  keys.push_back({"http", "certificate", TakePath(&C::Http::certificate)});
  keys.push_back({"http", "key", TakePath(&C::Http::key)});
  keys.push_back(Number("media", "udp_port_first", 1024, 65535,
                        [](C& c, auto v) { c.media.udp_port_first = As<std::uint16_t>(v); }));
  keys.push_back(Number("media", "udp_port_count", 1, 4096,
                        [](C& c, auto v) { c.media.udp_port_count = As<std::uint16_t>(v); }));
  keys.push_back({"media", "addresses", TakeAddresses});
  keys.push_back(Number("camera", "cache_bytes", 262144, 268435456,
                        [](C& c, auto v) { c.camera.cache_bytes = As<std::uint32_t>(v); }));
  keys.push_back(Number("camera", "cache_frames", 16, 65536,
                        [](C& c, auto v) { c.camera.cache_frames = As<std::uint32_t>(v); }));
  keys.push_back(Number("camera", "cache_age_ms", 1000, 600000,
                        [](C& c, auto v) { c.camera.cache_age = milliseconds(v); }));
  keys.push_back(Number("camera", "max_viewers", 1, 256,
                        [](C& c, auto v) { c.camera.max_viewers = As<std::uint32_t>(v); }));
  keys.push_back(Number("camera", "max_bitrate_kbit", 64, 100000,
                        [](C& c, auto v) { c.camera.max_bitrate_kbit = As<std::uint32_t>(v); }));
  keys.push_back(Number("camera", "hold_least_ms", 10, 2000,
                        [](C& c, auto v) { c.camera.hold_least = milliseconds(v); }));
  keys.push_back(
      Number("camera", "hold_most_ms", 10, 2000, [](C& c, auto v) { c.camera.hold_most = milliseconds(v); }));
  keys.push_back(Number("camera", "stale_after_ms", 100, 2000,
                        [](C& c, auto v) { c.camera.stale_after = milliseconds(v); }));
  keys.push_back(Number("camera", "unavailable_after_ms", 200, 2000,
                        [](C& c, auto v) { c.camera.unavailable_after = milliseconds(v); }));
  keys.push_back(Number("audit", "keep_days", 1, 3660, [](C& c, auto v) { c.audit.keep = hours(24) * v; }));
  keys.push_back(Number("audit", "max_mb", 1, 100000, [](C& c, auto v) { c.audit.max_mb = v; }));
  keys.push_back({"log", "level", TakeLevel});
  return keys;
}

std::string Allowed(const std::vector<Key>& keys, const std::string& section) {
  std::string names;
  std::string last;
  for (const Key& key : keys) {
    const std::string name = section.empty() ? "[" + std::string(key.section) + "]" : key.name;
    if ((!section.empty() && section != key.section) || name == last) continue;
    names += (names.empty() ? "" : ", ") + name;
    last = name;
  }
  return names;
}

Status TakeSection(Config& config, const std::vector<Key>& keys, const std::string& section,
                   const toml::table& table, std::string_view file) {
  for (const auto& [name, node] : table) {
    const Place place(file, name.source());
    const Key* known = nullptr;
    for (const Key& key : keys) {
      if (section == key.section && name.str() == key.name) known = &key;
    }
    const std::string full = section + "." + std::string(name.str());
    if (known == nullptr) {
      return place.Fail("unknown key " + full + "; there are " + Allowed(keys, section) + " in [" + section +
                        "]");
    }
    if (const auto allowed = known->take(config, node)) return place.Fail(full + " must be " + *allowed);
  }
  return {};
}

// What no single key can tell.
Status CheckWhole(const Config& config, const toml::table& root, std::string_view file) {
  const auto at = [&](const char* section) {
    const toml::node* node = root.get(section);
    return Place(file, node == nullptr ? toml::source_region{} : node->source());
  };
  if (config.http.certificate.empty() != config.http.key.empty())
    return at("http").Fail("http.certificate and http.key belong together: name both, or neither");
  if (config.media.udp_port_first + config.media.udp_port_count - 1 > 65535) {
    return at("media").Fail("media.udp_port_first and udp_port_count go beyond port 65535");
  }
  if (config.camera.hold_least > config.camera.hold_most) {
    return at("camera").Fail("camera.hold_least_ms must not be more than hold_most_ms");
  }
  if (config.camera.stale_after >= config.camera.unavailable_after) {
    return at("camera").Fail("camera.stale_after_ms must be less than unavailable_after_ms");
  }
  return {};
}

}  // namespace

Result<Config> ParseConfig(std::string_view text, std::string_view file) {
  if (text.size() > kMaxConfigFile) {
    return Fail(ErrorCode::kInvalid,
                std::string(file) + ":1: larger than " + std::to_string(kMaxConfigFile) + " bytes");
  }
  const toml::parse_result parsed = toml::parse(text, file);
  if (!parsed) {
    return Place(file, parsed.error().source())
        .Fail("not TOML: " + std::string(parsed.error().description()));
  }
  const toml::table& root = parsed.table();
  const std::vector<Key> keys = MakeKeys();
  Config config;
  for (const auto& [name, node] : root) {
    const std::string section(name.str());
    const Place place(file, name.source());
    bool known = false;
    for (const Key& key : keys) known = known || section == key.section;
    if (!known) return place.Fail("unknown key " + section + "; there are " + Allowed(keys, ""));
    const toml::table* table = node.as_table();
    if (table == nullptr) return place.Fail(section + " must be a section: [" + section + "]");
    if (auto taken = TakeSection(config, keys, section, *table, file); !taken)
      return tl::unexpected(taken.error());
  }
  if (auto whole = CheckWhole(config, root, file); !whole) return tl::unexpected(whole.error());
  return config;
}

std::vector<IpAddress> MediaAddresses(const Config::Media& media, std::vector<IpAddress> machine) {
  if (!media.addresses.empty()) return media.addresses;
  std::erase_if(machine, [](const IpAddress& a) { return !a.IsLocalScope(); });
  if (machine.size() > kMaxMediaAddresses) machine.resize(kMaxMediaAddresses);
  return machine;
}

std::vector<IpAddress> WithoutMedia(const Config::Media& media, std::vector<IpAddress> machine) {
  if (!media.addresses.empty()) return {};
  std::erase_if(machine, [](const IpAddress& a) { return !a.is_v4() || a.IsLocalScope(); });
  return machine;
}

std::string LanUrl(const Config::Http& http, const std::vector<IpAddress>& lan, std::uint16_t port) {
  if (!http.host.empty()) return "https://" + http.host + ":" + std::to_string(port);
  if (lan.empty()) return "https://localhost:" + std::to_string(port);
  const auto v4 = std::find_if(lan.begin(), lan.end(), [](const IpAddress& a) { return a.is_v4(); });
  return "https://" + SocketAddress{v4 == lan.end() ? lan.front() : *v4, port}.ToString();
}

std::vector<std::string> ConfigKeys() {
  std::vector<std::string> names;
  for (const Key& key : MakeKeys()) names.push_back(std::string(key.section) + "." + key.name);
  return names;
}

}  // namespace latchkey::keeper
