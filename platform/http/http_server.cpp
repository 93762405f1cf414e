#include "platform/http/http_server.h"

#include <libwebsockets.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "daemon/base/check.h"
#include "platform/crypto/openssl_ptr.h"
#include "platform/http/http_connection.h"
#include "platform/http/listener.h"
#include "platform/loop/each_round.h"
#include "platform/loop/timer.h"

namespace latchkey::platform {
namespace {

// The certificates behind the first of `pem`, for clients that know only who vouched for them: of a
// certificate in memory the library takes the first alone.
bool AddChain(SSL_CTX* context, const std::string& pem) {
  const BioPtr text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!text || !CertificatePtr(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr))) return false;
  while (CertificatePtr next{PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr)}) {
    if (SSL_CTX_add_extra_chain_cert(context, next.get()) != 1) return false;
    (void)next.release();  // the context's now
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  return at_end;
}

// Storage for a parsed header block: what the library can count to. Taken from the heap while a request
// is read, and touched only as far as it is filled.
constexpr unsigned short kHeaderStorage = 65535;

constexpr const char* kProtocolName = "latchkey";

// The library's log function has no argument of its own, so who listens stands here. Its errors can be
// caused by any client, so outside of the start they are for debugging only.
Logger* library_log = nullptr;
bool library_starting = false;
void LogFromLibrary(int /*level*/, const char* line) {
  if (library_log == nullptr) return;
  if (library_starting) {
    library_log->Warning("libwebsockets", {{"says", OneLine(line)}});
  } else {
    library_log->Debug("libwebsockets", {{"says", OneLine(line)}});
  }
}

std::string_view View(const void* in, std::size_t size) {
  return {static_cast<const char*>(in), in == nullptr ? 0 : size};
}

// On a borrowed loop the library ends in two steps: its sockets close in one round, its timers in the next,
// and only then may the rest be freed. Nothing of ours is reached from it any more.
constexpr int kClosingRounds = 4;
void FinishLater(Loop& loop, lws_context* context, int rounds) {
  loop.DisposeLater([&loop, context, rounds] {
    if (rounds > 0) return FinishLater(loop, context, rounds - 1);
    lws_context_destroy(context);
  });
}

}  // namespace

struct HttpServer::Impl final : HttpConnectionHost {
  Impl(Loop& event_loop, Logger& logger, HttpHandler& request_handler)
      : loop(event_loop),
        log(logger),
        user(request_handler),
        look(event_loop, [this] { Look(); }),
        each_round(event_loop, [this] { LookForLongHeaders(); }) {}
  ~Impl() override;

  Status StartLibrary(const HttpServerOptions& options);
  Status MakeVhost(const HttpServerOptions& options);
  void Adopt(UniqueFd socket);
  void Look();
  void LookForGone();
  void LookForLongHeaders();
  HttpConnection* Find(lws* wsi);
  int OnCallback(lws* wsi, lws_callback_reasons reason, void* in, std::size_t size);
  static int OnSocketMessagePiece(lws* wsi, HttpConnection& connection, const void* in, std::size_t size);
  static int Callback(lws* wsi, lws_callback_reasons reason, void* user, void* in, std::size_t size);

  HttpHandler& handler() override { return user; }
  Instant Now() override { return loop.Now(); }
  WallTime WallNow() override { return loop.WallNow(); }
  Duration BodyTime() override { return times.body; }
  ports::HttpExchange Register(HttpConnection& connection) override;
  void Release(ports::HttpExchange exchange) override;
  ports::WebSocketId RegisterSocket(HttpConnection& connection) override;
  void ReleaseSocket(ports::WebSocketId socket) override { sockets.erase(socket.value); }
  void StopDraining(HttpConnection& connection) override { draining.erase(&connection); }

  Loop& loop;
  Logger& log;
  HttpHandler& user;
  // The library keeps pointers to these for as long as the context lives.
  std::array<lws_protocols, 2> protocols{};
  std::string certificates;
  lws_retry_bo_t keepalive{};
  std::array<lws_protocol_vhost_options, 4> own_headers{};
  lws_context* context = nullptr;
  lws_vhost* vhost = nullptr;
  // Where a callback finds us: memory of the vhost's, emptied before we go.
  Impl** self_slot = nullptr;

