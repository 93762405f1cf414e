#include "daemon/front/host.h"

#include <algorithm>

namespace latchkey::front {
namespace {

std::string InBrackets(const std::string& name) {
  return name.find(':') == std::string::npos ? name : "[" + name + "]";
}

}  // namespace

HostPolicy::HostPolicy(std::vector<std::string> names, std::uint16_t port, bool secure, bool local_addresses)
    : names_(std::move(names)), port_(port), secure_(secure), local_addresses_(local_addresses) {
  for (std::string& name : names_) name = InBrackets(name);
}

std::optional<std::string> HostPolicy::Origin(std::string_view host, const IpAddress& local) const {
  std::string name(host);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const std::uint16_t scheme_port = secure_ ? 443 : 80;
  const std::string suffix = ":" + std::to_string(port_);
  std::string port;
  if (name.size() > suffix.size() && name.ends_with(suffix)) {
    name.resize(name.size() - suffix.size());
    if (port_ != scheme_port) port = suffix;
  } else if (port_ != scheme_port) {
    return std::nullopt;
  }
  const bool known = std::find(names_.begin(), names_.end(), name) != names_.end() ||
                     (local_addresses_ && !local.IsUnspecified() && name == InBrackets(local.ToString()));
  if (!known) return std::nullopt;
  return (secure_ ? "https://" : "http://") + name + port;
}

}  // namespace latchkey::front
