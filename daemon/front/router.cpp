#include "daemon/front/router.h"

#include <array>

#include "daemon/base/check.h"

namespace latchkey::front {
namespace {

using ports::HttpMethod;

struct FixedPath {
  std::string_view path;
  Endpoint endpoint;
};
constexpr std::array<FixedPath, 5> kFixedPaths{{{"/events", Endpoint::kEvents},
                                                {"/api/v1/cameras", Endpoint::kCameras},
                                                {"/openapi.json", Endpoint::kOpenApi},
                                                {"/metrics", Endpoint::kMetrics},
                                                {"/healthz", Endpoint::kHealth}}};

constexpr unsigned Bit(HttpMethod method) {
  return 1U << static_cast<unsigned>(method);
}

struct Methods {
  Endpoint endpoint;
  std::string_view allow;
  unsigned set;
};
constexpr unsigned kRead = Bit(HttpMethod::kGet) | Bit(HttpMethod::kHead);
constexpr unsigned kPost = kRead | Bit(HttpMethod::kOptions) | Bit(HttpMethod::kPost);
constexpr unsigned kResource =
    kRead | Bit(HttpMethod::kOptions) | Bit(HttpMethod::kPatch) | Bit(HttpMethod::kDelete);
constexpr std::array<Methods, static_cast<std::size_t>(Endpoint::kCount)> kMethods{{
    {Endpoint::kNone, "", 0},
    {Endpoint::kWhip, "POST, OPTIONS, GET, HEAD", kPost},
    {Endpoint::kWhep, "POST, OPTIONS, GET, HEAD", kPost},
    {Endpoint::kSession, "PATCH, DELETE, OPTIONS, GET, HEAD", kResource},
    {Endpoint::kPage, "GET, HEAD", kRead},
    {Endpoint::kEvents, "GET", Bit(HttpMethod::kGet)},
    {Endpoint::kCameras, "GET, HEAD", kRead},
    {Endpoint::kOpenApi, "GET, HEAD", kRead},
    {Endpoint::kMetrics, "GET, HEAD", kRead},
    {Endpoint::kHealth, "GET, HEAD", kRead},
}};
constexpr bool InOrder() {
  for (std::size_t i = 0; i < kMethods.size(); ++i) {
    if (static_cast<std::size_t>(kMethods[i].endpoint) != i) return false;
  }
  return true;
}
static_assert(InOrder());

const Methods& MethodsOf(Endpoint endpoint) {
  const auto index = static_cast<std::size_t>(endpoint);
  LATCHKEY_CHECK(index < kMethods.size());
  return kMethods[index];
}

// The id behind `prefix`, when there is exactly one.
template <class IdType>
bool Match(std::string_view path, std::string_view prefix, IdType& id) {
  if (!path.starts_with(prefix)) return false;
  const auto parsed = IdType::FromHex(path.substr(prefix.size()));
  if (parsed) id = *parsed;
  return parsed.has_value();
}

}  // namespace

Route FindRoute(std::string_view path) {
  Route route;
  if (Match(path, "/whip/", route.camera)) {
    route.endpoint = Endpoint::kWhip;
  } else if (Match(path, "/whep/", route.camera)) {
    route.endpoint = Endpoint::kWhep;
  } else if (Match(path, "/session/", route.session)) {
    route.endpoint = Endpoint::kSession;
  } else if (const PageFile* page = FindPage(path)) {
    route.endpoint = Endpoint::kPage;
    route.page = page;
  } else {
    for (const FixedPath& fixed : kFixedPaths) {
      if (path == fixed.path) route.endpoint = fixed.endpoint;
    }
  }
  return route;
}

std::string_view AllowedMethods(Endpoint endpoint) {
  return MethodsOf(endpoint).allow;
}

bool IsAllowed(Endpoint endpoint, HttpMethod method) {
  return (MethodsOf(endpoint).set & Bit(method)) != 0;
}

bool IsCrossOrigin(Endpoint endpoint) {
  return endpoint == Endpoint::kWhip || endpoint == Endpoint::kWhep || endpoint == Endpoint::kSession;
}

}  // namespace latchkey::front
