// HttpServer's WebSockets and TLS on real sockets.
#include <fcntl.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "platform/loop/clock.h"
#include "tests/platform/http_client.h"

namespace latchkey::platform {
namespace {

const std::string kUpgrade =
    "GET /events HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
    "13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

// A client's frame (RFC 6455 5.2), masked with zeros.
std::string Frame(int opcode, bool final, std::string_view payload) {
  std::string frame(1, static_cast<char>((final ? 0x80 : 0) | opcode));
  if (payload.size() < 126) {
    frame += static_cast<char>(0x80U | payload.size());
  } else {
    frame += static_cast<char>(0x80U | 126U);
    frame += static_cast<char>((payload.size() >> 8U) & 0xffU);
    frame += static_cast<char>(payload.size() & 0xffU);
  }
  return frame + std::string(4, '\0') + std::string(payload);
}
constexpr int kMore = 0;
constexpr int kText = 1;
constexpr int kBinary = 2;

std::string CloseFrame(int code, std::string_view reason) {
  std::string frame = "\x88";
  frame += static_cast<char>(reason.size() + 2);
  frame += static_cast<char>((static_cast<unsigned>(code) >> 8U) & 0xffU);
  frame += static_cast<char>(static_cast<unsigned>(code) & 0xffU);
  return frame + std::string(reason);
}

class SocketFixture : public HttpFixture {
 public:
  SocketFixture() : client(server->port()) {
    client.Send(kUpgrade);
    REQUIRE(Until(client, [this] { return handler.opened.size() == 1; }));
    REQUIRE(Until(client, [this] { return client.Count("\r\n\r\n") == 1; }));
    CHECK(client.Count("101 Switching Protocols") == 1);
    client.received.clear();
  }
  ports::WebSocketId id() const { return handler.opened.at(0); }
  RawClient client;
};

TEST_CASE("http: a message in fragments and pieces arrives whole, and the next one separately") {
  SocketFixture f;
  f.client.Send(Frame(kText, false, "one ") + Frame(kMore, false, "two ") + Frame(kMore, true, "three"));
  f.client.Send(Frame(kText, true, "next"));
  REQUIRE(f.Until(f.client, [&] { return f.handler.messages.size() == 2; }));
  CHECK(f.handler.messages[0] == "one two three");
  CHECK(f.handler.messages[1] == "next");
  const std::string longest(ports::kMaxSocketMessage, 'x');
  f.client.Send(Frame(kText, true, longest));
  REQUIRE(f.Until(f.client, [&] { return f.handler.messages.size() == 3; }));
  CHECK(f.handler.messages[2] == longest);
}

TEST_CASE("http: a message over 16 KiB closes with 1009, a binary one with 1003") {
  for (const bool binary : {false, true}) {
    SocketFixture f;
    const std::string half(ports::kMaxSocketMessage / 2 + 1, 'x');
    if (binary) {
      f.client.Send(Frame(kBinary, true, "x"));
    } else {
      f.client.Send(Frame(kText, false, half) + Frame(kMore, true, half));
    }
    REQUIRE(f.Until(f.client, [&] { return f.client.received.size() >= 4; }));
    CHECK(f.client.received.starts_with(
        CloseFrame(binary ? 1003 : 1009, binary ? "text only" : "message too long")));
    f.client.Close();
    REQUIRE(RunUntil(f.loop, [&] { return f.handler.closed.size() == 1; }));
    CHECK(f.handler.messages.empty());
  }
}

TEST_CASE("http: texts arrive in order, a state that was superseded before it left never does") {
  SocketFixture f;
  f.server->SendText(f.id(), "first", false);
  f.server->SendText(f.id(), "state 1", true);
  f.server->SendText(f.id(), "state 2", true);
  f.server->SendText(f.id(), "last", false);
  f.server->CloseSocket(f.id(), 4401, "why");
  f.server->SendText(f.id(), "never", false);
  REQUIRE(f.Until(f.client, [&] { return f.client.Count("why") == 1; }));
  CHECK(f.client.received ==
        "\x81\x05"
        "first"
        "\x81\x07"
        "state 2"
        "\x81\x04"
        "last" +
            CloseFrame(4401, "why"));
  f.client.Close();
  REQUIRE(RunUntil(f.loop, [&] { return f.handler.closed.size() == 1; }));
  f.server->SendText(f.id(), "after", false);
}

TEST_CASE("http: a client that lets messages pile up is closed, not waited for") {
  SocketFixture f;
  for (std::size_t i = 0; i <= kHttpMaxQueuedMessages; ++i) f.server->SendText(f.id(), "x", false);
  REQUIRE(f.Until(f.client, [&] { return f.client.Count("too slow") == 1; }));
}

TEST_CASE("http: a WebSocket is refused with the handler's words, without a key or elsewhere than asked") {
  HttpFixture f;
  std::string elsewhere = kUpgrade;
  elsewhere.replace(4, 7, "/others");
  CHECK(f.StatusOf(elsewhere) == 404);
  std::string posted = kUpgrade;
  posted.replace(0, 3, "HEAD");
  CHECK(f.StatusOf(posted) == 400);
  CHECK(f.handler.opened.empty());
}

TEST_CASE("http: TLS with a certificate made in memory speaks HTTP/1.1 alone, whatever ALPN offers") {
  HttpServerOptions options;
  std::array<std::uint8_t, 32> seed{};
  seed.fill(7);
  auto key = TlsKeyFromSeed(Secret32(seed));
  REQUIRE(key);
  auto certificate_pem = MakeSelfSigned(*key, {"hub.local", "127.0.0.1"}, WallNow());
  REQUIRE(certificate_pem);
  // Whoever vouches for it is sent along.
  seed.fill(8);
  auto other_key = TlsKeyFromSeed(Secret32(seed));
  REQUIRE(other_key);
  const auto above = MakeSelfSigned(*other_key, {"above.local"}, WallNow());
  REQUIRE(above);
  options.tls.emplace(TlsIdentity{*certificate_pem + *above, std::move(*key)});
  HttpFixture f(std::move(options));
  RawClient plain(f.server->port());
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* tls = SSL_new(context);
  const unsigned char protocols[] = "\x02h2\x08http/1.1";
  REQUIRE(SSL_set_alpn_protos(tls, protocols, sizeof(protocols) - 1) == 0);
  REQUIRE(::fcntl(plain.fd(), F_SETFL, O_NONBLOCK) == 0);
  SSL_set_fd(tls, plain.fd());
  REQUIRE(RunUntil(f.loop, [&] { return SSL_connect(tls) == 1; }));
  const unsigned char* selected = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(tls, &selected, &size);
  CHECK(std::string(selected, selected + size) == "http/1.1");
  X509* certificate = SSL_get1_peer_certificate(tls);
  CHECK(X509_check_ip_asc(certificate, "127.0.0.1", 0) == 1);
  CHECK(X509_check_host(certificate, "hub.local", 0, 0, nullptr) == 1);
  X509_free(certificate);
  REQUIRE(sk_X509_num(SSL_get_peer_cert_chain(tls)) == 2);
  CHECK(X509_check_host(sk_X509_value(SSL_get_peer_cert_chain(tls), 1), "above.local", 0, 0, nullptr) == 1);
  const std::string request = "GET /secure HTTP/1.1\r\nHost: h\r\n\r\n";
  REQUIRE(SSL_write(tls, request.data(), static_cast<int>(request.size())) > 0);
  std::string received;
  CHECK(RunUntil(f.loop, [&] {
    char buffer[4096];
    const int n = SSL_read(tls, buffer, sizeof(buffer));
    if (n > 0) received.append(buffer, static_cast<std::size_t>(n));
    return received.find("/secure 0") != std::string::npos;
  }));
  REQUIRE(f.handler.requests.size() == 1);
  CHECK(f.handler.requests[0].secure);
  SSL_free(tls);
  SSL_CTX_free(context);
}

}  // namespace
}  // namespace latchkey::platform
