// The Authorization header.
#pragma once

#include <optional>
#include <string_view>

#include "daemon/base/secret.h"

namespace latchkey::front {

// `Bearer` in any case, spaces, and exactly a token as access/token.h knows it (RFC 6750 2.1).
[[nodiscard]] std::optional<Secret32> ParseBearer(std::string_view authorization);

}  // namespace latchkey::front
