// Admitted SRTP keys (DESIGN section 4, "stream key admission" (a) to (c)): a key becomes usable at the gate
// only as a StreamKey, and only stream_key.cpp makes one.
#pragma once

#include <utility>

#include "daemon/base/result.h"
#include "daemon/ports/dtls.h"
#include "daemon/ports/srtp.h"

namespace latchkey::gate {

// The master key with which an admitted peer protects what it sends us. Movable, wiped at its end.
class StreamKey {
 public:
  StreamKey(StreamKey&&) noexcept = default;
  StreamKey& operator=(StreamKey&&) noexcept = default;

  [[nodiscard]] ports::SrtpProfile profile() const { return key_.profile; }

 private:
  friend class Gate;  // the only reader of the bytes
  friend Result<StreamKey> AdmitDtlsKey(ports::SrtpKey key, const struct DtlsProof& proof);
  explicit StreamKey(ports::SrtpKey key) : key_(std::move(key)) {}

  ports::SrtpKey key_;
};

// Why the holder of a DTLS-exported key is the enrolled camera (or the admitted viewer).
struct DtlsProof {
  // a=fingerprint of the offer that came with this peer's own token.
  ports::Fingerprint authorised{};
  // What the DTLS session was made to insist on, and saw, before it exported the key.
  ports::Fingerprint verified{};
};

// (a) the peer showed the certificate of the offer that its token authorised;
// (b) the key is no constant (a peer without a random source); live-elsewhere and retired keys are refused
//     here too once the keeper keeps its list of keyed hashes;
// (c) the profile is of the closed list.
// kDenied otherwise, with a message for the audit log; the key is wiped either way.
Result<StreamKey> AdmitDtlsKey(ports::SrtpKey key, const DtlsProof& proof);

}  // namespace latchkey::gate