  std::unordered_map<lws*, std::unique_ptr<HttpConnection>> connections;
  std::unordered_map<std::uint64_t, HttpConnection*> waiting;
  std::unordered_map<std::uint64_t, HttpConnection*> sockets;
  ports::HttpExchange last_exchange;
  ports::WebSocketId last_socket;
  HttpTimes times;
  std::size_t max_per_client = 0;
  std::unordered_set<HttpConnection*> draining;
  Timer look;
  EachRound each_round;
  std::unique_ptr<TcpListener> listener;
};

int HttpServer::Impl::Callback(lws* wsi, lws_callback_reasons reason, void* user, void* in,
                               std::size_t size) {
  // Of a vhost that is being made: it knows its certificates, and not yet us.
  if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS) {
    const auto* pem = static_cast<const std::string*>(lws_get_vhost_user(static_cast<lws_vhost*>(in)));
    return AddChain(static_cast<SSL_CTX*>(user), *pem) ? 0 : 1;
  }
  if (wsi == nullptr || lws_get_vhost(wsi) == nullptr || lws_get_protocol(wsi) == nullptr) return 0;
  auto** slot = static_cast<Impl**>(lws_protocol_vh_priv_get(lws_get_vhost(wsi), lws_get_protocol(wsi)));
  if (slot == nullptr || *slot == nullptr) return 0;
  return (*slot)->OnCallback(wsi, reason, in, size);
}

HttpConnection* HttpServer::Impl::Find(lws* wsi) {
  const auto found = connections.find(wsi);
  return found == connections.end() ? nullptr : found->second.get();
}

int HttpServer::Impl::OnCallback(lws* wsi, lws_callback_reasons reason, void* in, std::size_t size) {
  HttpConnection* const connection = Find(wsi);
  if (connection == nullptr) return 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wswitch-enum"
  // Eighty reasons more are for other uses of the library.
  switch (reason) {
    case LWS_CALLBACK_HTTP: return connection->OnHeaders();
    case LWS_CALLBACK_HTTP_BODY: return connection->OnBody(View(in, size));
    case LWS_CALLBACK_HTTP_BODY_COMPLETION: return connection->OnBodyEnd();
    case LWS_CALLBACK_HTTP_WRITEABLE: return connection->OnWritable();
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: return connection->OnUpgrade();
    case LWS_CALLBACK_RAW_RX: return connection->OnNotHttp();
    case LWS_CALLBACK_ESTABLISHED: return connection->OnSocketOpen();
    case LWS_CALLBACK_RECEIVE: return OnSocketMessagePiece(wsi, *connection, in, size);
    case LWS_CALLBACK_SERVER_WRITEABLE: return connection->OnSocketWritable();
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_RAW_CLOSE:
    case LWS_CALLBACK_CLOSED_HTTP: connection->OnClosed(); return 0;
    case LWS_CALLBACK_WSI_DESTROY:
      connection->OnClosed();
      connections.erase(wsi);
      return 0;
    default: return 0;
  }
#pragma GCC diagnostic pop
}

int HttpServer::Impl::OnSocketMessagePiece(lws* wsi, HttpConnection& connection, const void* in,
                                           std::size_t size) {
  const bool final = lws_is_final_fragment(wsi) != 0 && lws_remaining_packet_payload(wsi) == 0;
  return connection.OnSocketPiece(View(in, size), lws_is_first_fragment(wsi) != 0, final,
                                  lws_frame_is_binary(wsi) != 0);
}

ports::HttpExchange HttpServer::Impl::Register(HttpConnection& connection) {
  last_exchange = last_exchange.Next();
  waiting.emplace(last_exchange.value, &connection);
  if (!look.active()) look.StartRepeating(kHttpGonePeriod);
  return last_exchange;
}

void HttpServer::Impl::Release(ports::HttpExchange exchange) {
  waiting.erase(exchange.value);
}

ports::WebSocketId HttpServer::Impl::RegisterSocket(HttpConnection& connection) {
  last_socket = last_socket.Next();
  sockets.emplace(last_socket.value, &connection);
  return last_socket;
}

