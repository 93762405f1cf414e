#include "daemon/keeper/http_identity.h"

#include <algorithm>

#include "daemon/base/address.h"
#include "daemon/base/ids.h"

namespace latchkey::keeper {

std::vector<std::string> HubNames(const Config::Http& http, bool loopback, std::string_view machine) {
  std::vector<std::string> names;
  const auto add = [&names](std::string name) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(std::move(name));
  };
  for (const char* name : {"127.0.0.1", "localhost", "::1"}) add(name);
  if (loopback) return names;
  add("latchkey.local");
  add(std::string(machine));
  if (machine.find('.') == std::string_view::npos && !machine.empty() && machine != "localhost")
    add(std::string(machine) + ".local");
  std::string host = http.host;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  add(std::move(host));
  return names;
}

bool IsRenewalDue(const std::vector<std::string>& names, WallTime not_after,
                  const std::vector<std::string>& wanted, WallTime now) {
  if (now >= not_after - kRenewBefore) return true;
  return std::any_of(wanted.begin(), wanted.end(), [&](const std::string& name) {
    return name.find(':') == std::string::npos && std::find(names.begin(), names.end(), name) == names.end();
  });
}

std::vector<std::string> RenewedNames(std::vector<std::string> wanted,
                                      const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto address = IpAddress::Parse(name);
    const bool stays = address && address->is_v4();
    if (stays && wanted.size() < kMaxCertifiedNames &&
        std::find(wanted.begin(), wanted.end(), name) == wanted.end())
      wanted.push_back(name);
  }
  return wanted;
}

std::string FingerprintText(std::span<const std::uint8_t> digest) {
  std::string text;
  for (const char digit : internal::HexEncode(digest)) {
    if (text.size() % 3 == 2) text += ':';
    text += digit >= 'a' ? static_cast<char>(digit - 'a' + 'A') : digit;
  }
  return text;
}

}  // namespace latchkey::keeper
