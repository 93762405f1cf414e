#include "tools/latchkeyctl/incident.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "daemon/audit/kinds.h"
#include "daemon/audit/record_json.h"
#include "tools/latchkeyctl/moments.h"

namespace latchkey::ctl {
namespace {

using ports::AuditKind;

AuditKind KindOf(const ports::AuditRecord& record) {
  return static_cast<AuditKind>(record.kind);
}

Json BodyOf(const ports::AuditRecord& record) {
  Json body = Json::parse(record.body, nullptr, false);
  return body.is_object() ? body : Json::object();
}

std::string TextOf(const Json& json, const char* name) {
  const auto at = json.find(name);
  return at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
}

template <class IdType>
IdType IdOfText(const std::string& text) {
  return IdType::FromHex(text).value_or(IdType());
}

// Names as they were last before the end of the time asked about; the log's own word comes first.
void NoteNames(const ports::AuditRecord& record, Incident& incident) {
  const Json body = BodyOf(record);
  switch (record.kind) {
    case static_cast<std::uint8_t>(AuditKind::kCameraAdded):
      incident.cameras[record.camera] = {TextOf(body, "name"), TextOf(body, "model")};
      break;
    case static_cast<std::uint8_t>(AuditKind::kCameraRenamed):
      incident.cameras[record.camera].name = TextOf(body, "name");
      break;
    case static_cast<std::uint8_t>(AuditKind::kViewerAdded):
      incident.viewers[record.viewer] = TextOf(body, "name");
      break;
    case static_cast<std::uint8_t>(AuditKind::kStarted):
      incident.software.push_back(
          {record.at, TextOf(body, "version"), body.value("cache_format", std::uint64_t{0})});
      break;
    default: break;
  }
}

Outcome<void> GatherNames(const AskFunction& ask, Incident& incident) {
  const auto names = ask(Json{{"command", "incident names"}});
  if (!names) return tl::unexpected(names.error());
  for (const Json& camera : names->value("cameras", Json::array()))
    incident.cameras[IdOfText<CameraId>(TextOf(camera, "id"))] = {TextOf(camera, "name"),
                                                                  TextOf(camera, "model")};
  for (const Json& viewer : names->value("viewers", Json::array()))
    incident.viewers[IdOfText<ViewerId>(TextOf(viewer, "id"))] = TextOf(viewer, "name");
  for (const Json& item : names->value("records", Json::array())) {
    const auto record = audit::RecordFromJson(item);
    if (record && record->at < incident.question.to) NoteNames(*record, incident);
  }
  return {};
}

Json QuestionOf(const char* command, const Incident& incident, const Json& cameras) {
  Json json{{"command", command},
            {"from", incident.question.from.time_since_epoch().count()},
            {"to", incident.question.to.time_since_epoch().count()},
            {"cameras", cameras}};
  if (incident.question.loss_above_pct)
    json["loss_above_permille"] =
        static_cast<std::int64_t>(std::floor(*incident.question.loss_above_pct * 10));
  return json;
}

Outcome<void> GatherViews(const AskFunction& ask, const Json& cameras, Incident& incident) {
  Json question = QuestionOf("incident views", incident, cameras);
  while (incident.views.size() < kMostViews) {
    const auto answer = ask(question);
    if (!answer) return tl::unexpected(answer.error());
    if (answer->contains("total")) incident.views_in_all = (*answer)["total"].get<std::uint64_t>();
    const Json page = answer->value("views", Json::array());
    if (page.empty()) return {};
    for (const Json& item : page) {
      const auto view = audit::ViewFromJson(item);
      if (!view) return tl::unexpected(Failure{kExitRefused, view.error().message});
      incident.views.push_back(*view);
    }
    question["after"] = incident.views.back().number;
  }
  return {};
}

Outcome<void> GatherEvents(const AskFunction& ask, const Json& cameras, Incident& incident) {
  Json question = QuestionOf("incident events", incident, cameras);
  question.erase("loss_above_permille");
  while (incident.events.size() < kMostEvents) {
    const auto answer = ask(question);
    if (!answer) return tl::unexpected(answer.error());
    const Json page = answer->value("records", Json::array());
    if (page.empty()) return {};
    for (const Json& item : page) {
      auto record = audit::RecordFromJson(item);
      if (!record) return tl::unexpected(Failure{kExitRefused, record.error().message});
      incident.events.push_back(std::move(*record));
    }
    question["after"] = incident.events.back().number;
  }
  incident.more_events = true;
  return {};
}

std::string EndOf(const ports::AuditView& view) {
  if (!view.ended) return "goes on";
  return (view.cut_short ? "before " : "") + FormatTime(*view.ended);
}

}  // namespace

std::string Number(double value) {
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), "%.1f", value);
  return text.data();
}

