// What the front decides without asking: paths, methods, hosts, tokens, bodies, headers.
#include <nlohmann/json.hpp>

#include "daemon/access/token.h"
#include "daemon/front/headers.h"
#include "daemon/front/pages.h"
#include "tests/unit/front/front_fixture.h"

namespace latchkey::front {
namespace {

using ports::HttpMethod;
using ports::HttpResponse;

void CheckProblem(const HttpResponse& response, int status) {
  INFO(response.body);
  CHECK(response.status == status);
  CHECK(Header(response, "Content-Type") == "application/problem+json");
  const auto json = nlohmann::json::parse(response.body);
  CHECK(json.at("status") == status);
  CHECK_FALSE(json.at("title").get<std::string>().empty());
  CHECK_FALSE(json.at("detail").get<std::string>().empty());
}

void CheckSafety(const HttpResponse& response) {
  INFO(response.status << " " << response.body.substr(0, 80));
  CHECK(Header(response, "Cache-Control") == "no-store");
  CHECK(Header(response, "Vary") == "Authorization");
  CHECK(Header(response, "X-Content-Type-Options") == "nosniff");
  CHECK(Header(response, "Referrer-Policy") == "no-referrer");
  CHECK(Header(response, "Content-Security-Policy").starts_with("default-src 'none'"));
  CHECK(Header(response, "Cross-Origin-Opener-Policy") == "same-origin");
  CHECK_FALSE(Header(response, "Cross-Origin-Resource-Policy").empty());
}

TEST_CASE("front: a missing or malformed token is 401 with a challenge, and asks the keeper nothing") {
  FrontFixture f;
  for (const std::string& authorization :
       {std::string(), std::string("Basic abc"), "Bearer" + TokenText(), "Bearer " + TokenText('A'),
        "Bearer " + TokenText() + "0", "Bearer lk_" + std::string(63, 'a'), "Bearer " + std::string(64, 'a'),
        "Bearer " + TokenText() + " " + TokenText(), "Bearer LK_" + std::string(64, 'a')}) {
    for (auto request :
         {f.Offer("whip"), f.Offer("whep"), f.Patch(), f.Request(HttpMethod::kGet, "/api/v1/cameras"),
          f.Request(HttpMethod::kDelete, "/session/" + std::string(kSession))}) {
      request.authorization = authorization;
      const HttpResponse response = f.Answer(std::move(request));
      INFO(authorization);
      CheckProblem(response, 401);
      CHECK(Header(response, "WWW-Authenticate").starts_with("Bearer"));
    }
  }
  CHECK(f.asked.empty());
}

TEST_CASE("front: the scheme of a token may be in any case, and spaces may follow it") {
  FrontFixture f;
  for (const char* scheme : {"Bearer ", "bearer ", "BEARER   "}) {
    auto request = f.Offer("whip");
    request.authorization = scheme + TokenText();
    (void)f.Send(std::move(request));
    CHECK(f.Asked<wire::PublishRequest>().offer.str() == "v=0\r\n");
  }
}

TEST_CASE("front: only exact ids are paths; everything else is 404") {
  FrontFixture f;
  const std::string id(kCamera);
  const std::vector<std::string> paths{"/whip",
                                       "/whip/",
                                       "/whip/" + id.substr(1),
                                       "/whip/" + id + "0",
                                       "/whip/" + id + "/",
                                       "/whip/0123456789ABCDEF0123456789ABCDEF",
                                       "/WHIP/" + id,
                                       "/whep/" + id + "/x",
                                       "/session/x",
                                       "/index.html",
                                       "/api/v1",
                                       "//",
                                       ""};
  for (const std::string& path : paths) {
    INFO(path);
    CheckProblem(f.Answer(f.Request(HttpMethod::kGet, path)), 404);
  }
}

TEST_CASE("front: a method that a path has not is 405 and says which it has") {
  FrontFixture f;
  const std::string id(kCamera);
  const auto allow = [&f](HttpMethod method, const std::string& path) {
    const HttpResponse response = f.Answer(f.Request(method, path));
    CheckProblem(response, 405);
    return Header(response, "Allow");
  };
  CHECK(allow(HttpMethod::kPatch, "/whip/" + id) == "POST, OPTIONS, GET, HEAD");
  CHECK(allow(HttpMethod::kPut, "/whep/" + id) == "POST, OPTIONS, GET, HEAD");
  CHECK(allow(HttpMethod::kPost, "/session/" + id) == "PATCH, DELETE, OPTIONS, GET, HEAD");
  CHECK(allow(HttpMethod::kPost, "/") == "GET, HEAD");
  CHECK(allow(HttpMethod::kDelete, "/api/v1/cameras") == "GET, HEAD");
  CHECK(allow(HttpMethod::kHead, "/events") == "GET");
}

TEST_CASE(
    "front: an offer of another content type is 415, an empty one 400, and the type may have parameters") {
  FrontFixture f;
  for (const char* type :
       {"", "text/plain", "application/json", "application/sdpx", "application/trickle-ice-sdpfrag"}) {
    auto request = f.Offer("whep");
    request.content_type = type;
    const HttpResponse response = f.Answer(std::move(request));
    CheckProblem(response, 415);
    CHECK(Header(response, "Accept-Post") == "application/sdp");
  }
  auto patch = f.Patch();
  patch.content_type = "application/sdp";
  const HttpResponse wrong = f.Answer(std::move(patch));
  CheckProblem(wrong, 415);
  CHECK(Header(wrong, "Accept-Patch") == "application/trickle-ice-sdpfrag");
  auto empty = f.Offer("whip");
  empty.body.clear();
  CheckProblem(f.Answer(std::move(empty)), 400);
  CHECK(f.asked.empty());
  auto good = f.Offer("whip");
  good.content_type = "Application/SDP ; charset=utf-8";
  (void)f.Send(std::move(good));
  CHECK(f.asked.size() == 1);
}

TEST_CASE("front: an If-Match that no tag of ours can be is 412 at once, any other goes on as it came") {
  FrontFixture f;
  auto longer = f.Patch();
  longer.if_match = std::string(129, 'x');
  CheckProblem(f.Answer(std::move(longer)), 412);
  CHECK(f.asked.empty());
  for (const char* tag : {"", "*", "\"tag\"", "W/\"tag\""}) {
    auto request = f.Patch();
    request.if_match = tag;
    (void)f.Send(std::move(request));
    CHECK(f.Asked<wire::PatchRequest>().if_match.str() == tag);
  }
}

TEST_CASE("front: a Host of another name, port or none is 400 before anything else is looked at") {
  FrontFixture f;
  for (const char* host :
       {"", "example.org", "example.org:8480", "127.0.0.1", "127.0.0.1:8481", "127.0.0.2:8480",
        "localhost.evil.example:8480", "127.0.0.1:8480:8480", "[::1]", "::1:8480", "[::1]:8480 ",
        "localhost:08480", "xlocalhost:8480", "user@127.0.0.1:8480"}) {
    auto request = f.Offer("whep");
    request.host = host;
    INFO(host);
    CheckProblem(f.Answer(std::move(request)), 400);
    auto upgrade = f.Request(HttpMethod::kGet, "/events");
    upgrade.host = host;
    const auto refusal = f.front.HandleUpgrade(upgrade);
    REQUIRE(refusal);
    CheckProblem(*refusal, 400);
  }
  CHECK(f.asked.empty());
  CHECK(f.front.counters().foreign_hosts == 28);
  for (const char* host : {"127.0.0.1:8480", "localhost:8480", "LocalHost:8480", "[::1]:8480"}) {
    auto request = f.Request(HttpMethod::kGet, "/healthz");
    request.host = host;
    CHECK(f.Answer(std::move(request)).status == 200);
  }
}

TEST_CASE("front: on a LAN the address that was reached is a good name, another address is not") {
  FrontFixture f(FrontOptions{{"latchkey.local"}, 8443, true, true});
  auto request = f.Request(HttpMethod::kGet, "/healthz");
  request.local.ip = *IpAddress::Parse("192.0.2.7");
  request.host = "192.0.2.7:8443";
  CHECK(f.Answer(request).status == 200);
  request.host = "latchkey.local:8443";
  CHECK(f.Answer(request).status == 200);
  request.host = "192.0.2.8:8443";
  CheckProblem(f.Answer(request), 400);
  request.local.ip = *IpAddress::Parse("2001:db8::5");
  request.host = "[2001:db8::5]:8443";
  CHECK(f.Answer(request).status == 200);
}

TEST_CASE("front: every answer carries the safety headers, whatever it answers") {
  FrontFixture f;
  for (const HttpMethod method :
       {HttpMethod::kGet, HttpMethod::kHead, HttpMethod::kOptions, HttpMethod::kPut}) {
    for (const std::string path :
         {"/", "/viewer.js", "/openapi.json", "/healthz", "/nothing", "/events",
          "/whip/0123456789abcdef0123456789abcdef", "/session/0123456789abcdef0123456789abcdef"}) {
      CheckSafety(f.Answer(f.Request(method, path)));
    }
  }
  CheckSafety(f.Answer(f.Offer("whip", "")));
  auto foreign = f.Offer("whip");
  foreign.host = "x";
  CheckSafety(f.Answer(std::move(foreign)));
  for (const std::string path : {"/", "/events"}) {
    auto upgrade = f.Request(HttpMethod::kGet, path);
    upgrade.origin = "http://example.org";
    const auto refusal = f.front.HandleUpgrade(upgrade);
    REQUIRE(refusal);
    CheckSafety(*refusal);
  }
  for (int fault = 0; fault < static_cast<int>(ports::HttpFault::kCount); ++fault) {
    const HttpResponse response = f.front.HandleFault(static_cast<ports::HttpFault>(fault));
    CheckSafety(response);
    CheckProblem(response, response.status);
  }
}

TEST_CASE("front: each fault of the server has its status") {
  FrontFixture f;
  const auto status = [&f](ports::HttpFault fault) { return f.front.HandleFault(fault).status; };
  CHECK(status(ports::HttpFault::kMalformed) == 400);
  CHECK(status(ports::HttpFault::kTimeout) == 408);
  CHECK(status(ports::HttpFault::kLengthRequired) == 411);
  CHECK(status(ports::HttpFault::kBodyTooLarge) == 413);
  CHECK(status(ports::HttpFault::kHeadersTooLong) == 431);
  CHECK(status(ports::HttpFault::kUnknownMethod) == 501);
  CHECK(status(ports::HttpFault::kVersion) == 505);
}

TEST_CASE("front: OPTIONS, GET and HEAD of endpoint and session are 2xx, with CORS and what is accepted") {
  FrontFixture f;
  for (const HttpMethod method : {HttpMethod::kOptions, HttpMethod::kGet, HttpMethod::kHead}) {
    for (const std::string prefix : {"/whip/", "/whep/", "/session/"}) {
      const HttpResponse response = f.Answer(f.Request(method, prefix + std::string(kCamera), ""));
      CHECK(response.status == 204);
      CHECK(response.body.empty());
      CHECK(Header(response, "Access-Control-Allow-Origin") == "*");
      for (const char* name : {"Authorization", "Content-Type", "If-Match"}) {
        CHECK(Header(response, "Access-Control-Allow-Headers").find(name) != std::string::npos);
      }
      for (const char* name : {"Location", "ETag", "Link"}) {
        CHECK(Header(response, "Access-Control-Expose-Headers").find(name) != std::string::npos);
      }
      const bool session = prefix == "/session/";
      CHECK(Header(response, "Access-Control-Allow-Methods").find(session ? "PATCH" : "POST") !=
            std::string::npos);
      CHECK(Header(response, "Accept-Post") == (session ? "" : "application/sdp"));
      CHECK(Header(response, "Accept-Patch") == (session ? "application/trickle-ice-sdpfrag" : ""));
    }
  }
  CHECK(f.asked.empty());
}

TEST_CASE("front: a browser's page may read a refusal, but not the list of cameras from elsewhere") {
  FrontFixture f;
  CHECK(Header(f.Answer(f.Offer("whep", "")), "Access-Control-Allow-Origin") == "*");
  CHECK(Header(f.Answer(f.Request(HttpMethod::kGet, "/api/v1/cameras", "")), "Access-Control-Allow-Origin")
            .empty());
  CHECK(Header(f.Answer(f.Request(HttpMethod::kGet, "/")), "Access-Control-Allow-Origin").empty());
}

TEST_CASE("front: the page is whole, with a policy under which nothing foreign loads or frames it") {
  FrontFixture f;
  const HttpResponse page = f.Answer(f.Request(HttpMethod::kGet, "/", ""));
  CHECK(page.status == 200);
  CHECK(Header(page, "Content-Type") == "text/html; charset=utf-8");
  const std::string policy = Header(page, "Content-Security-Policy");
  CHECK(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"));
  CHECK(policy.find("connect-src 'self' ws://127.0.0.1:8480;") != std::string::npos);
  // An IPv6 literal would be no source; browsers say so on their console.
  CHECK(PagePolicy("https://[fd00::2]:8443").find("connect-src 'self'; ") != std::string::npos);
  CHECK(policy.find("frame-ancestors 'none'") != std::string::npos);
  CHECK(policy.find("unsafe") == std::string::npos);
  CHECK(page.body.find("<script type=\"module\" src=\"/viewer.js\">") != std::string::npos);
  CHECK(Header(f.Answer(f.Request(HttpMethod::kGet, "/viewer.css", "")), "Content-Type") ==
        "text/css; charset=utf-8");
  for (const PageFile& file : AllPages()) {
    const HttpResponse response = f.Answer(f.Request(HttpMethod::kGet, std::string(file.path), ""));
    CHECK(response.status == 200);
    CHECK(response.body == file.bytes);
    CHECK(response.body.find("http://") == response.body.find("http://www.w3.org/2000/svg"));
    CHECK(response.body.find("innerHTML") == std::string::npos);
  }
}

TEST_CASE("front: the description of the interface is JSON and names every endpoint that there is") {
  FrontFixture f;
  const auto json = nlohmann::json::parse(f.Answer(f.Request(HttpMethod::kGet, "/openapi.json", "")).body);
  CHECK(json.at("openapi") == "3.1.0");
  const std::string id(kCamera);
  for (const auto& [path, methods] : json.at("paths").items()) {
    std::string concrete = path;
    if (const auto brace = concrete.find('{'); brace != std::string::npos)
      concrete = concrete.substr(0, brace) + id;
    const Endpoint endpoint = FindRoute(concrete).endpoint;
    INFO(path);
    CHECK(endpoint != Endpoint::kNone);
    CHECK(methods.contains("get") == IsAllowed(endpoint, HttpMethod::kGet));
    CHECK(methods.contains("post") == IsAllowed(endpoint, HttpMethod::kPost));
    CHECK(methods.contains("patch") == IsAllowed(endpoint, HttpMethod::kPatch));
    CHECK(methods.contains("delete") == IsAllowed(endpoint, HttpMethod::kDelete));
    CHECK(methods.contains("options") == IsAllowed(endpoint, HttpMethod::kOptions));
    // Where a token is asked for, guessers are told to wait.
    for (const auto& [method, operation] : methods.items()) {
      if (!operation.is_object() || !operation.contains("responses")) continue;
      CHECK(operation["responses"].contains("429") == operation["responses"].contains("401"));
    }
  }
  CHECK(json.at("paths").size() == 9);
}

TEST_CASE("front: metrics are for the machine itself") {
  FrontFixture f;
  auto request = f.Request(HttpMethod::kGet, "/metrics", "");
  request.peer.ip = *IpAddress::Parse("192.0.2.9");
  CheckProblem(f.Answer(request), 403);
  request.peer.ip = *IpAddress::Parse("127.0.0.1");
  (void)f.Send(request);
  wire::Metrics metrics;
  metrics.ticket = f.Asked<wire::MetricsRequest>().ticket;
  metrics.text = "latchkey_up 1\n";
  f.Hear(std::move(metrics));
  const HttpResponse response = f.OnlyReply().response;
  CHECK(response.body.starts_with("latchkey_up 1\n"));
  CHECK(response.body.find("latchkey_front_requests_total 2\n") != std::string::npos);
}

}  // namespace
}  // namespace latchkey::front
