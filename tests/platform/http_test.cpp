// HttpServer on real sockets: requests whole and broken, in pieces, in a row, and given up.
#include "tests/platform/http_client.h"

namespace latchkey::platform {
namespace {

using ports::HttpFault;
using ports::HttpMethod;

const std::string kGet = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";

std::string Post(std::string_view length, std::string_view body, std::string_view more = "") {
  return "POST /p HTTP/1.1\r\nHost: h\r\n" + std::string(more) + "Content-Length: " + std::string(length) +
         "\r\n\r\n" + std::string(body);
}

TEST_CASE("http: a request arrives with method, decoded path, trimmed fields and its body") {
  HttpFixture f;
  RawClient client(f.server->port());
  client.Send(
      "PATCH /a%2fb/../c?token=lk_secret HTTP/1.1\r\nHOST:  127.0.0.1:8480 \r\nauthorization:Bearer  x\r\n"
      "Content-Type: application/sdp\r\nIf-Match: \"tag\"\r\nOrigin: http://o\r\nX-Unknown: y\r\n"
      "Content-Length: 5\r\n\r\nhello");
  REQUIRE(f.Until(client, [&] { return client.Count("5\0") + client.Count(" 5") > 0; }));
  REQUIRE(f.handler.requests.size() == 1);
  const auto& request = f.handler.requests[0];
  CHECK(request.method == HttpMethod::kPatch);
  CHECK(request.path == "/a/c");
  CHECK(request.host == "127.0.0.1:8480");
  CHECK(request.authorization == "Bearer  x");
  CHECK(request.content_type == "application/sdp");
  CHECK(request.if_match == "\"tag\"");
  CHECK(request.origin == "http://o");
  CHECK(request.body == "hello");
  CHECK(request.peer.ip.IsLoopback());
  CHECK(request.local.port == f.server->port());
  CHECK_FALSE(request.secure);
}

TEST_CASE("http: no length and chunked are 411, contradictions 400, each once and closed") {
  HttpFixture f;
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  CHECK(f.StatusOf("POST /p HTTP/1.1\r\nHost: h\r\n\r\n") == 411);
  CHECK(f.StatusOf("PATCH /p HTTP/1.1\r\nHost: h\r\n\r\nabc") == 411);
  CHECK(f.StatusOf("POST /p HTTP/1.1\r\nHost: h\r\n" + chunked + "\r\n5\r\nhello\r\n0\r\n\r\n") == 411);
  CHECK(f.StatusOf("DELETE /p HTTP/1.1\r\nHost: h\r\n" + chunked + "\r\n0\r\n\r\n") == 411);
  CHECK(f.StatusOf(Post("5", "hello", chunked)) == 400);
  for (const char* length :
       {"-1", "+5", "5x", "0x5", "1e3", "5, 5", "99999999999999999999", "5\r\nContent-Length: 6"}) {
    CHECK(f.StatusOf(Post(length, "hello")) == 400);
  }
  CHECK(f.StatusOf("GET / HTTP/2.0\r\nHost: h\r\n\r\n") == 400);
  CHECK(f.handler.requests.empty());
}

// A path is one text or none: what stands before a NUL would be another one. The library hangs up.
TEST_CASE("http: a path with an encoded NUL is never taken for the path before it") {
  HttpFixture f;
  for (const char* path : {"/x%00", "/x%00y", "/session/0%00/../1"}) {
    RawClient client(f.server->port());
    client.Send("GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(f.Until(client, [&] { return client.ended || client.reset; }));
  }
  CHECK(f.handler.requests.empty());
}

TEST_CASE("http: a refused chunked body is never taken for a second request") {
  HttpFixture f;
  RawClient client(f.server->port());
  client.Send("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + kGet + kGet);
  REQUIRE(f.Until(client, [&] { return client.Count("refused") > 0; }));
  client.Send(kGet);
  CHECK_FALSE(f.Until(
      client, [&] { return client.Count("HTTP/1.1") > 1; }, milliseconds{300}));
  CHECK(f.handler.requests.empty());
}

TEST_CASE("http: 65536 bytes of body are taken, one more is 413 and the client can read it") {
  HttpFixture f;
  CHECK(f.StatusOf(Post("65536", std::string(65536, 'a'))) == 200);
  CHECK(f.handler.requests.at(0).body.size() == 65536);
  for (const std::size_t size : {std::size_t{65537}, std::size_t{500'000}}) {
    RawClient client(f.server->port());
    client.Send(Post(std::to_string(size), std::string(size, 'a')));
    REQUIRE(f.Until(client, [&] { return client.ended || client.reset; }));
    CHECK(client.Status() == 413);
    CHECK(client.Count("Connection: close") == 1);
  }
  CHECK(f.handler.requests.size() == 1);
}

TEST_CASE("http: a header block over 16 KiB is 431, however long it is") {
  HttpFixture f;
  const auto with = [](std::size_t size) {
    return "GET /x HTTP/1.1\r\nHost: h\r\nX-Long: " + std::string(size, 'a') + "\r\n\r\n";
  };
  CHECK(f.StatusOf(with(12'000)) == 200);
  for (const std::size_t size : {30'000U, 64'000U, 70'000U, 300'000U}) CHECK(f.StatusOf(with(size)) == 431);
  CHECK(f.handler.requests.size() == 1);
}

TEST_CASE("http: many requests on one connection don't add up to a long header") {
  HttpFixture f;
  RawClient client(f.server->port());
  const std::string request = "GET /x HTTP/1.1\r\nHost: h\r\nX-Long: " + std::string(6'000, 'a') + "\r\n\r\n";
  for (std::size_t i = 1; i <= 12; ++i) {
    client.Send(request);
    REQUIRE(f.Until(client, [&] { return client.Count("200 OK") == i; }));
  }
  CHECK(f.handler.faults.empty());
}

TEST_CASE("http: pipelined requests are answered in order, each once, also when answers come late") {
  HttpFixture f;
  f.handler.wait = true;
  RawClient client(f.server->port());
  client.Send(Post("3", "abc") + "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n" + Post("0", "") +
              "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  for (std::size_t i = 0; i < 4; ++i) {
    REQUIRE(f.Until(client, [&] { return f.handler.requests.size() == i + 1; }));
    CHECK(client.Count("HTTP/1.1 200") == i);
    f.handler.Answer(i);
    REQUIRE(f.Until(client, [&] { return client.Count("HTTP/1.1 200") == i + 1; }));
  }
  CHECK(client.received.find(" /1 0") < client.received.find(" /2 0"));
  CHECK_FALSE(f.Until(
      client, [&] { return client.Count("HTTP/1.1 ") > 4; }, milliseconds{100}));
}

TEST_CASE("http: a client that waits costs no processor time, whatever it sends meanwhile") {
  HttpFixture f;
  f.handler.wait = true;
  for (const std::string& request : {kGet, Post("3", "abc")}) {
    RawClient client(f.server->port());
    const std::size_t before = f.handler.requests.size();
    client.Send(request + "GET /next HTTP/1.1\r\n");
    REQUIRE(f.Until(client, [&] { return f.handler.requests.size() == before + 1; }));
    client.Send("Host: h");
    int rounds = 0;
    (void)f.Until(
        client,
        [&] {
          ++rounds;
          return false;
        },
        milliseconds{400});
    // 20 wakes of the test's own timer and 8 looks for clients that left.
    CHECK(rounds < 60);
    f.handler.Answer(before);
    REQUIRE(f.Until(client, [&] { return client.Count("200 OK") == 1; }));
  }
}

TEST_CASE("http: Content-Length: 0 is one request and one answer") {
  HttpFixture f;
  RawClient client(f.server->port());
  for (const char* method : {"POST", "PATCH", "DELETE", "GET"}) {
    client.Send(std::string(method) + " /z HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
  }
  REQUIRE(f.Until(client, [&] { return client.Count("200 OK") == 4; }));
  CHECK_FALSE(f.Until(
      client, [&] { return client.Count("HTTP/1.1 ") > 4; }, milliseconds{100}));
  CHECK(f.handler.requests.size() == 4);
}

TEST_CASE("http: HEAD has the length of what GET would send, and no body") {
  HttpFixture f;
  RawClient client(f.server->port());
  client.Send("HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n" + kGet);
  REQUIRE(f.Until(client, [&] { return client.Count("/x 0") == 1; }));
  CHECK(client.Count("Content-Length: 6\r\n") == 2);
  CHECK(client.Count("200 OK") == 2);
}

TEST_CASE("http: HTTP/1.0 and Connection: close are answered and closed") {
  HttpFixture f;
  for (const char* request :
       {"GET /x HTTP/1.0\r\nHost: h\r\n\r\n", "GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"}) {
    RawClient client(f.server->port());
    client.Send(request);
    REQUIRE(f.Until(client, [&] { return client.ended; }));
    CHECK(client.Status() == 200);
  }
}

TEST_CASE("http: a client that leaves is told of, and the answer it no longer waits for goes nowhere") {
  HttpFixture f;
  f.handler.wait = true;
  for (const bool half : {false, true}) {
    RawClient client(f.server->port());
    client.Send(Post("3", "abc"));
    const std::size_t before = f.handler.gone.size();
    REQUIRE(f.Until(client, [&] { return f.handler.requests.size() == before + 1; }));
    if (half) {
      REQUIRE(::shutdown(client.fd(), SHUT_WR) == 0);
    } else {
      client.Close();
    }
    REQUIRE(RunUntil(f.loop, [&] { return f.handler.gone.size() == before + 1; }));
    CHECK(f.handler.gone.back() == f.handler.exchanges.back());
    f.handler.Answer(before);
    REQUIRE(RunUntil(f.loop, [&] { return f.server->connections() == 0; }));
  }
}

TEST_CASE("http: a client that sends byte by byte is served; one that stops half-way is closed in time") {
  HttpServerOptions options;
  options.times = {seconds{1}, seconds{1}, seconds{1}};
  HttpFixture f(std::move(options));
  RawClient slow(f.server->port());
  for (const char c : Post("2", "ok")) {
    slow.Send(std::string(1, c));
    (void)f.loop.RunOnce(false);
  }
  REQUIRE(f.Until(slow, [&] { return slow.Count("200 OK") == 1; }));
  for (const std::string& half :
       {std::string(), std::string("GET /x HT"), kGet.substr(0, kGet.size() - 2), Post("5", "ab")}) {
    RawClient client(f.server->port());
    client.Send(half);
    INFO(half);
    CHECK(f.Until(
        client, [&] { return client.ended || client.reset; }, seconds{5}));
  }
  RawClient idle(f.server->port());
  idle.Send(kGet);
  CHECK(f.Until(
      idle, [&] { return idle.ended; }, seconds{5}));
  CHECK(idle.Status() == 200);
}

TEST_CASE("http: HTTP/2 is refused, upgraded to or with prior knowledge, as is what isn't HTTP") {
  HttpFixture f;
  CHECK(f.StatusOf("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                   "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n") == 505);
  CHECK(f.StatusOf("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == 501);
  CHECK(f.StatusOf("BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n") == 501);
  CHECK(f.StatusOf("CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n") == 501);
  CHECK(f.StatusOf("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: tls/1.0\r\n\r\n") == 403);
  CHECK(f.StatusOf(std::string("\x16\x03\x01\x02\x00\x01\x00", 7)) == 501);
  CHECK(f.handler.requests.empty());
  REQUIRE(RunUntil(f.loop, [&] { return f.server->connections() == 0; }));
}

TEST_CASE("http: one connection too many is closed, and there is room when another has gone") {
  HttpFixture f;
  std::vector<std::unique_ptr<RawClient>> clients;
  for (std::size_t i = 0; i < kHttpMaxConnections; ++i) {
    clients.push_back(std::make_unique<RawClient>(f.server->port()));
    (void)f.loop.RunOnce(false);
  }
  REQUIRE(RunUntil(f.loop, [&] { return f.server->connections() == kHttpMaxConnections; }));
  RawClient extra(f.server->port());
  extra.Send(kGet);
  REQUIRE(f.Until(extra, [&] { return extra.ended || extra.reset; }));
  CHECK(extra.received.empty());
  clients.pop_back();
  REQUIRE(RunUntil(f.loop, [&] { return f.server->connections() == kHttpMaxConnections - 1; }));
  CHECK(f.StatusOf(kGet) == 200);
}

TEST_CASE("http: what the library refuses by itself runs nothing and is kept by nobody") {
  HttpFixture f;
  for (const char* target : {"*", "x", "http://h/x"}) {
    RawClient client(f.server->port());
    client.Send(std::string("GET ") + target + " HTTP/1.1\r\nHost: h\r\n\r\n");
    REQUIRE(f.Until(client, [&] { return client.received.find("\r\n\r\n") != std::string::npos; }));
    INFO(target << "\n" << client.received);
    CHECK(client.Count("cache-control: no-store\r\n") == 1);
    CHECK(client.Count("x-content-type-options: nosniff\r\n") == 1);
    CHECK(client.Count("referrer-policy: no-referrer\r\n") == 1);
    CHECK(client.Count("content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n") == 1);
  }
}

TEST_CASE("http: one machine can't take the places of the others") {
  HttpServerOptions options;
  options.max_per_client = 3;
  HttpFixture f(std::move(options));
  std::vector<std::unique_ptr<RawClient>> greedy;
  for (std::size_t i = 0; i < 3; ++i) {
    greedy.push_back(std::make_unique<RawClient>(f.server->port(), 2));
  }
  REQUIRE(RunUntil(f.loop, [&] { return f.server->connections() == 3; }));
  RawClient extra(f.server->port(), 2);
  extra.Send(kGet);
  REQUIRE(f.Until(extra, [&] { return extra.ended || extra.reset || !extra.received.empty(); }));
  CHECK(extra.received.empty());
  CHECK(f.StatusOf(kGet) == 200);
  greedy.pop_back();
  REQUIRE(RunUntil(f.loop, [&] { return f.server->connections() < 3; }));
  RawClient again(f.server->port(), 2);
  again.Send(kGet);
  CHECK(f.Until(again, [&] { return again.Status() == 200; }));
}

TEST_CASE("http: a port that is taken is said so, and a server may go while clients wait") {
  HttpFixture f;
  HttpServerOptions options;
  options.listen = {IpAddress::V4({127, 0, 0, 1}), f.server->port()};
  const auto second = HttpServer::Start(f.loop, f.log, options, f.handler);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == ErrorCode::kConflict);
  CHECK(second.error().message.find(std::to_string(f.server->port())) != std::string::npos);
  f.handler.wait = true;
  RawClient client(f.server->port());
  client.Send(kGet);
  REQUIRE(f.Until(client, [&] { return f.handler.requests.size() == 1; }));
  f.server.reset();
  REQUIRE(f.Until(client, [&] { return client.ended || client.reset; }));
  CHECK(f.handler.gone.empty());
}

}  // namespace
}  // namespace latchkey::platform
