// What stands suspended: in memory at once, on disk as soon as that can be.
#include <algorithm>
#include <string>
#include <utility>

#include "daemon/keeper/registry.h"
#include "daemon/keeper/words.h"

namespace latchkey::keeper {
namespace {

bool Covers(const ports::SuspensionRecord& suspension, const ports::CameraRecord& camera) {
  switch (suspension.scope) {
    case ports::SuspensionScope::kAll: return true;
    case ports::SuspensionScope::kModel: return suspension.model == camera.model;
    case ports::SuspensionScope::kCamera: return suspension.camera == camera.id;
  }
  return true;
}

template <class Records>
auto Find(Records& records, SuspensionId id) {
  return std::find_if(records.begin(), records.end(), [&](const auto& r) { return r.id == id; });
}

}  // namespace

const ports::SuspensionRecord* Registry::SuspensionOf(CameraId id) const {
  const ports::CameraRecord* camera = FindCamera(id);
  if (camera == nullptr) return nullptr;
  const auto at = std::find_if(suspensions_.begin(), suspensions_.end(),
                               [&](const auto& suspension) { return Covers(suspension, *camera); });
  return at == suspensions_.end() ? nullptr : &*at;
}

Result<Registry::SuspendResult> Registry::Suspend(const NewSuspension& suspension, WallTime now) {
  if (suspension.scope == ports::SuspensionScope::kCamera && FindCamera(suspension.camera) == nullptr)
    return Fail(ErrorCode::kNotFound, "there is no camera with this id");
  if (suspension.scope == ports::SuspensionScope::kModel) {
    if (auto model = CheckText("the model", suspension.model, kMaxLabel); !model)
      return tl::unexpected(model.error());
  }
  if (auto reason = CheckText("the reason", suspension.reason, kMaxReason); !reason) {
    return tl::unexpected(reason.error());
  }
  if (!suspension.automatic && suspensions_.size() >= kMaxSuspensions) {
    return Fail(ErrorCode::kLimit,
                "there are " + std::to_string(suspensions_.size()) + " suspensions: lift some first");
  }
  auto id = MakeId<SuspensionId>();
  if (!id) return tl::unexpected(id.error());
  ports::SuspensionRecord record{
      *id, suspension.scope, suspension.camera, suspension.model, suspension.reason, suspension.automatic,
      now};
  const auto covered = std::count_if(cameras_.begin(), cameras_.end(),
                                     [&](const auto& camera) { return Covers(record, camera); });
  suspensions_.push_back(std::move(record));
  unkept_.push_back({*id, std::nullopt});
  return SuspendResult{*id, static_cast<std::size_t>(covered)};
}

void Registry::KeepSuspensions() {
  std::vector<Unkept> left;
  for (const Unkept& unkept : unkept_) {
    const auto kept = store_.AddSuspension(*Find(suspensions_, unkept.id));
    if (!kept) left.push_back({unkept.id, kept.error()});
  }
  unkept_ = std::move(left);
}

Status Registry::Resume(SuspensionId id, const std::string& root_cause, WallTime now) {
  const auto at = Find(suspensions_, id);
  if (at == suspensions_.end()) return Fail(ErrorCode::kNotFound, "no suspension with this id stands");
  if (auto cause = CheckText("the root cause", root_cause, kMaxReason); !cause) return cause;
  auto stored = store_.LiftSuspension(id, root_cause, now);
  // One that never reached the disk has nothing there to lift.
  if (!stored && stored.error().code != ErrorCode::kNotFound) return stored;
  suspensions_.erase(at);
  std::erase_if(unkept_, [&](const auto& u) { return u.id == id; });
  return {};
}

}  // namespace latchkey::keeper
