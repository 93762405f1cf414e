// SRTP keys in session descriptions (RFC 4568, "SDES"; suites of RFC 7714 14 as well):
//
//   a=crypto:<tag> <suite> inline:<base64 of master key and salt>["|" lifetime]["|" MKI ":" length] [params]
//
// One key for each line, without an MKI, and no parameter that weakens or changes anything: a line that asks
// for what is not done here can't be used.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/base/secret.h"

namespace latchkey::wire {

enum class SdesSuite : std::uint8_t { kAesCm128HmacSha1_80, kAeadAes128Gcm, kAeadAes256Gcm, kCount };

// As it stands in a=crypto.
std::string_view SdesSuiteName(SdesSuite suite);
// Master key and master salt together, in bytes.
std::size_t SdesKeySize(SdesSuite suite);

struct SdesCrypto {
  std::uint32_t tag = 0;  // 1..9 digits; the answer repeats it
  SdesSuite suite = SdesSuite::kAesCm128HmacSha1_80;
  Secret<48> key_and_salt;  // the first SdesKeySize() bytes
};

// Nothing for a line that can't be used: malformed, another suite, several keys, an MKI, a parameter that
// turns encryption or authentication off or that isn't known (RFC 4568 6.3.7).
std::optional<SdesCrypto> ParseCrypto(std::string_view value);
// "1 AES_CM_128_HMAC_SHA1_80 inline:…". The caller wipes it.
std::string FormatCrypto(const SdesCrypto& crypto);

}  // namespace latchkey::wire
