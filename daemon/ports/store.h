// The registry on disk: who the cameras and viewers are, and who may see what. Implemented with SQLite in
// platform/store. Every operation is durable when it returns: a power cut afterwards loses nothing, one
// before it leaves what was there.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/ids.h"
#include "daemon/base/result.h"
#include "daemon/base/secret.h"
#include "daemon/base/time.h"
#include "daemon/ports/crypto.h"
#include "daemon/ports/srtp.h"

namespace latchkey::ports {

// SHA-256 of a token. The token itself is never stored.
using TokenDigest = Sha256Digest;
// SHA-256 of a camera's certificate's public key (SubjectPublicKeyInfo in DER).
using KeyPin = std::array<std::uint8_t, 32>;

// Keyed hash of a key that was shown: tells whether two are the same, to whoever has the registry's secret.
using KeyTag = Sha256Digest;

// Whether a camera's certificate may change from session to session.
enum class PinState : std::uint8_t {
  kNone,       // it may
  kAwaited,    // the next that it shows becomes the pin
  kFirstUse,   // it was pinned when first shown; its owner has not confirmed it
  kConfirmed,  // its owner gave or confirmed it
  kCount
};

// A grant without an end. Stored as seconds, and within what 64 bits of nanoseconds can say.
constexpr WallTime kNoEnd = FromUnixSeconds(9'000'000'000);

// An SRTP master key and salt that the hub made for a camera (AES_CM_128_HMAC_SHA1_80), and the same sealed
// under the registry's secret: nonce, key, tag.
using SdesKey = Secret<30>;
using SealedSdesKey = std::array<std::uint8_t, kAeadNonceSize + 30 + kAeadTagSize>;

struct SdesEnrolment {
  SealedSdesKey key{};
  bool vp8 = false;           // of its pictures; else H.264
  std::optional<KeyTag> tag;  // once the camera's lane has shown the key
  std::uint16_t port = 0;     // where its sender sends; 0: its lane has not said yet
};

// Sources of one enrolled key: each start of a sender takes another SSRC. At the limit the key is used up.
constexpr std::size_t kMaxSdesSources = 4096;

struct CameraRecord {
  CameraId id;
  std::string name;   // a label, never a key
  std::string model;  // empty: not told
  TokenDigest token{};
  std::optional<KeyPin> pin;  // of kFirstUse and kConfirmed, no others
  bool sdes = false;          // may bring its key by SDES (RFC 4568) in its authenticated offer
  Epoch reserved_epoch;       // every epoch up to here may have been used
  WallTime added{};
  PinState pin_state = PinState::kNone;
  std::optional<KeyTag> certificate;       // that it showed last, by its public key
  std::optional<SdesEnrolment> enrolment;  // of a camera with `sdes`
};

struct ViewerRecord {
  ViewerId id;
  std::string name;
  TokenDigest token{};
  WallTime added{};
};

struct GrantRecord {
  GrantId id;
  ViewerId viewer;
  CameraId camera;
  std::uint8_t rights = 0;      // wire::Rights bits
  WallTime not_before{};        // first moment at which it holds
  WallTime not_after = kNoEnd;  // first moment at which it no longer holds
  WallTime added{};
};

enum class SuspensionScope : std::uint8_t { kCamera, kModel, kAll };

struct SuspensionRecord {
  SuspensionId id;
  SuspensionScope scope = SuspensionScope::kAll;
  CameraId camera;         // for kCamera
  std::string model;       // for kModel
  std::string reason;      // in the words of whoever ordered it
  bool automatic = false;  // the hub tripped by itself
  WallTime since{};
};

// Stream keys remembered as used. Each session of any camera uses one; beyond, the oldest are forgotten. A
// key that both ends made at random, and forgot, comes again once in 2^128.
constexpr std::int64_t kMaxUsedKeys = 65'536;

// Everything that stands; what has ended is not in it.
struct RegistrySnapshot {
  std::vector<CameraRecord> cameras;
  std::vector<ViewerRecord> viewers;
  std::vector<GrantRecord> grants;
  std::vector<SuspensionRecord> suspensions;
};

// Errors: kConflict for an id, token or pin that exists or ever existed; kNotFound; kLimit when the disk is
// full; kSystem for anything else of the disk's. After an error nothing has changed.
class RegistryStore {
 public:
  RegistryStore() = default;
  RegistryStore(const RegistryStore&) = delete;
  RegistryStore& operator=(const RegistryStore&) = delete;
  virtual ~RegistryStore() = default;

  // In order of addition.
  [[nodiscard]] virtual Result<RegistrySnapshot> Load() = 0;
  // Rises with each change of who there is, who may see what, and how far an enrolled key has been used;
  // never goes back, unless an older registry is put in its place.
  [[nodiscard]] virtual Result<std::uint64_t> Turn() = 0;

  [[nodiscard]] virtual Status AddCamera(const CameraRecord& camera) = 0;
  [[nodiscard]] virtual Status RenameCamera(CameraId camera, const std::string& name) = 0;
  // Its grants and the suspensions of it alone end too. Its id stays taken for ever.
  [[nodiscard]] virtual Status RemoveCamera(CameraId camera) = 0;
  // With the token goes its enrolled key, where it has one, and what is known of that one's sources.
  [[nodiscard]] virtual Status ReplaceCameraToken(CameraId camera, const TokenDigest& token,
                                                  const std::optional<SealedSdesKey>& sdes) = 0;
  // A new owner: new token and key, every grant ended, the pin forgotten, in one transaction (invariant 8).
  [[nodiscard]] virtual Status TransferCamera(CameraId camera, const TokenDigest& token,
                                              const std::optional<SealedSdesKey>& sdes) = 0;
  // Never goes back: a smaller or equal epoch is kInvalid.
  [[nodiscard]] virtual Status ReserveEpochs(CameraId camera, Epoch up_to) = 0;

  // kConflict: another camera has this pin.
  [[nodiscard]] virtual Status SetPin(CameraId camera, PinState state, const std::optional<KeyPin>& pin) = 0;
  // The camera begins a session with these: from now on the stream key is used up. kConflict: it was before.
  // No certificate: its key came by SDES.
  [[nodiscard]] virtual Status UseKeys(CameraId camera, const std::optional<KeyTag>& certificate,
                                       const KeyTag& stream_key, WallTime when) = 0;
  // The camera's enrolled key has this tag, and is used up for everybody else: kConflict when it was before.
  [[nodiscard]] virtual Status NoteSdesTag(CameraId camera, const KeyTag& tag, WallTime when) = 0;
  [[nodiscard]] virtual Status SetSdesPort(CameraId camera, std::uint16_t port) = 0;
  // Packets below `source.from` may have come under this key. Never goes back: kInvalid. kDenied:
  // kMaxSdesSources. kNotFound: the camera is gone, or has another key. May be called beside all else.
  [[nodiscard]] virtual Status ReserveIndex(CameraId camera, const SealedSdesKey& key,
                                            const SourceFloor& source) = 0;
  [[nodiscard]] virtual Result<std::vector<SourceFloor>> SdesSources(CameraId camera) = 0;
  // Which camera used this stream key, which may have been removed since. Of the last kMaxUsedKeys.
  [[nodiscard]] virtual Result<std::optional<CameraId>> UserOf(const KeyTag& stream_key) = 0;
  // What tells the secret under which tags were made, as it was kept by the one call of the other.
  [[nodiscard]] virtual Result<std::optional<Sha256Digest>> SecretCheck() = 0;
  [[nodiscard]] virtual Status KeepSecretCheck(const Sha256Digest& check) = 0;

  [[nodiscard]] virtual Status AddViewer(const ViewerRecord& viewer) = 0;
  [[nodiscard]] virtual Status ReplaceViewerToken(ViewerId viewer, const TokenDigest& token) = 0;
  // Its grants end too.
  [[nodiscard]] virtual Status RemoveViewer(ViewerId viewer) = 0;

  [[nodiscard]] virtual Status AddGrant(const GrantRecord& grant) = 0;
  [[nodiscard]] virtual Status RemoveGrant(GrantId grant) = 0;

  [[nodiscard]] virtual Status AddSuspension(const SuspensionRecord& suspension) = 0;
  // Kept on disk with its root cause, no longer in Load().
  [[nodiscard]] virtual Status LiftSuspension(SuspensionId suspension, const std::string& root_cause,
                                              WallTime when) = 0;
};

}  // namespace latchkey::ports
