#include "daemon/front/problem.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "daemon/base/check.h"
#include "daemon/front/json_text.h"

namespace latchkey::front {

ports::HttpResponse Problem(int status, std::string_view title, std::string_view detail,
                            std::uint16_t retry_after_s) {
  const nlohmann::ordered_json body = {
      {"type", "about:blank"}, {"title", title}, {"status", status}, {"detail", detail}};
  ports::HttpResponse response;
  response.status = status;
  response.headers.emplace_back("Content-Type", "application/problem+json");
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"latchkey\"");
  if (status == 429 || status == 503) {
    response.headers.emplace_back("Retry-After", std::to_string(std::max<unsigned>(retry_after_s, 1)));
  }
  // A name with broken UTF-8 in it must not turn into an exception.
  response.body = JsonText(body);
  return response;
}

ports::HttpResponse ProblemOf(ports::HttpFault fault) {
  using ports::HttpFault;
  switch (fault) {
    case HttpFault::kMalformed:
      return Problem(400, "bad request", "This is not an HTTP/1.1 request that can be understood.");
    case HttpFault::kTimeout:
      return Problem(408, "request timeout", "The body did not arrive within 10 seconds: send it again.");
    case HttpFault::kLengthRequired:
      return Problem(411, "length required",
                     "Send the body whole, with Content-Length and without Transfer-Encoding.");
    case HttpFault::kBodyTooLarge:
      return Problem(413, "content too large", "A body may have 65536 bytes: send a shorter offer.");
    case HttpFault::kHeadersTooLong:
      return Problem(431, "request header fields too large",
                     "The header block may have 16 KiB: send fewer fields.");
    case HttpFault::kUnknownMethod:
      return Problem(501, "not implemented",
                     "HTTP/1.1 with GET, HEAD, POST, PATCH, DELETE and OPTIONS is spoken here.");
    case HttpFault::kVersion:
      return Problem(505, "HTTP version not supported",
                     "HTTP/1.1 alone is spoken here: send no Upgrade to HTTP/2.");
    case HttpFault::kCount: break;
  }
  LATCHKEY_CHECK(false);
  return {};
}

}  // namespace latchkey::front
