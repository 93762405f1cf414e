#include "daemon/keeper/program_control.h"

#include <unistd.h>

#include <utility>

#include "daemon/base/bytes.h"
#include "daemon/base/secret.h"

namespace latchkey::keeper {

Result<std::unique_ptr<ControlServer>> ControlServer::Start(platform::Loop& loop, platform::Logger& log,
                                                            const std::string& path, AnswerCallback answer) {
  std::unique_ptr<ControlServer> server(new ControlServer(loop, log, std::move(answer)));
  ControlServer* self = server.get();
  auto listener = platform::UnixListener::Bind(
      loop, path, [self](platform::UniqueFd socket, const platform::PeerCredentials& peer) {
        self->Accept(std::move(socket), peer);
      });
  if (!listener) return tl::unexpected(listener.error());
  self->listener_ = std::move(*listener);
  return server;
}

void ControlServer::Accept(platform::UniqueFd socket, const platform::PeerCredentials& peer) {
  if (peer.uid != 0 && peer.uid != ::geteuid()) {
    log_.Warning("control: refused a user", {{"uid", peer.uid}});
    return;
  }
  if (connections_.size() >= kMaxControlConnections) {
    log_.Warning("control: too many connections");
    return;
  }
  const std::uint64_t number = next_number_++;
  platform::IpcChannel::Handlers handlers;
  handlers.on_record = [this, number](ByteView record) {
    answer_(AsText(record), [this, number](std::string text) { Send(number, std::move(text)); });
  };
  handlers.on_end = [this, number](platform::ChannelEnd) { End(number); };
  connections_.emplace(number,
                       std::make_unique<platform::IpcChannel>(loop_, std::move(socket), std::move(handlers)));
}

void ControlServer::Send(std::uint64_t number, std::string text) {
  const ByteView bytes = AsBytes(text);
  const auto at = connections_.find(number);
  if (at != connections_.end()) at->second->Send(ByteVector(bytes.begin(), bytes.end()));
  WipeText(text);
}

void ControlServer::End(std::uint64_t number) {
  const auto at = connections_.find(number);
  if (at == connections_.end()) return;
  loop_.DeleteLater(std::move(at->second));
  connections_.erase(at);
}

}  // namespace latchkey::keeper
