// A private key that outlives its process, in a file that nobody else may read. Private to platform/crypto.
#pragma once

#include <string>

#include "daemon/base/result.h"
#include "platform/crypto/openssl_ptr.h"

namespace latchkey::platform {

// ECDSA P-256, PKCS#8 in PEM, 0600; made when there is none. kDenied when others may read it, kCorrupt when
// it is no such key: both leave it as it is.
Result<KeyPtr> LoadOrMakeKey(const std::string& path);

}  // namespace latchkey::platform
