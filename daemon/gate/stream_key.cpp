#include "daemon/gate/stream_key.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "daemon/base/bytes.h"
#include "daemon/gate/weak_key.h"

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

ByteView MasterKey(const ports::SrtpKey& key) {
  return key.key_and_salt.Reveal().first(ports::SrtpKeyLength(key.profile));
}
ByteView MasterSalt(const ports::SrtpKey& key) {
  return key.key_and_salt.Reveal().subspan(ports::SrtpKeyLength(key.profile),
                                           ports::SrtpSaltLength(key.profile));
}

tl::unexpected<Error> Refused(std::string_view why) {
  return Fail(ErrorCode::kDenied, "stream key refused: " + std::string(why));
}

Status CheckPeer(const DtlsProof& proof) {
  // An all-zero fingerprint is a field that nobody filled in, which proves nothing.
  if (proof.authorised == ports::Fingerprint{}) return Refused("the offer authorised no certificate");
  if (!ConstantTimeEqual(proof.authorised, proof.verified))
    return Refused("the certificate is not the one in the authorised offer");
  return {};
}

}  // namespace

StreamKeyDigest DigestOf(ports::Crypto& crypto, const ports::SrtpKey& key) {
  return ports::DigestOfMasterKey(crypto, MasterKey(key));
}

Status CheckKey(const ports::SrtpKey& key) {
  if (!InClosedList(key.profile)) return Refused("its SRTP profile is not allowed");
  if (const auto weak = WhyWeak(MasterKey(key))) return Refused(*weak);
  const ByteView salt = MasterSalt(key);
  if (std::all_of(salt.begin(), salt.end(), [salt](std::uint8_t b) { return b == salt[0]; }))
    return Refused("its salt is a constant");
  return {};
}

Result<StreamKey> AdmitCameraKey(ports::Crypto& crypto, ports::SrtpKey key, const CameraProof& proof) {
  if (auto sound = CheckKey(key); !sound) return tl::unexpected(sound.error());
  if (auto known = CheckPeer(proof.dtls); !known) return tl::unexpected(known.error());
  if (!ConstantTimeEqual(DigestOf(crypto, key), proof.vouched)) return Refused("nobody vouched for it");
  return StreamKey(std::move(key));
}

Result<StreamKey> AdmitSdesKey(ports::Crypto& crypto, ports::SrtpKey key, const SdesProof& proof) {
  if (auto sound = CheckKey(key); !sound) return tl::unexpected(sound.error());
  if (!ConstantTimeEqual(DigestOf(crypto, key), proof.vouched)) return Refused("nobody vouched for it");
  return StreamKey(std::move(key));
}

Result<StreamKey> AdmitViewerKey(ports::SrtpKey key, const DtlsProof& proof) {
  if (auto sound = CheckKey(key); !sound) return tl::unexpected(sound.error());
  if (auto known = CheckPeer(proof); !known) return tl::unexpected(known.error());
  return StreamKey(std::move(key));
}

}  // namespace latchkey::gate
