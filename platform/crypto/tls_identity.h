// A server's certificate and key: made here, or read from what its owner brings.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/result.h"
#include "daemon/base/secret.h"
#include "daemon/base/time.h"

namespace latchkey::platform {

// Names in one certificate.
constexpr std::size_t kMaxCertifiedNames = 32;

struct TlsIdentity {
  std::string certificate_pem;  // the server's own first, then those that vouch for it
  SecretText key_pem;           // without a passphrase
};

// What a certificate says of itself.
struct CertificateFacts {
  std::array<std::uint8_t, 32> fingerprint{};  // SHA-256 of its DER form, as browsers show it
  std::array<std::uint8_t, 32>
      public_key{};  // SHA-256 of its SubjectPublicKeyInfo: the same as long as its key
  WallTime not_before{};
  WallTime not_after{};
  std::vector<std::string> names;  // DNS names and IP literals
};

// The ECDSA P-256 key whose private part is `seed`, as PEM. kCorrupt for the one number in 2^32 that is none.
[[nodiscard]] Result<SecretText> TlsKeyFromSeed(const Secret32& seed);

// Self-signed, from a day before `now` for 397 days (what browsers accept at most), for these DNS names and
// IP literals (1..kMaxCertifiedNames).
[[nodiscard]] Result<std::string> MakeSelfSigned(const SecretText& key_pem,
                                                 const std::vector<std::string>& names, WallTime now);

// Of the first certificate in the text. kCorrupt when there is none.
[[nodiscard]] Result<CertificateFacts> ReadCertificate(std::string_view pem);

// kCorrupt when one of the two is not what it should be, kConflict when the key is another certificate's. The
// message begins with a small letter and names no file.
[[nodiscard]] Status CheckPair(const TlsIdentity& identity);

}  // namespace latchkey::platform
