// Errors as people and programs read them: application/problem+json (RFC 9457).
#pragma once

#include <cstdint>
#include <string_view>

#include "daemon/ports/http.h"

namespace latchkey::front {

// {type: "about:blank", title, status, detail}. `detail` says what to do. Adds what the status asks for:
// 401 WWW-Authenticate (RFC 6750 3), 429 and 503 Retry-After (`retry_after_s`, at least 1).
[[nodiscard]] ports::HttpResponse Problem(int status, std::string_view title, std::string_view detail,
                                          std::uint16_t retry_after_s = 0);

// The same for what the HTTP server itself found wrong.
[[nodiscard]] ports::HttpResponse ProblemOf(ports::HttpFault fault);

// DESIGN section 7: the one title for everything that can't be shown now.
constexpr std::string_view kUnavailableTitle = "currently unavailable";

// 429, for an address that sent too many wrong tokens.
constexpr std::string_view kGuessedTitle = "too many wrong tokens";
constexpr std::string_view kGuessedDetail =
    "This device sent tokens that the hub does not know: wait as long as the answer says, "
    "and send the right one.";

}  // namespace latchkey::front
