// The cameras as JSON: for /api/v1/cameras and for the page's WebSocket.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/ports/http.h"
#include "daemon/wire/ipc_messages.h"

namespace latchkey::front {

// {"cameras":[{id, name, state, reason, suspension, picture_age_ms, fps, bitrate_kbit, loss_pct,
// hub_delay_ms, viewers, watched_by, watched_by_more, whep}]}. state: unavailable, connecting, live, stale,
// suspended. reason: none, camera_offline, no_media, no_keyframe, unsupported_media, too_fast, too_late,
// lane_restarting, suspended, key_refused, unrecorded. picture_age_ms is null when there is no picture.
// watched_by: names of the others that watch it, the first eight; watched_by_more: how many more there are.
[[nodiscard]] std::string CamerasJson(const wire::CameraList& list);
// The same with "type":"cameras", as a message of /events.
[[nodiscard]] std::string CamerasEvent(const wire::CameraList& list);

[[nodiscard]] ports::HttpResponse JsonResponse(std::string body);
[[nodiscard]] ports::HttpResponse TextResponse(std::string_view content_type, std::string body);

// What the front counts of itself, in the Prometheus text format.
struct FrontCounters {
  std::uint64_t requests = 0;
  std::uint64_t unauthorised = 0;        // 401
  std::uint64_t held_off = 0;            // 429, before the token was looked at
  std::uint64_t foreign_hosts = 0;       // 400 for a Host that isn't ours
  std::uint64_t replies_unknown = 0;     // invariant 10: no such request, or no more
  std::uint64_t replies_foreign = 0;     // invariant 10: that request, another principal
  std::uint64_t replies_unexpected = 0;  // the right ticket on the wrong kind of reply
  std::uint64_t keeper_timeouts = 0;     // 503 because the keeper kept silent
  std::uint64_t refused_full = 0;        // 503 because a limit was reached
};
[[nodiscard]] std::string MetricsText(const FrontCounters& counters, std::size_t waiting, std::size_t pages);

}  // namespace latchkey::front
