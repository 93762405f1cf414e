// ports::SrtpFactory without cryptography, for the speed of the simulation: a packet stays in clear and ends
// with a keyed checksum over itself and its roll-over counter. A wrong key and a changed bit fail, a replay
// is refused, and so is what is older than the window. A sender that is asked to protect another packet under
// a number that it has used throws Violation: with GCM that would give the key away (RFC 7714 8.1).
#pragma once

#include "daemon/ports/srtp.h"

namespace latchkey::sim {

class CheapSrtpFactory final : public ports::SrtpFactory {
 public:
  [[nodiscard]] Result<std::unique_ptr<ports::SrtpReceiver>> MakeReceiver(const ports::SrtpKey& key) override;
  [[nodiscard]] Result<std::unique_ptr<ports::SrtpSender>> MakeSender(const ports::SrtpKey& key) override;
};

}  // namespace latchkey::sim
