// What the tests of parsers share.
#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "daemon/wire/rtcp.h"
#include "daemon/wire/stun.h"
#include "tests/support/bytes.h"
#include "tests/support/catch.h"

namespace latchkey::wire {

// An independent HMAC-SHA1.
inline StunDigest TestHmac(ByteView key, ByteView data) {
  StunDigest digest{};
  unsigned size = 0;
  HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), data.data(), data.size(), digest.data(), &size);
  return digest;
}

// A copy of the exact size on the heap, so that the sanitizer sees a read past the end.
inline ByteVector Exactly(ByteView bytes) {
  return {bytes.begin(), bytes.end()};
}

// No prefix of `message` parses.
template <class Parse>
void CheckNoPrefixParses(ByteView message, Parse parse) {
  for (std::size_t n = 0; n < message.size(); ++n) {
    const ByteVector prefix = Exactly(message.first(n));
    INFO("prefix of " << n << " of " << message.size());
    CHECK_FALSE(parse(ByteView(prefix)));
  }
}

// The only block of a compound. A compound of another shape fails the test.
inline RtcpBlock OnlyBlock(ByteView bytes) {
  const auto compound = ParseRtcp(bytes);
  REQUIRE(compound);
  REQUIRE(compound->begin() != compound->end());
  auto next = compound->begin();
  REQUIRE(++next == compound->end());
  return *compound->begin();
}

}  // namespace latchkey::wire
