// Admitted SRTP keys (DESIGN section 4, "stream key admission" (a) to (c)): a key becomes usable at the gate
// only as a StreamKey, and only stream_key.cpp makes one.
#pragma once

#include <utility>

#include "daemon/base/result.h"
#include "daemon/ports/crypto.h"
#include "daemon/ports/dtls.h"
#include "daemon/ports/srtp.h"
#include "daemon/ports/stream_key.h"

namespace latchkey::gate {

// The master key with which an admitted peer protects what it sends us. Movable, wiped at its end.
class StreamKey {
 public:
  StreamKey(StreamKey&&) noexcept = default;
  StreamKey& operator=(StreamKey&&) noexcept = default;

  [[nodiscard]] ports::SrtpProfile profile() const { return key_.profile; }

 private:
  friend class Gate;  // the only reader of the bytes
  friend Result<StreamKey> AdmitCameraKey(ports::Crypto& crypto, ports::SrtpKey key,
                                          const struct CameraProof& proof);
  friend Result<StreamKey> AdmitSdesKey(ports::Crypto& crypto, ports::SrtpKey key,
                                        const struct SdesProof& proof);
  friend Result<StreamKey> AdmitViewerKey(ports::SrtpKey key, const struct DtlsProof& proof);
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

// What the keeper compares.
using StreamKeyDigest = ports::StreamKeyDigest;

struct CameraProof {
  DtlsProof dtls;
  // Of the key that the keeper let this camera use: no other camera has it, it was never used before, and who
  // proved to hold the certificate is who the owner pinned.
  StreamKeyDigest vouched{};
};

// Why the holder of a key that did not come by DTLS is the enrolled camera: the key stood in an offer that
// the camera's own token authorised, over the hub's TLS, or it is the one that the hub itself made for it.
struct SdesProof {
  StreamKeyDigest vouched{};  // as in CameraProof; of a key that the hub made: it is that one
};

// As ports::DigestOfMasterKey().
[[nodiscard]] StreamKeyDigest DigestOf(ports::Crypto& crypto, const ports::SrtpKey& key);

// What this process can see for itself, before the keeper is asked:
// (b) the key is no constant, pattern or published one (gate/weak_key.h), nor is the salt constant;
// (c) the profile is of the closed list.
// kDenied otherwise, in words for the owner.
[[nodiscard]] Status CheckKey(const ports::SrtpKey& key);

// CheckKey(), and
// (a) the peer showed the certificate of the offer that its token authorised;
// (a, b) the keeper vouched for this very key.
// kDenied otherwise, with a message for the audit log; the key is wiped either way.
Result<StreamKey> AdmitCameraKey(ports::Crypto& crypto, ports::SrtpKey key, const CameraProof& proof);

// CheckKey(), and (a, b) the keeper vouched for this very key.
Result<StreamKey> AdmitSdesKey(ports::Crypto& crypto, ports::SrtpKey key, const SdesProof& proof);

// Of a viewer, who sends feedback alone: CheckKey() and (a).
Result<StreamKey> AdmitViewerKey(ports::SrtpKey key, const DtlsProof& proof);

}  // namespace latchkey::gate
