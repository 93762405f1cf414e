#include "daemon/keeper/control_grant.h"

#include "daemon/keeper/words.h"

namespace latchkey::keeper {
namespace {

// From "not_before" (now when missing) for as long as "for" says, or until "not_after" (without end when both
// are missing).
Status TakeTimes(Fields& fields, WallTime wall, NewGrant& grant) {
  const auto from = fields.OptionalText("not_before");
  const auto length = fields.OptionalText("for");
  const auto until = fields.OptionalText("not_after");
  if (!from) return tl::unexpected(from.error());
  if (!length) return tl::unexpected(length.error());
  if (!until) return tl::unexpected(until.error());
  if (*length && *until) return Fail(ErrorCode::kInvalid, "say one of for and not_after");
  // Whole seconds, rounded down: the registry holds no fractions, and "now" must hold now.
  grant.not_before = FromUnixSeconds(ToUnixSeconds(wall));
  if (*from) {
    const auto moment = ParseMoment(**from);
    if (!moment) return tl::unexpected(moment.error());
    grant.not_before = *moment;
  }
  if (*length) {
    const auto duration = ParseDuration(**length);
    if (!duration) return tl::unexpected(duration.error());
    grant.not_after = grant.not_before + *duration;
  }
  if (*until) {
    const auto moment = ParseMoment(**until);
    if (!moment) return tl::unexpected(moment.error());
    grant.not_after = *moment;
  }
  if (grant.not_after <= wall)
    return Fail(ErrorCode::kInvalid,
                "the end of this grant is past: by the hub's clock it is " + FormatMoment(wall));
  return {};
}

}  // namespace

Result<NewGrant> ReadGrant(Fields& fields, WallTime wall) {
  const auto viewer = fields.Id<ViewerId>("viewer");
  const auto camera = fields.Id<CameraId>("camera");
  const auto rights_text = fields.OptionalText("rights");
  if (!viewer) return tl::unexpected(viewer.error());
  if (!camera) return tl::unexpected(camera.error());
  if (!rights_text) return tl::unexpected(rights_text.error());
  const auto rights = ParseRights(rights_text->value_or("live,still"));
  if (!rights) return tl::unexpected(rights.error());
  NewGrant grant;
  grant.viewer = *viewer;
  grant.camera = *camera;
  grant.rights = *rights;
  if (auto times = TakeTimes(fields, wall, grant); !times) return tl::unexpected(times.error());
  if (auto rest = fields.NothingElse(); !rest) return tl::unexpected(rest.error());
  return grant;
}

}  // namespace latchkey::keeper
