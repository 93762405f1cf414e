#include "platform/http/http_connection.h"

#include <libwebsockets.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <utility>

#include "daemon/base/check.h"
#include "daemon/base/secret.h"
#include "platform/http/listener.h"
#include "platform/http/lws_request.h"

namespace latchkey::platform {
namespace {

using ports::HttpFault;

// The header block is measured with what came behind it in the same read: a buffer of the library's, or
// a TLS record besides.
constexpr std::size_t kReadBuffer = 4096;
constexpr std::size_t kTlsRecord = 16 * 1024 + 256;
// A refused client has this long to stop sending.
constexpr Duration kLingerTime = seconds{2};

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 422: return "Unprocessable Content";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 426: return "Upgrade Required";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Status";
  }
}

// IMF-fixdate (RFC 9110 5.6.7).
std::string HttpDate(WallTime now) {
  const std::time_t seconds_since_epoch = ToUnixSeconds(now);
  std::tm parts{};
  (void)::gmtime_r(&seconds_since_epoch, &parts);
  std::array<char, 40> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), size};
}

std::string Serialise(const ports::HttpResponse& response, bool head, bool close, WallTime now) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out += ReasonPhrase(response.status);
  out += "\r\n";
  for (const auto& [name, value] : response.headers) {
    // Our own words alone stand in a response header; a line end in one would be a second header.
    LATCHKEY_CHECK(value.find_first_of("\r\n") == std::string::npos);
    out += name + ": " + value + "\r\n";
  }
  out += "Date: " + HttpDate(now) + "\r\n";
  const bool bodiless = response.status == 204 || response.status == 304;
  if (!bodiless) out += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  if (close) out += "Connection: close\r\n";
  out += "\r\n";
  if (!bodiless && !head) out += response.body;
  return out;
}

bool WriteRaw(lws* wsi, std::string_view text, lws_write_protocol kind) {
  std::string buffer(LWS_PRE, '\0');
  buffer += text;
  auto* bytes = static_cast<unsigned char*>(static_cast<void*>(buffer.data())) + LWS_PRE;
  // What the socket does not take, the library keeps and sends on.
  return lws_write(wsi, bytes, text.size(), kind) >= 0;
}

}  // namespace

HttpConnection::HttpConnection(lws* wsi, HttpConnectionHost& host, const IpAddress& peer)
    : wsi_(wsi), host_(host), peer_(peer) {}

int HttpConnection::OnHeaders() {
  if (state_ != State::kIdle) return -1;
  HttpFraming framing = ReadFraming(wsi_);
  if (HeaderTooLong()) framing.fault = HttpFault::kHeadersTooLong;
  auto request = ReadRequest(wsi_);
  if (!request) return -1;
  head_ = request->method == ports::HttpMethod::kHead;
  if (framing.fault) return Refuse(host_.handler().OnFault(*framing.fault), framing.body_follows);
  request_ = std::move(*request);
  if (!framing.body_follows) return Dispatch();
  state_ = State::kBody;
  deadline_ = host_.Now() + host_.BodyTime();
  return 0;
}

int HttpConnection::OnBody(std::string_view piece) {
  if (state_ == State::kLingering) return Discard(piece.size());
  // A pipelined request behind a body that is whole: it stays in the library's buffer.
  if (state_ != State::kBody) return 0;
  if (request_.body.size() + piece.size() > ports::kMaxHttpBody) {
    return Refuse(host_.handler().OnFault(HttpFault::kBodyTooLarge), true);
  }
  if (host_.Now() > deadline_) return Refuse(host_.handler().OnFault(HttpFault::kTimeout), true);
  request_.body += piece;
  return 0;
}

int HttpConnection::OnBodyEnd() {
  if (state_ == State::kLingering) return -1;
  // The library says it again for each byte that follows a whole body: one request, one answer.
  if (state_ != State::kBody) return 0;
  return Dispatch();
}

int HttpConnection::Dispatch() {
  lws_set_timeout(wsi_, NO_PENDING_TIMEOUT, 0);
  // Reading stops until the answer has left: what comes behind is the next request, and the library
  // would spin on it.
  lws_rx_flow_control(wsi_, 0);
  state_ = State::kWaiting;
  exchange_ = host_.Register(*this);
  host_.handler().OnRequest(exchange_, std::move(request_));
  request_ = {};
  return 0;
}

