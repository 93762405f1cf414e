// What one machine of the world (hub, camera, viewer) is made of: its randomness, its certificate, and the
// stand-ins or the real crypto and SRTP.
#pragma once

#include <cstdint>
#include <memory>

#include "daemon/peer/transport.h"
#include "tests/sim/scripted_dtls.h"
#include "tests/support/seeded_entropy.h"

namespace latchkey::sim {

class Machine {
 public:
  // `real`: OpenSSL and libsrtp. DTLS is scripted always.
  Machine(std::uint64_t seed, bool real);

  [[nodiscard]] peer::SessionPorts ports() { return {*crypto_, entropy_, dtls_, *srtp_}; }
  ports::Crypto& crypto() { return *crypto_; }
  ports::SrtpFactory& srtp() { return *srtp_; }
  test::SeededEntropy& entropy() { return entropy_; }
  ScriptedDtlsFactory& dtls() { return dtls_; }

 private:
  test::SeededEntropy entropy_;
  ScriptedDtlsFactory dtls_;
  std::unique_ptr<ports::Crypto> crypto_;
  std::unique_ptr<ports::SrtpFactory> srtp_;
};

}  // namespace latchkey::sim
