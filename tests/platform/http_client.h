// A server with a scripted handler, and clients on raw sockets in the same loop. Private to the tests of
// platform/http.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "platform/http/http_server.h"
#include "platform/log/log.h"
#include "platform/loop/loop.h"
#include "platform/loop/unique_fd.h"
#include "tests/platform/loop_until.h"
#include "tests/support/catch.h"

namespace latchkey::platform {

// Answers 200 with the body "METHOD PATH BODYSIZE" at once, unless told to wait.
class ScriptedHandler final : public HttpHandler {
 public:
  HttpServer* server = nullptr;
  bool wait = false;
  std::vector<ports::HttpRequest> requests;
  std::vector<ports::HttpExchange> exchanges;
  std::vector<ports::HttpExchange> gone;
  std::vector<ports::HttpFault> faults;
  std::vector<ports::WebSocketId> opened;
  std::vector<std::pair<IpAddress, IpAddress>> ends;  // of each, the client's first
  std::vector<ports::WebSocketId> closed;
  std::vector<std::string> messages;

  void Answer(std::size_t index) {
    ports::HttpResponse response;
    response.status = 200;
    response.body = std::to_string(static_cast<int>(requests[index].method)) + " " + requests[index].path +
                    " " + std::to_string(requests[index].body.size());
    server->Respond(exchanges[index], std::move(response));
  }
  void OnRequest(ports::HttpExchange exchange, ports::HttpRequest request) override {
    exchanges.push_back(exchange);
    requests.push_back(std::move(request));
    if (!wait) Answer(requests.size() - 1);
  }
  void OnGone(ports::HttpExchange exchange) override { gone.push_back(exchange); }
  ports::HttpResponse OnFault(ports::HttpFault fault) override {
    faults.push_back(fault);
    constexpr int kStatuses[] = {400, 408, 411, 413, 431, 501, 505};
    ports::HttpResponse response;
    response.status = kStatuses[static_cast<std::size_t>(fault)];
    response.body = "refused";
    return response;
  }
  std::optional<ports::HttpResponse> OnUpgrade(const ports::HttpRequest& request) override {
    if (request.path == "/events") return std::nullopt;
    ports::HttpResponse response;
    response.status = 404;
    return response;
  }
  void OnSocketOpen(ports::WebSocketId socket, const IpAddress& peer, const IpAddress& local) override {
    opened.push_back(socket);
    ends.emplace_back(peer, local);
  }
  void OnSocketMessage(ports::WebSocketId, std::string_view text) override { messages.emplace_back(text); }
  void OnSocketClosed(ports::WebSocketId socket) override { closed.push_back(socket); }
};

// One TCP client; what came is in `received`.
class RawClient {
 public:
  // `host`: the last byte of the client's own address, 127.0.0.host.
  explicit RawClient(std::uint16_t port, std::uint8_t host = 1)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(0x7f000000U | host);
    REQUIRE(::bind(socket_.get(), static_cast<sockaddr*>(static_cast<void*>(&from)), sizeof(from)) == 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket_.get(), static_cast<sockaddr*>(static_cast<void*>(&to)), sizeof(to)) == 0);
  }
  // Queues; Pump() sends as the peer takes it.
  void Send(std::string_view text) {
    outgoing_ += text;
    Pump();
  }
  void Pump() {
    while (!outgoing_.empty()) {
      const ssize_t n =
          ::send(socket_.get(), outgoing_.data(), outgoing_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n <= 0) break;
      outgoing_.erase(0, static_cast<std::size_t>(n));
    }
    char buffer[8192];
    while (true) {
      const ssize_t n = ::recv(socket_.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
      if (n > 0) {
        received.append(buffer, static_cast<std::size_t>(n));
        continue;
      }
      if (n == 0) ended = true;
      if (n < 0 && errno != EAGAIN) reset = true;
      break;
    }
  }
  // How often `text` came.
  [[nodiscard]] std::size_t Count(std::string_view text) const {
    std::size_t count = 0;
    for (auto at = received.find(text); at != std::string::npos; at = received.find(text, at + 1)) ++count;
    return count;
  }
  [[nodiscard]] int Status() const { return received.size() < 12 ? 0 : std::stoi(received.substr(9, 3)); }
  [[nodiscard]] int fd() const { return socket_.get(); }
  void Close() { socket_.Close(); }

  std::string received;
  bool ended = false;
  bool reset = false;

 private:
  UniqueFd socket_;
  std::string outgoing_;
};

class HttpFixture {
 public:
  explicit HttpFixture(HttpServerOptions options = {}) {
    options.listen = {IpAddress::V4({127, 0, 0, 1}), 0};
    auto started = HttpServer::Start(loop, log, options, handler);
    REQUIRE(started);
    server = std::move(*started);
    handler.server = server.get();
  }
  bool Until(RawClient& client, const std::function<bool()>& done, Duration limit = seconds{10}) {
    return RunUntil(
        loop,
        [&] {
          client.Pump();
          return done();
        },
        limit);
  }
  // Sends, and waits for one whole response (all have a body of known length or none).
  int StatusOf(std::string_view request) {
    RawClient client(server->port());
    client.Send(request);
    INFO(request.substr(0, 200));
    CHECK(
        Until(client, [&] { return client.received.find("\r\n\r\n") != std::string::npos || client.reset; }));
    return client.Status();
  }

  Loop loop;
  Logger log{"test", LogLevel::kOff};
  ScriptedHandler handler;
  std::unique_ptr<HttpServer> server;
};

}  // namespace latchkey::platform
