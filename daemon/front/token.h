// Bearer tokens as text: `lk_` and 64 lower-case hexadecimal digits. Nothing else is a token.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "daemon/base/ids.h"
#include "daemon/base/secret.h"
#include "daemon/ports/crypto.h"

namespace latchkey::front {

[[nodiscard]] std::optional<Secret32> ParseToken(std::string_view text);

// The token of an Authorization header: `Bearer` in any case, spaces, token (RFC 6750 2.1).
[[nodiscard]] std::optional<Secret32> ParseBearer(std::string_view authorization);

// Who asks: the first 16 bytes of SHA-256 over the token's 32 bytes.
[[nodiscard]] PrincipalId PrincipalOf(ports::Crypto& crypto, const Secret32& token);

// Overwrites text that had a token in it.
void WipeText(std::string& text);

}  // namespace latchkey::front