std::string Count(std::size_t n, const char* one, const char* more) {
  return std::to_string(n) + " " + (n == 1 ? one : more);
}

std::string EpochsOf(const ports::AuditView& view) {
  const std::string first = std::to_string(view.first_epoch.value);
  return view.first_epoch == view.last_epoch ? first : first + "-" + std::to_string(view.last_epoch.value);
}

// The log is told of it with the first minute, or with the end.
std::string NetworkOf(const ports::AuditView& view) {
  if (!view.network.empty()) return view.network;
  if (view.cut_short) return "not known: the hub ended meanwhile";
  return view.ended ? "never connected" : "not told yet";
}

bool IsMeasured(const ports::AuditView& view) {
  return !view.network.empty() || (view.ended && !view.cut_short);
}

std::vector<const ports::AuditRecord*> Incident::Failed() const {
  std::vector<const ports::AuditRecord*> failed;
  for (const ports::AuditRecord& record : events) {
    const AuditKind kind = KindOf(record);
    if (kind == AuditKind::kOpenFailed || kind == AuditKind::kCheckFailed || kind == AuditKind::kKeyRefused ||
        kind == AuditKind::kRecordsLost || kind == AuditKind::kLogFailing)
      failed.push_back(&record);
  }
  return failed;
}

bool Incident::MayHaveGoneAstray() const {
  const auto failed = Failed();
  return std::any_of(failed.begin(), failed.end(), [](const ports::AuditRecord* record) {
    return KindOf(*record) == AuditKind::kOpenFailed || KindOf(*record) == AuditKind::kRecordsLost;
  });
}

std::string Incident::NameOf(CameraId id) const {
  const auto at = cameras.find(id);
  return at == cameras.end() || at->second.name.empty() ? id.ToHex().substr(0, 8) : at->second.name;
}

std::string Incident::NameOf(ViewerId id) const {
  const auto at = viewers.find(id);
  return at == viewers.end() || at->second.empty() ? id.ToHex().substr(0, 8) : at->second;
}

const Running* Incident::SoftwareAt(WallTime at) const {
  const Running* found = nullptr;
  for (const Running& running : software) {
    if (running.since <= at) found = &running;
  }
  return found;
}

Outcome<Incident> GatherIncident(const AskFunction& ask, const IncidentQuestion& question, WallTime now) {
  Incident incident;
  incident.question = question;
  incident.asked = now;
  if (auto names = GatherNames(ask, incident); !names) return tl::unexpected(names.error());
  Json cameras = Json::array();
  if (question.model) {
    std::set<std::string> models;
    for (const auto& [id, camera] : incident.cameras) {
      models.insert(camera.model.empty() ? "(none)" : camera.model);
      if (camera.model == *question.model) cameras.push_back(id.ToHex());
    }
    if (cameras.empty()) {
      std::string known;
      for (const std::string& model : models) known += (known.empty() ? "" : ", ") + model;
      return tl::unexpected(Failure{kExitRefused, "no camera of model \"" + *question.model +
                                                      "\" is or was here; there are: " + known});
    }
  }
  if (auto views = GatherViews(ask, cameras, incident); !views) return tl::unexpected(views.error());
  if (auto events = GatherEvents(ask, cameras, incident); !events) return tl::unexpected(events.error());
  return incident;
}

