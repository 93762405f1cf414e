// SRTP master keys that are none: anybody can guess them, or read them somewhere.
#pragma once

#include <optional>
#include <string_view>

#include "daemon/base/bytes.h"

namespace latchkey::gate {

// In words for the owner why this master key is no secret; nothing: it may be one. A random key is taken for
// weak once in 2^60 or less. A key of 16 or 32 bytes.
//
//   few different bytes     zeros, a constant, a short pattern that repeats
//   equal steps             00 01 02 03 ...
//   published               in a standard, a test vector or a manual, or beginning as one of these does
[[nodiscard]] std::optional<std::string_view> WhyWeak(ByteView key);

}  // namespace latchkey::gate
