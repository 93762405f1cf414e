// The headers that every answer carries, whatever it answers.
#pragma once

#include <string>
#include <string_view>

#include "daemon/ports/http.h"

namespace latchkey::front {

// no-store and Vary (invariant 3), nosniff, no framing, no referrer, same-origin isolation. A
// Content-Security-Policy that forbids everything unless the response brought its own.
void AddSafetyHeaders(ports::HttpResponse& response, bool cross_origin);

// The page's Content-Security-Policy. `origin` ("http://host:port") lets its WebSocket pass browsers
// whose 'self' doesn't mean ws: as well.
[[nodiscard]] std::string PagePolicy(std::string_view origin);

// RFC 9725 4.2 asks for these on every answer of an endpoint or session: any page that holds a token may
// use it, and no cookie is ever involved.
void AddCorsHeaders(ports::HttpResponse& response, std::string_view methods);

}  // namespace latchkey::front
