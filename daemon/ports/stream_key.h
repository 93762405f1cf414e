// What tells one stream key from every other and says nothing else of it: what is compared across cameras.
#pragma once

#include "daemon/ports/crypto.h"

namespace latchkey::ports {

using StreamKeyDigest = Sha256Digest;

// Of the SRTP master key alone (RFC 3711 3.2.1): two cameras with one key and two salts still share it.
inline StreamKeyDigest DigestOfMasterKey(Crypto& crypto, ByteView master_key) {
  return crypto.HmacSha256(master_key, AsBytes("latchkey stream key 1"));
}

}  // namespace latchkey::ports
