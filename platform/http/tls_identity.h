// A server's certificate and key in memory.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "daemon/base/result.h"

namespace latchkey::platform {

// Names in one certificate.
constexpr std::size_t kMaxCertifiedNames = 32;

struct TlsIdentity {
  std::string certificate_pem;
  std::string key_pem;
};

// ECDSA P-256, self-signed, 397 days from now (what browsers accept at most), for these DNS names and IP
// literals (1..kMaxCertifiedNames). New at each call: it lives as long as the process, and browsers ask again
// after a restart. A certificate that stays is the keeper's to keep.
[[nodiscard]] Result<TlsIdentity> MakeSelfSignedIdentity(const std::vector<std::string>& names);

}  // namespace latchkey::platform
