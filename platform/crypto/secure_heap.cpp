#include "platform/crypto/secure_heap.h"

#include <openssl/crypto.h>

namespace latchkey::platform {

bool OpenSecureHeap() {
  constexpr unsigned kSmallestPiece = 32;
  return CRYPTO_secure_malloc_init(kSecureHeap, kSmallestPiece) != 0;
}

}  // namespace latchkey::platform
