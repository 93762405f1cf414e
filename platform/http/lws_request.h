// What libwebsockets parsed, as our values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/ports/http.h"

struct lws;

namespace latchkey::platform {

// How long the request is, and what is wrong with that.
struct HttpFraming {
  std::optional<ports::HttpFault> fault;
  // libwebsockets will report the end of a body (LWS_CALLBACK_HTTP_BODY_COMPLETION). Also set where a
  // body follows that will be refused: whatever a POST, PATCH or PUT without a length sends.
  bool body_follows = false;
};

// RFC 9112 6.3, narrowed: a length is digits alone, at most kMaxHttpBody; no transfer coding; HTTP/1.x.
[[nodiscard]] HttpFraming ReadFraming(lws* wsi);

// All but the body. Nothing when the method is none that a handler knows.
[[nodiscard]] std::optional<ports::HttpRequest> ReadRequest(lws* wsi);

// The Upgrade header in lower case; empty: there is none.
[[nodiscard]] std::string ReadUpgrade(lws* wsi);

}  // namespace latchkey::platform
