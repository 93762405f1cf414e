#include "daemon/keeper/control_lists.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "daemon/access/policy.h"
#include "daemon/keeper/control.h"
#include "daemon/keeper/words.h"

namespace latchkey::keeper {
namespace {

// Fewer of them, because each has a reason of up to kMaxReason bytes, which JSON may double.
constexpr std::size_t kSuspensionPage = 48;

// One page of `records` behind the id in "after", in order of ids.
template <class Record, class IdType, class Show>
Result<Json> Page(Fields& fields, const char* name, std::vector<Record> records, IdType, Show&& show,
                  std::size_t most = kControlPage) {
  IdType after;
  const auto text = fields.OptionalText("after");
  if (!text) return tl::unexpected(text.error());
  if (auto rest = fields.NothingElse(); !rest) return tl::unexpected(rest.error());
  if (*text) {
    const auto id = IdType::FromHex(**text);
    if (!id) return Fail(ErrorCode::kInvalid, "after must be a whole id");
    after = *id;
  }
  std::sort(records.begin(), records.end(), [](const Record& a, const Record& b) { return a.id < b.id; });
  Json items = Json::array();
  bool more = false;
  for (const Record& record : records) {
    if (record.id <= after) continue;
    more = items.size() >= most;
    if (more) break;
    items.push_back(show(record));
  }
  Json reply;
  reply[name] = std::move(items);
  if (more) reply["more"] = true;
  return reply;
}

// A record's name; of none, which has been removed meanwhile, nothing.
template <class Record>
std::string NameOf(const Record* record) {
  return record == nullptr ? std::string() : record->name;
}

const char* ScopeName(ports::SuspensionScope scope) {
  switch (scope) {
    case ports::SuspensionScope::kCamera: return "camera";
    case ports::SuspensionScope::kModel: return "model";
    case ports::SuspensionScope::kAll: return "all";
  }
  return "all";
}

const char* PinStateName(ports::PinState state) {
  switch (state) {
    case ports::PinState::kNone: return "none";
    case ports::PinState::kAwaited: return "awaited";
    case ports::PinState::kFirstUse: return "first-use";
    case ports::PinState::kConfirmed: return "confirmed";
    case ports::PinState::kCount: break;
  }
  return "none";
}

}  // namespace

std::string PublishUrl(std::string_view base_url, CameraId id) {
  return std::string(base_url) + "/whip/" + id.ToHex();
}

Result<Json> ListCameras(Fields& fields, const Registry& registry, std::string_view base_url) {
  return Page(fields, "cameras", registry.cameras(), CameraId(), [&](const ports::CameraRecord& camera) {
    Json item;
    item["id"] = camera.id.ToHex();
    item["name"] = camera.name;
    item["model"] = camera.model;
    item["sdes"] = camera.sdes;
    if (camera.enrolment) item["sdes_port"] = camera.enrolment->port;
    item["pin_state"] = PinStateName(camera.pin_state);
    if (camera.pin) item["pin"] = internal::HexEncode(*camera.pin);
    item["added"] = FormatMoment(camera.added);
    item["publish_url"] = PublishUrl(base_url, camera.id);
    const auto* suspension = registry.SuspensionOf(camera.id);
    if (suspension != nullptr) {
      item["suspension"] = Json{{"id", suspension->id.ToHex()}, {"reason", suspension->reason}};
    }
    return item;
  });
}

Result<Json> ListViewers(Fields& fields, const Registry& registry) {
  return Page(fields, "viewers", registry.viewers(), ViewerId(), [](const ports::ViewerRecord& viewer) {
    Json item;
    item["id"] = viewer.id.ToHex();
    item["name"] = viewer.name;
    item["added"] = FormatMoment(viewer.added);
    return item;
  });
}

Result<Json> ListGrants(Fields& fields, const Registry& registry, WallTime wall) {
  return Page(fields, "grants", registry.grants(), GrantId(), [&](const ports::GrantRecord& grant) {
    Json item;
    item["id"] = grant.id.ToHex();
    item["viewer"] = grant.viewer.ToHex();
    item["viewer_name"] = NameOf(registry.FindViewer(grant.viewer));
    item["camera"] = grant.camera.ToHex();
    item["camera_name"] = NameOf(registry.FindCamera(grant.camera));
    item["rights"] = FormatRights(grant.rights);
    item["not_before"] = FormatMoment(grant.not_before);
    item["not_after"] = grant.not_after == ports::kNoEnd ? Json() : Json(FormatMoment(grant.not_after));
    item["holds"] = access::HoldsAt(grant, wall);
    return item;
  });
}

Result<Json> ListWatching(Fields& fields, const Registry& registry, std::vector<Watcher> watching) {
  return Page(fields, "watching", std::move(watching), SessionId(), [&](const Watcher& w) {
    Json item;
    item["id"] = w.id.ToHex();
    item["camera"] = w.camera.ToHex();
    item["camera_name"] = NameOf(registry.FindCamera(w.camera));
    item["viewer"] = w.viewer.ToHex();
    item["viewer_name"] = NameOf(registry.FindViewer(w.viewer));
    item["delivered_kbit"] = w.leg.delivered_kbit;
    item["limit_kbit"] = w.leg.limit_kbit != 0 ? Json(w.leg.limit_kbit) : Json();
    item["loss_pct"] = static_cast<double>(w.leg.loss_permille) / 10.0;
    item["round_trip_ms"] =
        w.leg.round_trip_us != 0 ? Json(static_cast<double>(w.leg.round_trip_us) / 1000.0) : Json();
    item["packets"] = w.leg.packets;
    item["packets_resent"] = w.leg.resent;
    item["frames_skipped"] = w.leg.skipped;
    return item;
  });
}

Result<Json> ShowCertificate(Fields& fields, const HttpIdentity& http) {
  if (auto rest = fields.NothingElse(); !rest) return tl::unexpected(rest.error());
  if (http.certificate.empty())
    return Fail(ErrorCode::kNotFound, "there is no certificate: on loopback the hub speaks plain HTTP");
  const CertificateView& view = http.view;
  return Json{{"fingerprint", view.fingerprint},
              {"public_key", view.public_key},
              {"names", view.names},
              {"not_before", FormatMoment(view.not_before)},
              {"not_after", FormatMoment(view.not_after)},
              {"imported", view.imported}};
}

Result<Json> ListStatus(Fields& fields, const std::vector<wire::CameraView>& cameras) {
  if (auto rest = fields.NothingElse(); !rest) return tl::unexpected(rest.error());
  Json rows = Json::array();
  for (const wire::CameraView& view : cameras) {
    Json item;
    item["id"] = view.id.ToHex();
    item["name"] = view.name.str();
    item["state"] = CameraStateName(view.state);
    item["fps"] = static_cast<double>(view.fps_milli) / 1000.0;
    item["bitrate_kbit"] = view.bitrate_kbit;
    item["loss_pct"] = static_cast<double>(view.loss_permille) / 10.0;
    item["hub_delay_ms"] = static_cast<double>(view.hub_delay_us) / 1000.0;
    item["viewers"] = view.viewers;
    if (view.state != wire::CameraState::kLive) {
      const bool suspended = view.state == wire::CameraState::kSuspended;
      item["reason"] = suspended ? view.suspension.str() : std::string(UnavailableReasonText(view.reason));
    }
    rows.push_back(std::move(item));
  }
  return Json{{"cameras", std::move(rows)}};
}

Result<Json> ListSuspensions(Fields& fields, const Registry& registry) {
  return Page(
      fields, "suspensions", registry.suspensions(), SuspensionId(),
      [&](const ports::SuspensionRecord& suspension) {
        Json item;
        item["id"] = suspension.id.ToHex();
        item["scope"] = ScopeName(suspension.scope);
        if (suspension.scope == ports::SuspensionScope::kCamera) {
          item["camera"] = suspension.camera.ToHex();
          item["camera_name"] = NameOf(registry.FindCamera(suspension.camera));
        }
        if (suspension.scope == ports::SuspensionScope::kModel) item["model"] = suspension.model;
        item["reason"] = suspension.reason;
        item["automatic"] = suspension.automatic;
        item["since"] = FormatMoment(suspension.since);
        return item;
      },
      kSuspensionPage);
}

}  // namespace latchkey::keeper
