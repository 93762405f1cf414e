// The HMAC that wire/stun.h asks for, by the crypto port.
#pragma once

#include "daemon/base/bytes.h"
#include "daemon/ports/crypto.h"

namespace latchkey::peer {

// `crypto` outlives what is returned.
inline auto HmacOf(ports::Crypto& crypto) {
  return [&crypto](ByteView key, ByteView data) { return crypto.HmacSha1(key, data); };
}

}  // namespace latchkey::peer
