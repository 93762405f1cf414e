// What the registry knows of cameras' keys: pins, certificates, used keys, and the secret that they are told
// by.
#include <string_view>

#include "daemon/keeper/registry.h"

namespace latchkey::keeper {
namespace {

// HMAC inputs: what the secret is checked by, and what stands before a key's digest.
constexpr std::string_view kSecretLabel = "latchkey registry secret 1";
constexpr std::string_view kTagLabel = "latchkey key tag 1";

tl::unexpected<Error> NoCamera() {
  return Fail(ErrorCode::kNotFound, "there is no camera with this id");
}

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

Status Registry::UseKeys(CameraId id, const ports::KeyPin& certificate, const ports::KeyTag& stream_key,
                         WallTime now) {
  ports::CameraRecord* camera = MutableCamera(id);
  if (camera == nullptr) return NoCamera();
  const ports::KeyTag tag = TagOf(certificate);
  if (auto stored = store_.UseKeys(id, tag, stream_key, now); !stored) return stored;
  camera->certificate = tag;
  return {};
}

}  // namespace latchkey::keeper
