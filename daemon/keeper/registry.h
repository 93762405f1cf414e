// Who there is and who may see what: the registry in memory, each change on disk before it counts. A
// suspension alone counts first: nobody waits for a disk before pictures end.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "daemon/base/ids.h"
#include "daemon/base/result.h"
#include "daemon/base/secret.h"
#include "daemon/base/time.h"
#include "daemon/ports/crypto.h"
#include "daemon/ports/entropy.h"
#include "daemon/ports/store.h"

namespace latchkey::keeper {

// At each limit the addition is refused, saying so, and what is there stays.
constexpr std::size_t kMaxCameras = 64;  // as many as a CameraList holds
constexpr std::size_t kMaxViewers = 256;
constexpr std::size_t kMaxGrants = 4096;
// Of suspensions ordered by people. One that trips by itself always finds room: one a camera at most.
constexpr std::size_t kMaxSuspensions = 256;
// Epochs reserved by one write to disk. A restart skips what is left of the block, a crash wastes it:
// numbers are plenty, writes to a memory card are not.
constexpr std::uint64_t kEpochBlock = 32;

// Whose token it is.
using TokenOwner = std::variant<CameraId, ViewerId>;

struct NewCamera {
  std::string name;
  std::string model;  // may be empty
  std::optional<ports::KeyPin> pin;
  bool sdes = false;       // may bring its key in its offers, and has one that the hub made
  bool vp8 = false;        // of what is sent under the key that the hub made; else H.264
  bool pin_first = false;  // the certificate that it shows first becomes the pin
};
struct NewGrant {
  ViewerId viewer;
  CameraId camera;
  std::uint8_t rights = 0;
  WallTime not_before{};
  WallTime not_after = ports::kNoEnd;
};
struct NewSuspension {
  ports::SuspensionScope scope = ports::SuspensionScope::kAll;
  CameraId camera;
  std::string model;
  std::string reason;
  bool automatic = false;
};
// An id, the only copy of its token, and of a camera with SDES the key that the hub made for it.
template <class IdType>
struct Enrolled {
  IdType id;
  Secret32 token;
  std::optional<ports::SdesKey> sdes_key;
};

// Errors are for people. Ids are random and of one name space; one that comes twice is refused, never
// retried, because then the randomness is broken (invariant 6).
class Registry {
 public:
  // Everything on disk, or why it can't be believed. `secret` is the one that it was always used with:
  // kConflict otherwise.
  static Result<std::unique_ptr<Registry>> Load(ports::RegistryStore& store, ports::Crypto& crypto,
                                                ports::Entropy& entropy, const Secret32& secret);

  // How often it was changed, ever (ports/store.h).
  Result<std::uint64_t> Turn() { return store_.Turn(); }

  // By exact digest; compares with every token there is, in time that tells nothing.
  [[nodiscard]] std::optional<TokenOwner> OwnerOf(const ports::TokenDigest& digest) const;

  [[nodiscard]] const std::vector<ports::CameraRecord>& cameras() const { return cameras_; }
  [[nodiscard]] const std::vector<ports::ViewerRecord>& viewers() const { return viewers_; }
  // In order of ids.
  [[nodiscard]] const std::vector<ports::GrantRecord>& grants() const { return grants_; }
  [[nodiscard]] const std::vector<ports::SuspensionRecord>& suspensions() const { return suspensions_; }
  // Pointers live until the next change.
  [[nodiscard]] const ports::CameraRecord* FindCamera(CameraId id) const;
  [[nodiscard]] const ports::ViewerRecord* FindViewer(ViewerId id) const;
  [[nodiscard]] const ports::GrantRecord* FindGrant(GrantId id) const;
  // The oldest suspension that covers the camera; none: it is not suspended.
  [[nodiscard]] const ports::SuspensionRecord* SuspensionOf(CameraId id) const;