void HttpConnection::Respond(ports::HttpResponse response) {
  LATCHKEY_CHECK(state_ == State::kWaiting);
  host_.Release(exchange_);
  state_ = State::kResponding;
  response_ = std::move(response);
  lws_rx_flow_control(wsi_, 1);
  lws_callback_on_writable(wsi_);
}

int HttpConnection::OnWritable() {
  if (state_ != State::kResponding) return 0;
  const ports::HttpResponse response = std::move(*response_);
  response_.reset();
  if (!Write(response, false)) return -1;
  state_ = State::kIdle;
  read_mark_ = BytesRead();
  return lws_http_transaction_completed(wsi_) != 0 ? -1 : 0;
}

bool HttpConnection::Write(const ports::HttpResponse& response, bool close) {
  return WriteRaw(wsi_, Serialise(response, head_, close, host_.WallNow()), LWS_WRITE_HTTP_HEADERS);
}

int HttpConnection::Refuse(const ports::HttpResponse& response, bool linger) {
  if (!Write(response, true)) return -1;
  if (!linger) {
    state_ = State::kClosed;
    return -1;
  }
  state_ = State::kLingering;
  deadline_ = host_.Now() + kLingerTime;
  return 0;
}

int HttpConnection::Discard(std::size_t size) {
  discarded_ += size;
  return discarded_ > kHttpMaxDiscardedBody || host_.Now() > deadline_ ? -1 : 0;
}

int HttpConnection::OnUpgrade() {
  const std::string upgrade = ReadUpgrade(wsi_);
  auto request = ReadRequest(wsi_);
  // An upgrade that the library has answered itself: its headers are gone, and so must the client be.
  if (upgrade.empty() || !request) return -1;
  const HttpFraming framing = ReadFraming(wsi_);
  if (upgrade != "websocket") return Refuse(host_.handler().OnFault(HttpFault::kVersion), false);
  if (request->method != ports::HttpMethod::kGet || framing.fault || framing.body_follows) {
    return Refuse(host_.handler().OnFault(HttpFault::kMalformed), false);
  }
  if (const auto refusal = host_.handler().OnUpgrade(*request)) return Refuse(*refusal, false);
  upgrade_allowed_ = true;
  return 0;
}

bool HttpConnection::RefuseLongHeaders() {
  if (state_ != State::kIdle || !HeaderTooLong()) return false;
  head_ = false;
  (void)Write(host_.handler().OnFault(HttpFault::kHeadersTooLong), true);
  // The library would read on until its storage is full and close without a word.
  lws_rx_flow_control(wsi_, 0);
  state_ = State::kDraining;
  deadline_ = host_.Now() + kLingerTime;
  return true;
}

