// What the registry knows of cameras' keys: pins, certificates, used keys, and the secret that they are told
// by.
#include <algorithm>
#include <string_view>

#include "daemon/keeper/registry.h"

namespace latchkey::keeper {
namespace {

// HMAC inputs: what the secret is checked by, and what stands before a key's digest.
constexpr std::string_view kSecretLabel = "latchkey registry secret 1";
constexpr std::string_view kTagLabel = "latchkey key tag 1";
// HKDF info of the key under which enrolled keys are stored.
constexpr std::string_view kSdesLabel = "latchkey sdes key 1";

}  // namespace

tl::unexpected<Error> Registry::PinTaken(CameraId other) {
  return Fail(ErrorCode::kConflict,
              "another camera (" + other.ToHex() + ") has this certificate: two cameras never share a key");
}

Status Registry::BindSecret() {
  const ports::Sha256Digest check = crypto_.HmacSha256(secret_.Reveal(), AsBytes(kSecretLabel));
  const auto known = store_.SecretCheck();
  if (!known) return tl::unexpected(known.error());
  if (!*known) return store_.KeepSecretCheck(check);
  if (ConstantTimeEqual(**known, check)) return {};
  return Fail(ErrorCode::kConflict,
              "this is not the secret that the registry was used with: restore the right one from a backup "
              "(nothing was changed)");
}

Status Registry::PinCamera(CameraId id, ports::PinState state, const std::optional<ports::KeyPin>& pin) {
  ports::CameraRecord* camera = MutableCamera(id);
  if (camera == nullptr) return NoCamera();
  const bool pinned = state == ports::PinState::kFirstUse || state == ports::PinState::kConfirmed;
  LATCHKEY_CHECK(pinned == pin.has_value());
  if (pin) {
    if (const auto other = OtherOfCertificate(id, *pin)) return PinTaken(*other);
  }
  if (auto stored = store_.SetPin(id, state, pin); !stored) return stored;
  camera->pin = pin;
  camera->pin_state = state;
  return {};
}

template <class Keep>
Result<Enrolled<CameraId>> Registry::Renew(CameraId id, Keep&& keep) {
  ports::CameraRecord* camera = MutableCamera(id);
  if (camera == nullptr) return NoCamera();
  ports::TokenDigest digest{};
  auto token = MakeToken(digest);
  if (!token) return tl::unexpected(token.error());
  Enrolled<CameraId> renewed{id, std::move(*token), std::nullopt};
  std::optional<ports::SealedSdesKey> sealed;
  if (camera->enrolment) {
    NewKey key = MakeSdesKey(id);
    sealed = key.sealed;
    renewed.sdes_key = std::move(key.key);
  }
  if (auto kept = keep(digest, sealed); !kept) return tl::unexpected(kept.error());
  camera->token = digest;
  if (sealed) {
    camera->enrolment->key = *sealed;
    camera->enrolment->tag.reset();
  }
  return renewed;
}

Result<Enrolled<CameraId>> Registry::RotateCamera(CameraId id) {
  return Renew(id, [&](const ports::TokenDigest& token, const std::optional<ports::SealedSdesKey>& sdes) {
    return store_.ReplaceCameraToken(id, token, sdes);
  });
}

Result<Enrolled<CameraId>> Registry::TransferCamera(CameraId id) {
  auto renewed =
      Renew(id, [&](const ports::TokenDigest& token, const std::optional<ports::SealedSdesKey>& sdes) {
        return store_.TransferCamera(id, token, sdes);
      });
  if (!renewed) return renewed;
  ports::CameraRecord* camera = MutableCamera(id);
  camera->pin.reset();
  camera->pin_state = ports::PinState::kNone;
  camera->certificate.reset();
  std::erase_if(grants_, [&](const auto& g) { return g.camera == id; });
  return renewed;
}

ports::KeyTag Registry::TagOf(ByteView digest) const {
  ByteVector input;
  const ByteView label = AsBytes(kTagLabel);
  input.insert(input.end(), label.begin(), label.end());
  input.insert(input.end(), digest.begin(), digest.end());
  return crypto_.HmacSha256(secret_.Reveal(), input);
}

std::optional<CameraId> Registry::OtherOfCertificate(CameraId own, const ports::KeyPin& key) const {
  const ports::KeyTag tag = TagOf(key);
  for (const auto& camera : cameras_) {
    if (camera.id != own && (camera.pin == key || camera.certificate == tag)) return camera.id;
  }
  return std::nullopt;
}

std::optional<CameraId> Registry::OtherOfSdesTag(CameraId own, const ports::KeyTag& tag) const {
  for (const auto& camera : cameras_) {
    if (camera.id != own && camera.enrolment && camera.enrolment->tag == tag) return camera.id;
  }
  return std::nullopt;
}

Status Registry::UseKeys(CameraId id, const std::optional<ports::KeyPin>& certificate,
                         const ports::KeyTag& stream_key, WallTime now) {
  ports::CameraRecord* camera = MutableCamera(id);
  if (camera == nullptr) return NoCamera();
  const auto tag = certificate ? std::optional(TagOf(*certificate)) : std::nullopt;
  if (auto stored = store_.UseKeys(id, tag, stream_key, now); !stored) return stored;
  if (tag) camera->certificate = tag;
  return {};
}

Status Registry::NoteSdesTag(CameraId id, const ports::KeyTag& tag, WallTime now) {
  ports::CameraRecord* camera = MutableCamera(id);
  if (camera == nullptr || !camera->enrolment) return NoCamera();
  if (auto stored = store_.NoteSdesTag(id, tag, now); !stored) return stored;
  camera->enrolment->tag = tag;
  return {};
}

Status Registry::SetSdesPort(CameraId id, std::uint16_t port) {
  ports::CameraRecord* camera = MutableCamera(id);
  if (camera == nullptr || !camera->enrolment) return NoCamera();
  if (auto stored = store_.SetSdesPort(id, port); !stored) return stored;
  camera->enrolment->port = port;
  return {};
}

//   nonce (12) | AES-256-GCM of the key (30) | tag (16), bound to the camera
Registry::NewKey Registry::MakeSdesKey(CameraId id) {
  NewKey made;
  entropy_.Fill(made.key.RevealForWriting());
  ports::AeadNonce nonce{};
  entropy_.Fill(nonce);
  const MutableByteView sealed(made.sealed);
  std::copy(nonce.begin(), nonce.end(), sealed.begin());
  crypto_.MakeAes256Gcm(crypto_.Hkdf(secret_.Reveal(), {}, kSdesLabel))
      ->Seal(nonce, id.bytes(), made.key.Reveal(), sealed.subspan(nonce.size()));
  return made;
}

Result<ports::SdesKey> Registry::SdesKeyOf(CameraId id) {
  const ports::CameraRecord* camera = FindCamera(id);
  if (camera == nullptr || !camera->enrolment)
    return Fail(ErrorCode::kNotFound, "this camera has no key that the hub made");
  const ByteView sealed(camera->enrolment->key);
  ports::AeadNonce nonce{};
  std::copy_n(sealed.begin(), nonce.size(), nonce.begin());
  ports::SdesKey key;
  if (crypto_.MakeAes256Gcm(crypto_.Hkdf(secret_.Reveal(), {}, kSdesLabel))
          ->Open(nonce, id.bytes(), sealed.subspan(nonce.size()), key.RevealForWriting()))
    return key;
  return Fail(
      ErrorCode::kCorrupt,
      "the camera's stored key is not one of this registry: make another with latchkeyctl camera rotate");
}

}  // namespace latchkey::keeper
