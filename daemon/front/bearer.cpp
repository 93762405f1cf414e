#include "daemon/front/bearer.h"

#include "daemon/access/token.h"
#include "daemon/base/ascii.h"

namespace latchkey::front {
namespace {

constexpr std::string_view kScheme = "bearer";

}  // namespace

std::optional<Secret32> ParseBearer(std::string_view authorization) {
  if (authorization.size() <= kScheme.size()) return std::nullopt;
  const std::string_view scheme = authorization.substr(0, kScheme.size());
  if (!EqualWithoutCase(scheme, kScheme)) return std::nullopt;
  const std::string_view rest = authorization.substr(kScheme.size());
  const auto first = rest.find_first_not_of(' ');
  if (first == 0 || first == std::string_view::npos) return std::nullopt;
  return access::ParseToken(rest.substr(first));
}

}  // namespace latchkey::front