void HttpServer::Impl::Look() {
  LookForGone();
  for (HttpConnection* connection : std::vector<HttpConnection*>(draining.begin(), draining.end())) {
    (void)connection->Drain();
  }
  if (waiting.empty() && draining.empty()) look.Stop();
}

// The library takes 4 KiB a round and says nothing before a header block is whole, or too long for it.
void HttpServer::Impl::LookForLongHeaders() {
  for (const auto& [wsi, connection] : connections) {
    if (!connection->RefuseLongHeaders()) continue;
    draining.insert(connection.get());
    if (!look.active()) look.StartRepeating(kHttpGonePeriod);
  }
  if (connections.empty()) each_round.Stop();
}

// While a request waits for its answer nothing is read, so the library would not notice that the client
// has gone. A client that only closed its sending half counts as gone.
void HttpServer::Impl::LookForGone() {
  std::vector<pollfd> descriptors;
  std::vector<HttpConnection*> asked;
  for (const auto& [exchange, connection] : waiting) {
    descriptors.push_back({connection->descriptor(), POLLRDHUP, 0});
    asked.push_back(connection);
  }
  if (::poll(descriptors.data(), descriptors.size(), 0) <= 0) return;
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    if (descriptors[i].revents != 0) asked[i]->OnPeerLeft();
  }
}

void HttpServer::Impl::Adopt(UniqueFd socket) {
  if (connections.size() >= kHttpMaxConnections) return;
  const IpAddress peer = PeerOf(socket.get()).ip;
  const auto same = std::count_if(connections.begin(), connections.end(),
                                  [&](const auto& entry) { return entry.second->peer() == peer; });
  if (static_cast<std::size_t>(same) >= max_per_client) return;
  // The library owns the descriptor from here on, also when it refuses it.
  lws* const wsi = lws_adopt_socket_vhost(vhost, socket.Release());
  if (wsi == nullptr) return;
  connections.emplace(wsi, std::make_unique<HttpConnection>(wsi, *this, peer));
  each_round.Start();
  // From connecting to the first byte of a request.
  lws_set_timeout(wsi, PENDING_TIMEOUT_ESTABLISH_WITH_SERVER, static_cast<int>(ToSeconds(times.header)));
}

Status HttpServer::Impl::StartLibrary(const HttpServerOptions& options) {
  times = options.times;
  max_per_client = options.max_per_client;
  library_log = &log;
  library_starting = true;
  lws_set_log_level(LLL_ERR | LLL_WARN, LogFromLibrary);
  std::array<void*, 1> loops{loop.Raw()};
  lws_context_creation_info info{};
  info.port = CONTEXT_PORT_NO_LISTEN;
  info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                 LWS_SERVER_OPTION_UV_NO_SIGSEGV_SIGFPE_SPIN | LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME |
                 LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
  if (options.tls) info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
  info.foreign_loops = loops.data();
  info.count_threads = 1;
  info.fd_limit_per_thread = kHttpMaxConnections + 16;
  info.max_http_header_pool = static_cast<unsigned short>(kHttpMaxConnections);
  info.max_http_header_data = kHeaderStorage;
  info.timeout_secs = static_cast<unsigned int>(ToSeconds(times.body));
  context = lws_create_context(&info);
  Status status = context != nullptr ? MakeVhost(options)
                                     : Status(Fail(ErrorCode::kSystem,
                                                   "libwebsockets could not start: is the package "
                                                   "libwebsockets-evlib-uv installed?"));
  library_starting = false;
  return status;
}

