#include "tests/sim/machine.h"

#include "platform/crypto/openssl_crypto.h"
#include "platform/crypto/srtp.h"
#include "tests/sim/cheap_crypto.h"
#include "tests/sim/cheap_srtp.h"

namespace latchkey::sim {

Machine::Machine(std::uint64_t seed, bool real) : entropy_(seed), dtls_(entropy_) {
  if (real) {
    crypto_ = std::make_unique<platform::OpenSslCrypto>();
    srtp_ = std::make_unique<platform::LibSrtpFactory>();
  } else {
    crypto_ = std::make_unique<CheapCrypto>();
    srtp_ = std::make_unique<CheapSrtpFactory>();
  }
}

}  // namespace latchkey::sim