bool HttpConnection::Drain() {
  std::array<std::uint8_t, kReadBuffer> sink{};
  while (true) {
    const ssize_t size = ::recv(descriptor(), sink.data(), sink.size(), MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (size <= 0 || Discard(static_cast<std::size_t>(size)) != 0) {
      OnClosed();
      Kill();
      return false;
    }
  }
  if (host_.Now() <= deadline_) return true;
  OnClosed();
  Kill();
  return false;
}

int HttpConnection::OnNotHttp() {
  state_ = State::kClosed;
  const auto response =
      Serialise(host_.handler().OnFault(HttpFault::kUnknownMethod), false, true, host_.WallNow());
  (void)WriteRaw(wsi_, response, LWS_WRITE_RAW);
  DropUnread();
  return -1;
}

// An unread byte would turn the close into a reset, and the answer would be lost.
void HttpConnection::DropUnread() const {
  std::array<std::uint8_t, 4096> sink{};
  for (std::size_t n = 0; n < kHttpMaxDiscardedBody; n += sink.size()) {
    if (::recv(descriptor(), sink.data(), sink.size(), MSG_DONTWAIT) <= 0) break;
  }
}

void HttpConnection::OnClosed() {
  const State before = std::exchange(state_, State::kClosed);
  if (before == State::kWaiting) {
    host_.Release(exchange_);
    host_.handler().OnGone(exchange_);
  }
  if (before == State::kDraining) host_.StopDraining(*this);
  if (before == State::kSocket) {
    host_.ReleaseSocket(socket_);
    host_.handler().OnSocketClosed(socket_);
  }
}

void HttpConnection::OnPeerLeft() {
  OnClosed();
  Kill();
}

void HttpConnection::Kill() {
  lws_set_timeout(wsi_, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_ASYNC);
  WakeLibrary();
}

// The library looks at its timers only after an event of its own: one set from elsewhere needs this.
void HttpConnection::WakeLibrary() {
  lws_cancel_service(lws_get_context(wsi_));
}

int HttpConnection::OnSocketOpen() {
  if (!upgrade_allowed_ || state_ != State::kIdle) return -1;
  state_ = State::kSocket;
  socket_ = host_.RegisterSocket(*this);
  host_.handler().OnSocketOpen(socket_, peer_, LocalOf(descriptor()).ip);
  return 0;
}

int HttpConnection::OnSocketPiece(std::string_view piece, bool first, bool final, bool binary) {
  if (state_ != State::kSocket || close_code_) return 0;
  if (binary) {
    CloseSocket(LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, "text only");
    return 0;
  }
  if (first) incoming_.clear();
  if (incoming_.size() + piece.size() > ports::kMaxSocketMessage) {
    CloseSocket(LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "message too long");
    return 0;
  }
  incoming_ += piece;
  if (final) {
    std::string message = std::exchange(incoming_, {});
    host_.handler().OnSocketMessage(socket_, message);
    Wipe({static_cast<std::uint8_t*>(static_cast<void*>(message.data())), message.size()});
  }
  return 0;
}

void HttpConnection::SendText(std::string text, bool supersedes) {
  if (state_ != State::kSocket || close_code_) return;
  if (supersedes && !outgoing_.empty() && outgoing_.back().supersedes) {
    outgoing_.back().text = std::move(text);
  } else if (outgoing_.size() >= kHttpMaxQueuedMessages) {
    CloseSocket(LWS_CLOSE_STATUS_POLICY_VIOLATION, "too slow");
  } else {
    outgoing_.push_back({std::move(text), supersedes});
  }
  lws_callback_on_writable(wsi_);
}

void HttpConnection::CloseSocket(std::uint16_t code, std::string_view reason) {
  if (state_ != State::kSocket || close_code_) return;
  close_code_ = code;
  close_reason_ = reason.substr(0, 123);
  // A client that takes nothing any more is closed all the same.
  lws_set_timeout(wsi_, PENDING_TIMEOUT_CLOSE_SEND, 5);
  lws_callback_on_writable(wsi_);
  WakeLibrary();
}

int HttpConnection::OnSocketWritable() {
  if (state_ != State::kSocket) return -1;
  if (!outgoing_.empty()) {
    const QueuedText next = std::move(outgoing_.front());
    outgoing_.pop_front();
    if (!WriteRaw(wsi_, next.text, LWS_WRITE_TEXT)) return -1;
    if (!outgoing_.empty() || close_code_) lws_callback_on_writable(wsi_);
    return 0;
  }
  if (!close_code_) return 0;
  auto* reason = static_cast<unsigned char*>(static_cast<void*>(close_reason_.data()));
  lws_close_reason(wsi_, static_cast<lws_close_status>(*close_code_), reason, close_reason_.size());
  // -1 from here would be taken for a dead socket, and any other timeout as well: this one ends politely.
  lws_set_timeout(wsi_, PENDING_TIMEOUT_HTTP_KEEPALIVE_IDLE, LWS_TO_KILL_ASYNC);
  return 0;
}

int HttpConnection::descriptor() const {
  return lws_get_socket_fd(wsi_);
}

std::uint64_t HttpConnection::BytesRead() const {
  tcp_info info{};
  socklen_t size = sizeof(info);
  int unread = 0;
  if (::getsockopt(descriptor(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  if (::ioctl(descriptor(), FIONREAD, &unread) != 0) return 0;
  const auto waiting = static_cast<std::uint64_t>(unread);
  return info.tcpi_bytes_received > waiting ? info.tcpi_bytes_received - waiting : 0;
}

bool HttpConnection::HeaderTooLong() const {
  const std::size_t behind = kReadBuffer + (lws_is_ssl(wsi_) != 0 ? kTlsRecord : 0);
  return ReadSinceRequest() > kHttpMaxHeaderBlock + behind;
}

std::uint64_t HttpConnection::ReadSinceRequest() const {
  const std::uint64_t read = BytesRead();
  return read > read_mark_ ? read - read_mark_ : 0;
}

}  // namespace latchkey::platform
