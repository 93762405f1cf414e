// Tokens: 256 random bits that say who asks. Shown once, kept by the keeper as SHA-256 alone.
//
//   lk_0f3c…   the three characters "lk_" and exactly 64 lower-case hexadecimal digits
//
// Nothing else is a token: no upper case, no spaces, no shorter or longer form (invariant 9).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "daemon/base/ids.h"
#include "daemon/base/secret.h"
#include "daemon/ports/crypto.h"
#include "daemon/ports/entropy.h"

namespace latchkey::access {

constexpr std::string_view kTokenPrefix = "lk_";
constexpr std::size_t kTokenTextSize = 3 + 64;

Secret32 MakeToken(ports::Entropy& entropy);

// The one text form. The caller shows it and then wipes it (WipeText).
std::string FormatToken(const Secret32& token);
// Nothing unless `text` is exactly that form.
std::optional<Secret32> ParseToken(std::string_view text);

// What the keeper keeps of a token.
ports::Sha256Digest DigestOf(ports::Crypto& crypto, const Secret32& token);
// Who asks, in a Ticket: the first 16 bytes of that digest.
PrincipalId PrincipalOf(const ports::Sha256Digest& digest);
PrincipalId PrincipalOf(ports::Crypto& crypto, const Secret32& token);

}  // namespace latchkey::access