  // Names are labels, never looked up here, but no two cameras and no two viewers have the same one:
  // kConflict.
  Result<Enrolled<CameraId>> AddCamera(const NewCamera& camera, WallTime now);
  Status RenameCamera(CameraId id, const std::string& name);
  Status RemoveCamera(CameraId id);
  // A new token, and a new key where it has one; the old ones are worth nothing from now on.
  Result<Enrolled<CameraId>> RotateCamera(CameraId id);
  // The same, and every grant for the camera and its pin are gone (invariant 8).
  Result<Enrolled<CameraId>> TransferCamera(CameraId id);
  // What the camera's certificate has to be: this one (kConfirmed by its owner, or kFirstUse), the next that
  // it shows, or any.
  // kConflict: another camera has this pin, or shows this certificate.
  Status PinCamera(CameraId id, ports::PinState state, const std::optional<ports::KeyPin>& pin);
  // What is compared instead of a key or a certificate.
  [[nodiscard]] ports::KeyTag TagOf(ByteView digest) const;
  // Another camera that has the pin, or showed the certificate last.
  [[nodiscard]] std::optional<CameraId> OtherOfCertificate(CameraId own, const ports::KeyPin& key) const;
  // Which camera used this stream key; it may be gone.
  Result<std::optional<CameraId>> UserOf(const ports::KeyTag& stream_key) {
    return store_.UserOf(stream_key);
  }
  // A session of the camera begins with these: durably. No certificate: its key came by SDES.
  Status UseKeys(CameraId id, const std::optional<ports::KeyPin>& certificate,
                 const ports::KeyTag& stream_key, WallTime now);
  // Another camera whose enrolled key this is.
  [[nodiscard]] std::optional<CameraId> OtherOfSdesTag(CameraId own, const ports::KeyTag& tag) const;
  // What the lane showed of the camera's enrolled key: durably used up for all others.
  Status NoteSdesTag(CameraId id, const ports::KeyTag& tag, WallTime now);
  // The enrolled key itself. kNotFound: the camera has none; kCorrupt: what is stored is not of this
  // registry.
  [[nodiscard]] Result<ports::SdesKey> SdesKeyOf(CameraId id);
  Status SetSdesPort(CameraId id, std::uint16_t port);
  // How far each source has come under the enrolled key.
  Result<std::vector<ports::SourceFloor>> SdesSources(CameraId id) { return store_.SdesSources(id); }
  // An epoch that no session of this camera ever had, durably.
  Result<Epoch> NextEpoch(CameraId id);

  Result<Enrolled<ViewerId>> AddViewer(const std::string& name, WallTime now);
  // A new token; the old one is worth nothing from now on. Its grants stand.
  Result<Secret32> RotateViewer(ViewerId id);
  Status RemoveViewer(ViewerId id);

  // kConflict: one that says the same stands already, or will from an earlier moment on.
  Result<GrantId> AddGrant(const NewGrant& grant, WallTime now);
  Status RevokeGrant(GrantId id);

  struct SuspendResult {
    SuspensionId id;
    std::size_t cameras = 0;  // that it covers now
  };
  // Stands from now on, and on disk after KeepSuspensions(). A model that no camera has is suspended all the
  // same: one that is added later is dark from the start. kLimit, kNotFound and kInvalid: nothing happened.
  Result<SuspendResult> Suspend(const NewSuspension& suspension, WallTime now);
  // Writes those that are not on disk; what the disk refuses stands all the same, and is tried again by the
  // next call.
  void KeepSuspensions();
  // Those that are not on disk: a restart would lose them.
  struct Unkept {
    SuspensionId id;
    std::optional<Error> why;  // nothing: it was not tried yet
  };
  [[nodiscard]] const std::vector<Unkept>& unkept() const { return unkept_; }
  Status Resume(SuspensionId id, const std::string& root_cause, WallTime now);

  // Every grant names a camera and a viewer there are; no id, token or principal comes twice.
  [[nodiscard]] bool IsConsistent() const;

 private:
  Registry(ports::RegistryStore& store, ports::Crypto& crypto, ports::Entropy& entropy, Secret32 secret)
      : store_(store), crypto_(crypto), entropy_(entropy), secret_(std::move(secret)) {}
  Status BindSecret();
  [[nodiscard]] static tl::unexpected<Error> NoCamera();
  [[nodiscard]] static tl::unexpected<Error> PinTaken(CameraId other);
  [[nodiscard]] bool IdTaken(const std::array<std::uint8_t, 16>& bytes) const;
  [[nodiscard]] bool TokenTaken(const ports::TokenDigest& digest) const;
  [[nodiscard]] ports::CameraRecord* MutableCamera(CameraId id);
  Result<Secret32> MakeToken(ports::TokenDigest& digest);
  struct NewKey {
    ports::SdesKey key;
    ports::SealedSdesKey sealed{};
  };
  NewKey MakeSdesKey(CameraId id);
  // A new token, and a new key where the camera has one: in memory once `keep` has them on the disk.
  template <class Keep>
  Result<Enrolled<CameraId>> Renew(CameraId id, Keep&& keep);
  template <class IdType>
  Result<IdType> MakeId();

  ports::RegistryStore& store_;
  ports::Crypto& crypto_;
  ports::Entropy& entropy_;
  Secret32 secret_;
  std::vector<ports::CameraRecord> cameras_;
  std::vector<ports::ViewerRecord> viewers_;
  std::vector<ports::GrantRecord> grants_;
  std::vector<ports::SuspensionRecord> suspensions_;
  std::vector<Unkept> unkept_;            // of them
  std::map<CameraId, Epoch> last_epoch_;  // given out; absent: none since the start
};

template <class IdType>
Result<IdType> Registry::MakeId() {
  const auto id = entropy_.MakeId<IdType>();
  if (IdTaken(id.bytes())) {
    return Fail(ErrorCode::kConflict,
                "the system's randomness repeats itself: nothing was added; restart the hub");
  }
  return id;
}

}  // namespace latchkey::keeper