std::string FactsOf(const ports::AuditRecord& record) {
  std::string text;
  const Json body = BodyOf(record);
  for (const auto& [name, value] : body.items()) {
    if (value == "") continue;
    std::string words = name;
    std::replace(words.begin(), words.end(), '_', ' ');
    text += (text.empty() ? "" : ", ") + words + " " +
            (value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text;
}

std::string Verdict(const Incident& incident) {
  const auto failed = incident.Failed();
  const auto keys = std::count_if(failed.begin(), failed.end(), [](const ports::AuditRecord* record) {
    return KindOf(*record) == AuditKind::kKeyRefused;
  });
  if (incident.MayHaveGoneAstray())
    return "A check failed that vouches for pictures: look at the events marked with ! one by one.";
  if (failed.empty())
    return "No check failed. Each picture was opened with the key that its viewer's own grant unwrapped, and "
           "with "
           "no other.";
  if (static_cast<std::size_t>(keys) == failed.size())
    return "Keys were refused, so nothing was shown under them. No check failed behind that: each picture "
           "was opened "
           "with the key that its viewer's own grant unwrapped.";
  return "Checks refused what they are there to refuse (marked with !), and nothing was shown by it.";
}

std::string IncidentText(const Incident& incident) {
  std::set<CameraId> cameras;
  std::set<ViewerId> viewers;
  for (const auto& view : incident.views) {
    cameras.insert(view.camera);
    viewers.insert(view.viewer);
  }
  std::string text = "From " + FormatTime(incident.question.from) + " to " + FormatTime(incident.question.to);
  if (incident.question.model) text += ", cameras of model " + *incident.question.model;
  if (incident.question.loss_above_pct)
    text += ", views with loss above " + Number(*incident.question.loss_above_pct) +
            " % (without those of which none is measured)";
  text += ":\n" + Count(static_cast<std::size_t>(incident.views_in_all), "view", "views") + " of " +
          Count(cameras.size(), "camera", "cameras") + " by " + Count(viewers.size(), "viewer", "viewers") +
          ".\n" + Verdict(incident) + "\n";
  if (incident.views.size() < incident.views_in_all)
    text += "Only the first " + std::to_string(incident.views.size()) + " are listed: narrow the times.\n";
  for (const CameraId& camera : cameras) {
    text += "\n" + incident.NameOf(camera) + " (" + camera.ToHex() + ")\n";
    for (const auto& view : incident.views) {
      if (view.camera != camera) continue;
      text += "  " + FormatTime(view.began) + (view.ended ? " to " : ", ") + EndOf(view) + "  " +
              incident.NameOf(view.viewer) + "  epoch " + EpochsOf(view) + "  " + NetworkOf(view);
      if (IsMeasured(view))
        text += "  " + std::to_string(view.packets) + " packets, loss " +
                Number(view.camera_loss_permille / 10.0) + " % from the camera, " +
                Number(view.viewer_loss_permille / 10.0) + " % to the viewer";
      if (const Running* running = incident.SoftwareAt(view.began))
        text += "  latchkeyd " + running->version + ", cache " + std::to_string(running->cache_format);
      text += "\n";
    }
  }
  if (!incident.events.empty()) text += "\nEvents\n";
  const auto failed = incident.Failed();
  for (const auto& record : incident.events) {
    const bool marked = std::find(failed.begin(), failed.end(), &record) != failed.end();
    text += std::string(marked ? "! " : "  ") + FormatTime(record.at) + "  " +
            std::string(audit::NameOf(record.kind));
    if (record.camera != CameraId()) text += "  " + incident.NameOf(record.camera);
    if (record.viewer != ViewerId()) text += "  " + incident.NameOf(record.viewer);
    if (record.epoch.value != 0) text += "  epoch " + std::to_string(record.epoch.value);
    if (record.body != "{}") text += "  " + FactsOf(record);
    text += "\n";
  }
  if (incident.more_events) text += "There are more events: narrow the times.\n";
  return text;
}

Json IncidentJson(const Incident& incident) {
  Json views = Json::array();
  for (const auto& view : incident.views) {
    Json item;
    item["camera"] = view.camera.ToHex();
    item["camera_name"] = incident.NameOf(view.camera);
    item["viewer"] = view.viewer.ToHex();
    item["viewer_name"] = incident.NameOf(view.viewer);
    item["session"] = view.session.ToHex();
    item["from"] = FormatTime(view.began);
    item["to"] = view.ended ? Json(FormatTime(*view.ended)) : Json();
    item["cut_short"] = view.cut_short;
    item["first_epoch"] = view.first_epoch.value;
    item["last_epoch"] = view.last_epoch.value;
    item["network"] = view.network;
    const bool measured = IsMeasured(view);
    item["packets"] = measured ? Json(view.packets) : Json();
    item["camera_loss_pct"] = measured ? Json(view.camera_loss_permille / 10.0) : Json();
    item["viewer_loss_pct"] = measured ? Json(view.viewer_loss_permille / 10.0) : Json();
    item["camera_jitter_ms"] = measured ? Json(view.camera_jitter_us / 1000.0) : Json();
    item["viewer_jitter_ms"] = measured ? Json(view.viewer_jitter_us / 1000.0) : Json();
    if (const Running* running = incident.SoftwareAt(view.began)) {
      item["software"] = running->version;
      item["cache_format"] = running->cache_format;
    }
    views.push_back(std::move(item));
  }
  Json events = Json::array();
  for (const auto& record : incident.events) {
    Json item = audit::ToJson(record);
    item["at"] = FormatTime(record.at);
    item["body"] = BodyOf(record);
    events.push_back(std::move(item));
  }
  Json json{{"from", FormatTime(incident.question.from)}, {"to", FormatTime(incident.question.to)}};
  json["model"] = incident.question.model ? Json(*incident.question.model) : Json();
  json["loss_above_pct"] =
      incident.question.loss_above_pct ? Json(*incident.question.loss_above_pct) : Json();
  json["verdict"] = Verdict(incident);
  json["checks_failed"] = incident.Failed().size();
  json["may_have_gone_astray"] = incident.MayHaveGoneAstray();
  json["views_in_all"] = incident.views_in_all;
  json["views"] = std::move(views);
  json["more_events"] = incident.more_events;
  json["events"] = std::move(events);
  return json;
}

}  // namespace latchkey::ctl
