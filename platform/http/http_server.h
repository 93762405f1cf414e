// An HTTP/1.1 server with WebSockets on a Loop: libwebsockets behind values. It checks lengths and
// framing, and decides nothing else. HTTP/2 is neither offered (ALPN) nor taken (upgrade, prior knowledge).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/base/address.h"
#include "daemon/base/result.h"
#include "daemon/ports/http.h"
#include "platform/crypto/tls_identity.h"
#include "platform/log/log.h"
#include "platform/loop/loop.h"

namespace latchkey::platform {

// Header block above which a request is answered 431, in bytes. Measured at the socket, so up to 4 KiB
// more may pass. Past 64 KiB reading ends.
constexpr std::size_t kHttpMaxHeaderBlock = 16 * 1024;
// Connections together; one more is closed at once.
constexpr std::size_t kHttpMaxConnections = 256;
// Of one address, where HttpServerOptions says so; one more is closed at once. So that one machine of the LAN
// can't take every place: a page needs some seven of them, a camera one.
constexpr std::size_t kHttpMaxPerClient = 64;
// Times, in whole seconds. A client is closed when its header block isn't there in time, and answered 408
// when its body isn't; a connection without a request is closed when it has been idle.
struct HttpTimes {
  Duration header = seconds{10};
  Duration body = seconds{10};
  Duration idle = seconds{60};
};
// How often a client that waits for its answer is looked at for having left.
constexpr Duration kHttpGonePeriod = milliseconds{50};
// Messages that wait for a slow WebSocket's client; one more closes it.
constexpr std::size_t kHttpMaxQueuedMessages = 8;
// A refused request's body is read and dropped up to this much, so that the answer arrives.
constexpr std::size_t kHttpMaxDiscardedBody = 1024 * 1024;

// Whoever answers. Called from the loop; each may call back into the server at once.
class HttpHandler {
 public:
  HttpHandler() = default;
  HttpHandler(const HttpHandler&) = delete;
  HttpHandler& operator=(const HttpHandler&) = delete;
  virtual ~HttpHandler() = default;

  // A whole request. Answered once with Respond(), now or later.
  virtual void OnRequest(ports::HttpExchange exchange, ports::HttpRequest request) = 0;
  // The client left before it was answered; Respond() for it does nothing from now on.
  virtual void OnGone(ports::HttpExchange exchange) = 0;
  // The response to a request that never becomes one.
  virtual ports::HttpResponse OnFault(ports::HttpFault fault) = 0;

  // A client asks for a WebSocket: nothing to let it in, a response to refuse it.
  virtual std::optional<ports::HttpResponse> OnUpgrade(const ports::HttpRequest& request) = 0;
  // `peer`, `local`: the two ends of its connection.
  virtual void OnSocketOpen(ports::WebSocketId socket, const IpAddress& peer, const IpAddress& local) = 0;
  // One whole text message of at most ports::kMaxSocketMessage bytes; not checked for UTF-8.
  virtual void OnSocketMessage(ports::WebSocketId socket, std::string_view text) = 0;
  // Once for each OnSocketOpen, whoever closed it.
  virtual void OnSocketClosed(ports::WebSocketId socket) = 0;
};

struct HttpServerOptions {
  SocketAddress listen;            // port 0: any free one; an unspecified IPv6 address takes IPv4 as well
  std::optional<TlsIdentity> tls;  // none: plain HTTP
  HttpTimes times;
  std::size_t max_per_client = kHttpMaxConnections;
};

class HttpServer {
 public:
  // Binds and listens. kConflict when the port is taken, kDenied when it may not be bound, kSystem when
  // the library or its libuv plug-in can't start. The handler and the logger outlive the server.
  static Result<std::unique_ptr<HttpServer>> Start(Loop& loop, Logger& log, const HttpServerOptions& options,
                                                   HttpHandler& handler);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  // Closes everything; the handler isn't called any more.
  ~HttpServer();

  // The port that was bound.
  [[nodiscard]] std::uint16_t port() const;
  // Connections open now, closing ones included.
  [[nodiscard]] std::size_t connections() const;

  // Sends the one answer. Nothing happens when the client has left.
  void Respond(ports::HttpExchange exchange, ports::HttpResponse response);

  // Queues a text message. With `supersedes`, a message that was queued in the same way and has not
  // begun to leave is replaced: a slow client gets the newest state, not all of them.
  void SendText(ports::WebSocketId socket, std::string text, bool supersedes);
  // Closes after what is queued has left. Code as in RFC 6455 7.4, reason at most 123 bytes.
  void CloseSocket(ports::WebSocketId socket, std::uint16_t code, std::string_view reason);

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey::platform
