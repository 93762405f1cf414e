#include "daemon/front/api.h"

#include <array>
#include <nlohmann/json.hpp>

#include "daemon/base/check.h"
#include "daemon/front/json_text.h"

namespace latchkey::front {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, static_cast<std::size_t>(wire::CameraState::kCount)> kStates{
    "unavailable", "connecting", "live", "stale", "suspended"};
constexpr std::array<std::string_view, static_cast<std::size_t>(wire::UnavailableReason::kCount)> kReasons{
    "none",     "camera_offline",  "no_media",  "no_keyframe", "unsupported_media", "too_fast",
    "too_late", "lane_restarting", "suspended", "key_refused", "unrecorded",        "replayed"};
// None is forgotten: what is left out of an array is empty.
static_assert(!kStates.back().empty() && !kReasons.back().empty());

template <class Enum, std::size_t N>
std::string_view NameOf(const std::array<std::string_view, N>& names, Enum value) {
  const auto index = static_cast<std::size_t>(value);
  LATCHKEY_CHECK(index < N);
  return names[index];
}

constexpr std::uint32_t kNoPicture = 0xffffffff;

Json CameraJson(const wire::CameraView& camera) {
  const std::string id = camera.id.ToHex();
  Json json = {{"id", id},
               {"name", camera.name.str()},
               {"state", NameOf(kStates, camera.state)},
               {"reason", NameOf(kReasons, camera.reason)},
               {"suspension", camera.suspension.str()},
               {"picture_age_ms", nullptr},
               {"fps", static_cast<double>(camera.fps_milli) / 1000},
               {"bitrate_kbit", camera.bitrate_kbit},
               {"loss_pct", static_cast<double>(camera.loss_permille) / 10},
               {"hub_delay_ms", static_cast<double>(camera.hub_delay_us) / 1000},
               {"viewers", camera.viewers},
               {"watched_by", Json::array()},
               {"watched_by_more", camera.watched_by_more},
               {"whep", "/whep/" + id}};
  for (const auto& name : camera.watched_by.items()) json["watched_by"].push_back(name.str());
  if (camera.picture_age_ms != kNoPicture) json["picture_age_ms"] = camera.picture_age_ms;
  return json;
}

Json Cameras(const wire::CameraList& list) {
  Json cameras = Json::array();
  for (const wire::CameraView& camera : list.cameras.items()) cameras.push_back(CameraJson(camera));
  return cameras;
}

void AddCounter(std::string& text, std::string_view name, std::string_view kind, std::uint64_t value) {
  const std::string full = "latchkey_front_" + std::string(name);
  text += "# TYPE " + full + " " + std::string(kind) + "\n" + full + " " + std::to_string(value) + "\n";
}

}  // namespace

std::string CamerasJson(const wire::CameraList& list) {
  return JsonText({{"cameras", Cameras(list)}});
}

std::string CamerasEvent(const wire::CameraList& list) {
  return JsonText({{"type", "cameras"}, {"cameras", Cameras(list)}, {"head", list.head.str()}});
}

ports::HttpResponse JsonResponse(std::string body) {
  return TextResponse("application/json", std::move(body));
}

ports::HttpResponse TextResponse(std::string_view content_type, std::string body) {
  ports::HttpResponse response;
  response.status = 200;
  response.headers.emplace_back("Content-Type", std::string(content_type));
  response.body = std::move(body);
  return response;
}

std::string MetricsText(const FrontCounters& counters, std::size_t waiting, std::size_t pages) {
  std::string text;
  AddCounter(text, "requests_total", "counter", counters.requests);
  AddCounter(text, "unauthorised_total", "counter", counters.unauthorised);
  AddCounter(text, "held_off_total", "counter", counters.held_off);
  AddCounter(text, "foreign_hosts_total", "counter", counters.foreign_hosts);
  AddCounter(text, "replies_unknown_total", "counter", counters.replies_unknown);
  AddCounter(text, "replies_foreign_total", "counter", counters.replies_foreign);
  AddCounter(text, "replies_unexpected_total", "counter", counters.replies_unexpected);
  AddCounter(text, "keeper_timeouts_total", "counter", counters.keeper_timeouts);
  AddCounter(text, "refused_full_total", "counter", counters.refused_full);
  AddCounter(text, "waiting", "gauge", waiting);
  AddCounter(text, "pages", "gauge", pages);
  return text;
}

}  // namespace latchkey::front
