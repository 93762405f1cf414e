#include "daemon/front/headers.h"

#include <algorithm>

namespace latchkey::front {
namespace {

bool Has(const ports::HttpResponse& response, std::string_view name) {
  return std::any_of(response.headers.begin(), response.headers.end(),
                     [name](const auto& header) { return header.first == name; });
}

}  // namespace

void AddSafetyHeaders(ports::HttpResponse& response, bool cross_origin) {
  auto& headers = response.headers;
  headers.emplace_back("Cache-Control", "no-store");
  // For caches that don't heed that: an answer is for the token that asked (RFC 9110 12.5.5).
  headers.emplace_back("Vary", "Authorization");
  headers.emplace_back("X-Content-Type-Options", "nosniff");
  headers.emplace_back("Referrer-Policy", "no-referrer");
  headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
  headers.emplace_back("Cross-Origin-Resource-Policy", cross_origin ? "cross-origin" : "same-origin");
  if (!Has(response, "Content-Security-Policy")) {
    headers.emplace_back("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  }
}

std::string PagePolicy(std::string_view origin) {
  // http -> ws, https -> wss. An IPv6 literal is no source of a policy (CSP Level 3, 2.3.1): there 'self' is
  // all.
  const bool named = origin.find('[') == std::string_view::npos;
  const std::string socket =
      named ? " ws" + std::string(origin.substr(std::min<std::size_t>(4, origin.size()))) : "";
  return "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'" + socket +
         "; img-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; "
         "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
}

void AddCorsHeaders(ports::HttpResponse& response, std::string_view methods) {
  auto& headers = response.headers;
  headers.emplace_back("Access-Control-Allow-Origin", "*");
  headers.emplace_back("Access-Control-Allow-Methods", std::string(methods));
  headers.emplace_back("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match");
  headers.emplace_back("Access-Control-Expose-Headers",
                       "Location, ETag, Link, Accept-Post, Accept-Patch, Retry-After, WWW-Authenticate");
  headers.emplace_back("Access-Control-Max-Age", "600");
}

}  // namespace latchkey::front
