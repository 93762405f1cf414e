// Base64 with the usual alphabet (RFC 4648 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "daemon/base/bytes.h"

namespace latchkey {

// Padded.
[[nodiscard]] std::string Base64Encode(ByteView bytes);
// Padding is optional. Nothing for a character outside the alphabet.
[[nodiscard]] std::optional<ByteVector> Base64Decode(std::string_view text);

}  // namespace latchkey
