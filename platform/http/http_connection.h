// One client's connection, as libwebsockets calls back about it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/base/address.h"
#include "daemon/base/time.h"
#include "daemon/ports/http.h"
#include "platform/http/http_server.h"

struct lws;

namespace latchkey::platform {

// What a connection needs of its server.
class HttpConnectionHost {
 public:
  HttpConnectionHost() = default;
  HttpConnectionHost(const HttpConnectionHost&) = delete;
  HttpConnectionHost& operator=(const HttpConnectionHost&) = delete;
  virtual ~HttpConnectionHost() = default;

  [[nodiscard]] virtual HttpHandler& handler() = 0;
  [[nodiscard]] virtual Instant Now() = 0;
  [[nodiscard]] virtual WallTime WallNow() = 0;
  [[nodiscard]] virtual Duration BodyTime() = 0;
  // A number for a request that waits for its answer, or for an open WebSocket, until it is let go.
  virtual ports::HttpExchange Register(class HttpConnection& connection) = 0;
  virtual void Release(ports::HttpExchange exchange) = 0;
  virtual ports::WebSocketId RegisterSocket(class HttpConnection& connection) = 0;
  virtual void StopDraining(class HttpConnection& connection) = 0;
  virtual void ReleaseSocket(ports::WebSocketId socket) = 0;
};

// Idle -> (body) -> waiting for the handler -> responding -> idle ...; a refusal may linger to read what
// the client still sends; a WebSocket stays one. Each On... answers what the library wants to hear:
// 0 goes on, -1 closes.
class HttpConnection {
 public:
  HttpConnection(lws* wsi, HttpConnectionHost& host, const IpAddress& peer);
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  // The header block is whole: LWS_CALLBACK_HTTP.
  int OnHeaders();
  int OnBody(std::string_view piece);
  int OnBodyEnd();
  int OnWritable();
  // A header block with Upgrade in it: LWS_CALLBACK_HTTP_CONFIRM_UPGRADE.
  int OnUpgrade();
  // The request line has a method that is none of HTTP's, or CONNECT.
  int OnNotHttp();
  // The connection has ended, for whatever reason. More than once is harmless.
  void OnClosed();

  int OnSocketOpen();
  int OnSocketPiece(std::string_view piece, bool first, bool final, bool binary);
  int OnSocketWritable();

  void Respond(ports::HttpResponse response);
  void SendText(std::string text, bool supersedes);
  void CloseSocket(std::uint16_t code, std::string_view reason);

  // Whether a header block that is still being read has grown too long: it is answered 431, and what
  // the client still sends has to be drained from now on.
  bool RefuseLongHeaders();
  // Reads what has come and drops it. False once the client has gone or its time is over.
  bool Drain();

  [[nodiscard]] const IpAddress& peer() const { return peer_; }
  // For the look at waiting clients.
  [[nodiscard]] int descriptor() const;
  void OnPeerLeft();

 private:
  enum class State : std::uint8_t {
    kIdle,
    kBody,
    kWaiting,
    kResponding,
    kLingering,
    kDraining,
    kSocket,
    kClosed
  };
  struct QueuedText {
    std::string text;
    bool supersedes = false;
  };

  int Dispatch();
  int Refuse(const ports::HttpResponse& response, bool linger);
  int Discard(std::size_t size);
  bool Write(const ports::HttpResponse& response, bool close);
  // Bytes that were read from the socket: ever, and since the last answer left.
  [[nodiscard]] std::uint64_t BytesRead() const;
  [[nodiscard]] std::uint64_t ReadSinceRequest() const;
  [[nodiscard]] bool HeaderTooLong() const;
  void DropUnread() const;
  void Kill();
  void WakeLibrary();

  lws* wsi_;
  HttpConnectionHost& host_;
  IpAddress peer_;
  State state_ = State::kIdle;
  ports::HttpRequest request_;
  bool head_ = false;
  std::optional<ports::HttpResponse> response_;
  ports::HttpExchange exchange_;
  Instant deadline_{};  // of the body, or of lingering
  std::size_t discarded_ = 0;
  std::uint64_t read_mark_ = 0;

  ports::WebSocketId socket_;
  bool upgrade_allowed_ = false;
  std::string incoming_;
  std::deque<QueuedText> outgoing_;
  std::optional<std::uint16_t> close_code_;
  std::string close_reason_;
};

}  // namespace latchkey::platform
