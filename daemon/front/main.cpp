// latchkey-front: HTTP, TLS and WebSocket for the keeper. Started by it, with the channel as descriptor 3.
// Exit codes: 0 the keeper ended it, 1 the channel failed, 2 started by hand, 3 it can't serve.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/base/version.h"
#include "daemon/front/front.h"
#include "daemon/wire/ipc_exit.h"
#include "daemon/wire/ipc_messages.h"
#include "platform/crypto/openssl_crypto.h"
#include "platform/crypto/secure_heap.h"
#include "platform/crypto/system_entropy.h"
#include "platform/http/http_server.h"
#include "platform/log/log.h"
#include "platform/loop/loop.h"
#include "platform/loop/timer.h"
#include "platform/memory/memory.h"
#include "platform/process/child_process.h"
#include "platform/process/ipc_channel.h"

namespace latchkey {
namespace {

constexpr int kExitChannel = 1;
constexpr int kExitUsage = 2;

class Program final : public platform::HttpHandler {
 public:
  Program(platform::Loop& loop, platform::Logger& log, platform::UniqueFd channel)
      : loop_(loop),
        log_(log),
        timer_(loop, [this] { OnTime(); }),
        channel_(loop, std::move(channel),
                 {[this](ByteView record) { OnRecord(record); },
                  [this](platform::ChannelEnd end) { OnChannelEnd(end); }}) {}

  [[nodiscard]] int exit_code() const { return exit_code_; }

  void OnRequest(ports::HttpExchange exchange, ports::HttpRequest request) override {
    front_->HandleHttp(exchange, std::move(request), loop_.Now());
    Drain();
  }
  void OnGone(ports::HttpExchange exchange) override {
    front_->HandleGone(exchange);
    Drain();
  }
  ports::HttpResponse OnFault(ports::HttpFault fault) override { return front_->HandleFault(fault); }
  std::optional<ports::HttpResponse> OnUpgrade(const ports::HttpRequest& request) override {
    return front_->HandleUpgrade(request);
  }
  void OnSocketOpen(ports::WebSocketId socket, const IpAddress& peer, const IpAddress& local) override {
    front_->HandleSocketOpen(socket, peer, local, loop_.Now());
    Drain();
  }
  void OnSocketMessage(ports::WebSocketId socket, std::string_view text) override {
    front_->HandleSocketText(socket, text, loop_.Now());
    Drain();
  }
  void OnSocketClosed(ports::WebSocketId socket) override {
    front_->HandleSocketClosed(socket);
    Drain();
  }

 private:
  void OnRecord(ByteView record) {
    auto message = wire::DecodeIpc<wire::KeeperToFront>(record);
    if (!message) return End(kExitChannel, "the keeper sent a record that is none");
    if (const auto* config = std::get_if<wire::FrontConfig>(&*message)) return Start(*config);
    if (std::holds_alternative<wire::Shutdown>(*message)) return End(EXIT_SUCCESS, {});
    if (!front_) return End(kExitChannel, "the keeper spoke before it sent the configuration");
    front_->HandleKeeper(std::move(*message), loop_.Now());
    Drain();
  }

  void OnChannelEnd(platform::ChannelEnd end) {
    if (end == platform::ChannelEnd::kClosed) return End(EXIT_SUCCESS, {});
    End(kExitChannel, std::string("the channel to the keeper failed: ") + platform::ChannelEndName(end));
  }

  void Start(const wire::FrontConfig& config) {
    if (front_) return End(kExitChannel, "the keeper sent a second configuration");
    std::vector<std::string> names;
    for (const auto& name : config.names.items()) names.push_back(name.str());
    platform::HttpServerOptions options;
    options.listen.port = config.http_port;
    if (config.loopback) {
      options.listen.ip = IpAddress::V4({127, 0, 0, 1});
    } else {
      options.listen.ip = IpAddress::V6({});
      options.tls.emplace(platform::TlsIdentity{config.certificate.str(), config.key.Duplicate()});
      options.max_per_client = platform::kHttpMaxPerClient;
    }
    auto server = platform::HttpServer::Start(loop_, log_, options, *this);
    if (!server) {
      const bool port =
          server.error().code == ErrorCode::kConflict || server.error().code == ErrorCode::kDenied;
      const char* where = config.loopback ? " (--http-port, http.loopback_port)" : " (http.lan_port)";
      return End(wire::kFrontExitCannotServe, server.error().message + (port ? where : ""));
    }
    server_ = std::move(*server);
    front_ = std::make_unique<front::Front>(
        front::FrontOptions{names, server_->port(), !config.loopback, !config.loopback}, crypto_, entropy_);
    Send(wire::FrontReady{server_->port()});
    log_.Debug("front ready", {{"port", server_->port()}});
  }

  template <class Message>
  void Send(const Message& message) {
    channel_.Send(wire::EncodeIpc(message));
  }

  void Drain() {
    // An effect may cause a call back into the machine, and so more of them.
    for (auto effects = front_->TakeEffects(); !effects.empty(); effects = front_->TakeEffects()) {
      for (front::FrontEffect& effect : effects) {
        std::visit([this](auto& e) { Perform(e); }, effect);
      }
    }
    if (const auto next = front_->NextDeadline()) {
      timer_.StartAt(*next);
    } else {
      timer_.Stop();
    }
  }
  void Perform(front::Reply& reply) { server_->Respond(reply.exchange, std::move(reply.response)); }
  void Perform(front::SocketText& text) {
    server_->SendText(text.socket, std::move(text.text), text.supersedes);
  }
  void Perform(const front::SocketEnd& end) { server_->CloseSocket(end.socket, end.code, end.reason); }
  void Perform(const wire::FrontToKeeper& message) { channel_.Send(wire::EncodeIpcVariant(message)); }

  void OnTime() {
    front_->HandleTime(loop_.Now());
    Drain();
  }

  void End(int code, const std::string& why) {
    if (!why.empty()) log_.Error(why);
    exit_code_ = code;
    loop_.Stop();
  }

  platform::Loop& loop_;
  platform::Logger& log_;
  platform::OpenSslCrypto crypto_;
  platform::SystemEntropy entropy_;
  platform::Timer timer_;
  platform::IpcChannel channel_;
  std::unique_ptr<front::Front> front_;
  std::unique_ptr<platform::HttpServer> server_;
  int exit_code_ = EXIT_SUCCESS;
};

int Main() {
  // A terminal's Ctrl-C reaches the whole group; when to end is the keeper's to say, by the channel.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) (void)std::signal(signal, SIG_IGN);
  // Tokens pass through here: into no core file.
  (void)platform::HardenProcess();
  (void)platform::OpenSecureHeap();
  platform::Logger log("latchkey-front", platform::LogLevel::kInfo);
  auto channel = platform::InheritedChannel();
  if (!channel) {
    log.Error("latchkey-front is started by latchkeyd, not by hand: " + channel.error().message);
    return kExitUsage;
  }
  platform::Loop loop;
  Program program(loop, log, std::move(*channel));
  loop.Run();
  return program.exit_code();
}

}  // namespace
}  // namespace latchkey

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--version") {
    (void)std::printf("%s\n", latchkey::VersionLine("latchkey-front").c_str());
    return EXIT_SUCCESS;
  }
  return latchkey::Main();
}
