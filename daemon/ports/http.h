// HTTP as values: what a server hands over and what it sends. The front decides, platform/http speaks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/base/address.h"
#include "daemon/base/ids.h"
#include "daemon/base/secret.h"

namespace latchkey::ports {

// One request and its response. Counted up for the life of the process, never reused: a late answer
// to a client that left meets nobody.
using HttpExchange = Counted<struct HttpExchangeTag>;
// One open WebSocket, counted in the same way.
using WebSocketId = Counted<struct WebSocketTag>;

// Largest body of a request in bytes; one byte more is answered 413.
constexpr std::size_t kMaxHttpBody = 64 * 1024;
// Largest text message that a WebSocket's client may send, in bytes; a longer one closes it (1009).
constexpr std::size_t kMaxSocketMessage = 16 * 1024;

enum class HttpMethod : std::uint8_t { kGet, kHead, kPost, kPatch, kPut, kDelete, kOptions, kCount };

// Its token is wiped with it, wherever it ends.
struct HttpRequest {
  HttpRequest() = default;
  HttpRequest(const HttpRequest&) = default;
  HttpRequest& operator=(const HttpRequest&) = default;
  HttpRequest(HttpRequest&&) noexcept = default;
  HttpRequest& operator=(HttpRequest&&) noexcept = default;
  ~HttpRequest() {
    Wipe({static_cast<std::uint8_t*>(static_cast<void*>(authorization.data())), authorization.size()});
  }

  HttpMethod method = HttpMethod::kGet;
  std::string path;     // decoded, dot segments resolved, without the query
  bool secure = false;  // came over TLS
  SocketAddress peer;
  SocketAddress local;  // the address that the client reached
  // Header fields as received, trimmed; empty: absent. A field that came twice is joined by the server
  // and then matches nothing.
  std::string host;
  std::string origin;
  std::string authorization;
  std::string content_type;
  std::string if_match;
  std::string body;  // at most kMaxHttpBody
};

struct HttpResponse {
  int status = 500;
  // Beside these the server adds Content-Length, Date and Connection, nothing else.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;  // not sent with 204, 304 and to HEAD
};

// What the server itself finds wrong with a request, before anyone else sees it.
enum class HttpFault : std::uint8_t {
  kMalformed,       // 400: not HTTP/1.1, or contradictory lengths
  kTimeout,         // 408: the body did not come in time
  kLengthRequired,  // 411: POST, PATCH or PUT without Content-Length, or chunked
  kBodyTooLarge,    // 413: over kMaxHttpBody
  kHeadersTooLong,  // 431
  kUnknownMethod,   // 501: CONNECT, or a method that HTTP has not
  kVersion,         // 505: an upgrade to HTTP/2
  kCount
};

}  // namespace latchkey::ports
