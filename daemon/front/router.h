// What a path means, and what may be done with it.
#pragma once

#include <cstdint>
#include <string_view>

#include "daemon/base/ids.h"
#include "daemon/front/pages.h"
#include "daemon/ports/http.h"

namespace latchkey::front {

enum class Endpoint : std::uint8_t {
  kNone,     // 404
  kWhip,     // /whip/{camera-id}
  kWhep,     // /whep/{camera-id}
  kSession,  // /session/{id}
  kPage,     // / and what it is made of
  kEvents,   // /events
  kCameras,  // /api/v1/cameras
  kOpenApi,
  kMetrics,
  kHealth,
  kCount
};

struct Route {
  Endpoint endpoint = Endpoint::kNone;
  CameraId camera;                 // kWhip, kWhep
  SessionId session;               // kSession
  const PageFile* page = nullptr;  // kPage
};

// Exact paths; ids are exactly 32 lower-case hexadecimal digits (invariant 9).
[[nodiscard]] Route FindRoute(std::string_view path);

// The Allow header of an endpoint (RFC 9110 10.2.1).
[[nodiscard]] std::string_view AllowedMethods(Endpoint endpoint);
[[nodiscard]] bool IsAllowed(Endpoint endpoint, ports::HttpMethod method);
// Reached by pages of other origins as well: they hold a token of their own.
[[nodiscard]] bool IsCrossOrigin(Endpoint endpoint);

}  // namespace latchkey::front