Status HttpServer::Impl::MakeVhost(const HttpServerOptions& options) {
  protocols[0].name = kProtocolName;
  protocols[0].callback = &Impl::Callback;
  // A ping after 20 s of silence, the end after 30.
  keepalive.secs_since_valid_ping = 20;
  keepalive.secs_since_valid_hangup = 30;
  own_headers = {
      {{&own_headers[1], nullptr, "cache-control:", "no-store"},
       {&own_headers[2], nullptr, "x-content-type-options:", "nosniff"},
       {&own_headers[3], nullptr, "referrer-policy:", "no-referrer"},
       {nullptr, nullptr, "content-security-policy:", "default-src 'none'; frame-ancestors 'none'"}}};

  lws_context_creation_info info{};
  info.port = options.tls ? CONTEXT_PORT_NO_LISTEN_SERVER : CONTEXT_PORT_NO_LISTEN;
  info.protocols = protocols.data();
  info.vhost_name = "latchkey";
  info.headers = own_headers.data();  // of the few answers that the library makes itself
  info.alpn = "http/1.1";
  info.retry_and_idle_policy = &keepalive;
  info.keepalive_timeout = static_cast<int>(ToSeconds(times.idle));
  info.timeout_secs_ah_idle = static_cast<unsigned int>(ToSeconds(times.header));
  // What doesn't begin like HTTP comes to us as it is, so that it too gets a proper refusal.
  info.options =
      LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS | LWS_SERVER_OPTION_FALLBACK_TO_APPLY_LISTEN_ACCEPT_CONFIG;
  info.listen_accept_role = "raw-skt";
  info.listen_accept_protocol = kProtocolName;
  if (options.tls) {
    info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;  // for a vhost: TLS at all
    info.server_ssl_cert_mem = options.tls->certificate_pem.data();
    info.server_ssl_cert_mem_len = static_cast<unsigned int>(options.tls->certificate_pem.size());
    info.server_ssl_private_key_mem = options.tls->key_pem.Reveal().data();
    info.server_ssl_private_key_mem_len = static_cast<unsigned int>(options.tls->key_pem.Reveal().size());
    info.ssl_options_set =
        SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION;
  }
  if (options.tls) certificates = options.tls->certificate_pem;
  info.user = &certificates;
  vhost = lws_create_vhost(context, &info);
  if (vhost == nullptr) return Fail(ErrorCode::kSystem, "libwebsockets did not take the certificate and key");
  self_slot = static_cast<Impl**>(
      lws_protocol_vh_priv_zalloc(vhost, lws_vhost_name_to_protocol(vhost, kProtocolName), sizeof(Impl*)));
  if (self_slot == nullptr) return Fail(ErrorCode::kSystem, "libwebsockets has no memory left");
  *self_slot = this;
  return {};
}

HttpServer::Impl::~Impl() {
  listener.reset();
  if (self_slot != nullptr) *self_slot = nullptr;
  waiting.clear();
  sockets.clear();
  draining.clear();
  if (context != nullptr) {
    lws_context_destroy(context);
    FinishLater(loop, context, kClosingRounds);
  }
  library_log = nullptr;
}

Result<std::unique_ptr<HttpServer>> HttpServer::Start(Loop& loop, Logger& log,
                                                      const HttpServerOptions& options,
                                                      HttpHandler& handler) {
  auto impl = std::make_unique<Impl>(loop, log, handler);
  Impl* const raw = impl.get();
  auto listener =
      TcpListener::Bind(loop, options.listen, [raw](UniqueFd socket) { raw->Adopt(std::move(socket)); });
  if (!listener) return tl::unexpected(listener.error());
  impl->listener = std::move(*listener);
  if (const Status started = impl->StartLibrary(options); !started) return tl::unexpected(started.error());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::port() const {
  return impl_->listener->port();
}
std::size_t HttpServer::connections() const {
  return impl_->connections.size();
}

void HttpServer::Respond(ports::HttpExchange exchange, ports::HttpResponse response) {
  const auto found = impl_->waiting.find(exchange.value);
  if (found != impl_->waiting.end()) found->second->Respond(std::move(response));
}

void HttpServer::SendText(ports::WebSocketId socket, std::string text, bool supersedes) {
  const auto found = impl_->sockets.find(socket.value);
  if (found != impl_->sockets.end()) found->second->SendText(std::move(text), supersedes);
}

void HttpServer::CloseSocket(ports::WebSocketId socket, std::uint16_t code, std::string_view reason) {
  const auto found = impl_->sockets.find(socket.value);
  if (found != impl_->sockets.end()) found->second->CloseSocket(code, reason);
}

}  // namespace latchkey::platform
