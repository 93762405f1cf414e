#include "daemon/gate/stream_key.h"

#include <algorithm>

#include "daemon/base/bytes.h"

namespace latchkey::gate {
namespace {

bool InClosedList(ports::SrtpProfile profile) {
  switch (profile) {
    case ports::SrtpProfile::kAes128CmHmacSha1_80:
    case ports::SrtpProfile::kAeadAes128Gcm:
    case ports::SrtpProfile::kAeadAes256Gcm: return true;
  }
  return false;  // a number from elsewhere in the enum's clothes
}

// One byte repeated, zeros among them. A random key or salt is so once in 2^88.
bool IsConstant(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [&bytes](std::uint8_t b) { return b == bytes[0]; });
}

}  // namespace

Result<StreamKey> AdmitDtlsKey(ports::SrtpKey key, const DtlsProof& proof) {
  // (a) An all-zero fingerprint is a field that nobody filled in, which proves nothing.
  if (proof.authorised == ports::Fingerprint{}) {
    return Fail(ErrorCode::kDenied, "stream key refused: the offer authorised no certificate");
  }
  if (!ConstantTimeEqual(proof.authorised, proof.verified)) {
    return Fail(ErrorCode::kDenied,
                "stream key refused: the certificate is not the one in the authorised offer");
  }
  // (c)
  if (!InClosedList(key.profile)) {
    return Fail(ErrorCode::kDenied, "stream key refused: its SRTP profile is not allowed");
  }
  // (b)
  const ByteView bytes = key.key_and_salt.Reveal();
  const std::size_t key_length = ports::SrtpKeyLength(key.profile);
  if (IsConstant(bytes.first(key_length)) ||
      IsConstant(bytes.subspan(key_length, ports::SrtpSaltLength(key.profile)))) {
    return Fail(ErrorCode::kDenied, "stream key refused: it is a constant, not a random key");
  }
  return StreamKey(std::move(key));
}

}  // namespace latchkey::gate
