#include "daemon/keeper/registry.h"

#include <algorithm>
#include <set>
#include <utility>

#include "daemon/access/token.h"
#include "daemon/keeper/words.h"

namespace latchkey::keeper {
namespace {

template <class Records, class IdType>
auto Find(Records& records, const IdType& id) {
  return std::find_if(records.begin(), records.end(), [&](const auto& r) { return r.id == id; });
}

// Grants are kept in order of ids, so that a session finds its own among thousands.
template <class Grants>
auto FindSorted(Grants& grants, GrantId id) {
  const auto at =
      std::lower_bound(grants.begin(), grants.end(), id,
                       [](const ports::GrantRecord& g, const GrantId& wanted) { return g.id < wanted; });
  return at != grants.end() && at->id == id ? at : grants.end();
}

tl::unexpected<Error> NoViewer() {
  return Fail(ErrorCode::kNotFound, "there is no viewer with this id");
}

// No other record has this name: people tell cameras, and viewers, from each other by it.
template <class Records, class IdType>
Status CheckNameFree(const char* kind, const Records& records, const std::string& name, const IdType& own) {
  for (const auto& record : records) {
    if (record.name != name || record.id == own) continue;
    return Fail(ErrorCode::kConflict, std::string("there is a ") + kind + " of this name already (" +
                                          record.id.ToHex() + "): choose another name");
  }
  return {};
}

}  // namespace

tl::unexpected<Error> Registry::NoCamera() {
  return Fail(ErrorCode::kNotFound, "there is no camera with this id");
}

Result<std::unique_ptr<Registry>> Registry::Load(ports::RegistryStore& store, ports::Crypto& crypto,
                                                 ports::Entropy& entropy, const Secret32& secret) {
  auto snapshot = store.Load();
  if (!snapshot) return tl::unexpected(snapshot.error());
  std::unique_ptr<Registry> registry(new Registry(store, crypto, entropy, secret.Duplicate()));
  if (auto bound = registry->BindSecret(); !bound) return tl::unexpected(bound.error());
  registry->cameras_ = std::move(snapshot->cameras);
  registry->viewers_ = std::move(snapshot->viewers);
  registry->grants_ = std::move(snapshot->grants);
  registry->suspensions_ = std::move(snapshot->suspensions);
  std::sort(registry->grants_.begin(), registry->grants_.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  if (registry->cameras_.size() > kMaxCameras || registry->viewers_.size() > kMaxViewers ||
      registry->grants_.size() > kMaxGrants || !registry->IsConsistent()) {
    return Fail(ErrorCode::kCorrupt,
                "the registry contradicts itself; restore it from a backup (nothing was changed)");
  }
  return registry;
}

std::optional<TokenOwner> Registry::OwnerOf(const ports::TokenDigest& digest) const {
  // Every token is compared, whole, whether or not one was found already.
  std::optional<TokenOwner> owner;
  for (const auto& camera : cameras_) {
    if (ConstantTimeEqual(camera.token, digest)) owner = camera.id;
  }
  for (const auto& viewer : viewers_) {
    if (ConstantTimeEqual(viewer.token, digest)) owner = viewer.id;
  }
  return owner;
}

const ports::CameraRecord* Registry::FindCamera(CameraId id) const {
  const auto at = Find(cameras_, id);
  return at == cameras_.end() ? nullptr : &*at;
}

ports::CameraRecord* Registry::MutableCamera(CameraId id) {
  const auto at = Find(cameras_, id);
  return at == cameras_.end() ? nullptr : &*at;
}

const ports::ViewerRecord* Registry::FindViewer(ViewerId id) const {
  const auto at = Find(viewers_, id);
  return at == viewers_.end() ? nullptr : &*at;
}

const ports::GrantRecord* Registry::FindGrant(GrantId id) const {
  const auto at = FindSorted(grants_, id);
  return at == grants_.end() ? nullptr : &*at;
}

bool Registry::IdTaken(const std::array<std::uint8_t, 16>& bytes) const {
  const auto same = [&](const auto& record) { return record.id.bytes() == bytes; };
  return std::any_of(cameras_.begin(), cameras_.end(), same) ||
         std::any_of(viewers_.begin(), viewers_.end(), same) ||
         std::any_of(grants_.begin(), grants_.end(), same) ||
         std::any_of(suspensions_.begin(), suspensions_.end(), same);
}

bool Registry::TokenTaken(const ports::TokenDigest& digest) const {
  // The principal is what tickets carry: two tokens with one principal would be one person to the front.
  const auto same = [&](const auto& record) {
    return access::PrincipalOf(record.token) == access::PrincipalOf(digest);
  };
  return std::any_of(cameras_.begin(), cameras_.end(), same) ||
         std::any_of(viewers_.begin(), viewers_.end(), same);
}

Result<Secret32> Registry::MakeToken(ports::TokenDigest& digest) {
  Secret32 token = access::MakeToken(entropy_);
  digest = access::DigestOf(crypto_, token);
  if (TokenTaken(digest)) {
    return Fail(ErrorCode::kConflict,
                "the system's randomness repeats itself: nothing was changed; restart the hub");
  }
  return token;
}

Result<Enrolled<CameraId>> Registry::AddCamera(const NewCamera& camera, WallTime now) {
  if (auto name = CheckText("the name", camera.name, kMaxLabel); !name) return tl::unexpected(name.error());
  if (!camera.model.empty()) {
    if (auto model = CheckText("the model", camera.model, kMaxLabel); !model)
      return tl::unexpected(model.error());
  }
  if (auto free = CheckNameFree("camera", cameras_, camera.name, CameraId()); !free)
    return tl::unexpected(free.error());
  if (cameras_.size() >= kMaxCameras) {
    return Fail(ErrorCode::kLimit,
                "there are " + std::to_string(kMaxCameras) + " cameras already: remove one first");
  }
  if (camera.pin) {
    if (const auto other = OtherOfCertificate(CameraId(), *camera.pin)) return PinTaken(*other);
  }
  auto id = MakeId<CameraId>();
  if (!id) return tl::unexpected(id.error());
  ports::CameraRecord record;
  record.id = *id;
  record.name = camera.name;
  record.model = camera.model;
  record.pin = camera.pin;
  record.sdes = camera.sdes;
  record.added = now;
  if (camera.pin) {
    record.pin_state = ports::PinState::kConfirmed;
  } else if (camera.pin_first) {
    record.pin_state = ports::PinState::kAwaited;
  }
  auto token = MakeToken(record.token);
  if (!token) return tl::unexpected(token.error());
  Enrolled<CameraId> enrolled{*id, std::move(*token), std::nullopt};
  if (camera.sdes) {
    NewKey key = MakeSdesKey(*id);
    record.enrolment = ports::SdesEnrolment{key.sealed, camera.vp8, std::nullopt, 0};
    enrolled.sdes_key = std::move(key.key);
  }
  if (auto stored = store_.AddCamera(record); !stored) return tl::unexpected(stored.error());
  cameras_.push_back(std::move(record));
  return enrolled;
}

Status Registry::RenameCamera(CameraId id, const std::string& name) {
  ports::CameraRecord* camera = MutableCamera(id);
  if (camera == nullptr) return NoCamera();
  if (auto checked = CheckText("the name", name, kMaxLabel); !checked) return checked;
  if (auto free = CheckNameFree("camera", cameras_, name, id); !free) return free;
  if (auto stored = store_.RenameCamera(id, name); !stored) return stored;
  camera->name = name;
  return {};
}

Status Registry::RemoveCamera(CameraId id) {
  const auto at = Find(cameras_, id);
  if (at == cameras_.end()) return NoCamera();
  if (auto stored = store_.RemoveCamera(id); !stored) return stored;
  cameras_.erase(at);
  std::erase_if(grants_, [&](const auto& g) { return g.camera == id; });
  std::erase_if(suspensions_,
                [&](const auto& s) { return s.scope == ports::SuspensionScope::kCamera && s.camera == id; });
  std::erase_if(unkept_, [&](const auto& u) { return Find(suspensions_, u.id) == suspensions_.end(); });
  last_epoch_.erase(id);
  return {};
}

Result<Epoch> Registry::NextEpoch(CameraId id) {
  ports::CameraRecord* camera = MutableCamera(id);
  if (camera == nullptr) return NoCamera();
  const auto known = last_epoch_.find(id);
  const Epoch next = (known == last_epoch_.end() ? camera->reserved_epoch : known->second).Next();
  if (next > camera->reserved_epoch) {
    const Epoch up_to{next.value + kEpochBlock - 1};
    if (auto stored = store_.ReserveEpochs(id, up_to); !stored) return tl::unexpected(stored.error());
    camera->reserved_epoch = up_to;
  }
  last_epoch_[id] = next;
  return next;
}

Result<Enrolled<ViewerId>> Registry::AddViewer(const std::string& name, WallTime now) {
  if (auto checked = CheckText("the name", name, kMaxLabel); !checked) return tl::unexpected(checked.error());
  if (auto free = CheckNameFree("viewer", viewers_, name, ViewerId()); !free)
    return tl::unexpected(free.error());
  if (viewers_.size() >= kMaxViewers) {
    return Fail(ErrorCode::kLimit,
                "there are " + std::to_string(kMaxViewers) + " viewers already: remove one first");
  }
  auto id = MakeId<ViewerId>();
  if (!id) return tl::unexpected(id.error());
  ports::ViewerRecord record{*id, name, {}, now};
  auto token = MakeToken(record.token);
  if (!token) return tl::unexpected(token.error());
  if (auto stored = store_.AddViewer(record); !stored) return tl::unexpected(stored.error());
  viewers_.push_back(std::move(record));
  return Enrolled<ViewerId>{*id, std::move(*token), std::nullopt};
}

Result<Secret32> Registry::RotateViewer(ViewerId id) {
  const auto at = Find(viewers_, id);
  if (at == viewers_.end()) return NoViewer();
  ports::TokenDigest digest{};
  auto token = MakeToken(digest);
  if (!token) return token;
  if (auto stored = store_.ReplaceViewerToken(id, digest); !stored) return tl::unexpected(stored.error());
  at->token = digest;
  return token;
}

Status Registry::RemoveViewer(ViewerId id) {
  const auto at = Find(viewers_, id);
  if (at == viewers_.end()) return NoViewer();
  if (auto stored = store_.RemoveViewer(id); !stored) return stored;
  viewers_.erase(at);
  std::erase_if(grants_, [&](const auto& g) { return g.viewer == id; });
  return {};
}

Result<GrantId> Registry::AddGrant(const NewGrant& grant, WallTime now) {
  if (FindViewer(grant.viewer) == nullptr)
    return Fail(ErrorCode::kNotFound, "there is no viewer with this id");
  if (FindCamera(grant.camera) == nullptr) return NoCamera();
  if (FormatRights(grant.rights).empty())
    return Fail(ErrorCode::kInvalid, "a grant needs at least one right");
  if (grant.not_after <= grant.not_before)
    return Fail(ErrorCode::kInvalid, "the grant would end before it begins");
  for (const ports::GrantRecord& known : grants_) {
    const bool same = known.viewer == grant.viewer && known.camera == grant.camera &&
                      known.rights == grant.rights && known.not_after == grant.not_after &&
                      known.not_before <= grant.not_before;
    if (same) return Fail(ErrorCode::kConflict, "this grant exists already: " + known.id.ToHex());
  }
  if (grants_.size() >= kMaxGrants) {
    return Fail(ErrorCode::kLimit,
                "there are " + std::to_string(kMaxGrants) + " grants already: revoke some first");
  }
  auto id = MakeId<GrantId>();
  if (!id) return tl::unexpected(id.error());
  const ports::GrantRecord record{
      *id, grant.viewer, grant.camera, grant.rights, grant.not_before, grant.not_after, now};
  if (auto stored = store_.AddGrant(record); !stored) return tl::unexpected(stored.error());
  const auto at =
      std::lower_bound(grants_.begin(), grants_.end(), *id,
                       [](const ports::GrantRecord& g, const GrantId& wanted) { return g.id < wanted; });
  grants_.insert(at, record);
  return *id;
}

Status Registry::RevokeGrant(GrantId id) {
  const auto at = FindSorted(grants_, id);
  if (at == grants_.end()) return Fail(ErrorCode::kNotFound, "there is no grant with this id");
  if (auto stored = store_.RemoveGrant(id); !stored) return stored;
  grants_.erase(at);
  return {};
}

bool Registry::IsConsistent() const {
  std::set<std::array<std::uint8_t, 16>> ids;
  std::set<PrincipalId> principals;
  bool good = true;
  const auto take = [&](const auto& id) { good = good && !id.IsNull() && ids.insert(id.bytes()).second; };
  const auto token = [&](const auto& r) {
    good = good && principals.insert(access::PrincipalOf(r.token)).second;
  };
  for (const auto& camera : cameras_) take(camera.id), token(camera);
  for (const auto& viewer : viewers_) take(viewer.id), token(viewer);
  for (const auto& suspension : suspensions_) take(suspension.id);
  for (const auto& unkept : unkept_) good = good && Find(suspensions_, unkept.id) != suspensions_.end();
  GrantId before;
  for (const auto& grant : grants_) {
    take(grant.id);
    good = good && before < grant.id && FindCamera(grant.camera) != nullptr &&
           FindViewer(grant.viewer) != nullptr;
    before = grant.id;
  }
  return good;
}

}  // namespace latchkey::keeper
