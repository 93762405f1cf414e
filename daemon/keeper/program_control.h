// The control socket: who may connect, and one answer to each command.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/base/result.h"
#include "platform/log/log.h"
#include "platform/loop/loop.h"
#include "platform/process/ipc_channel.h"
#include "platform/process/unix_socket.h"

namespace latchkey::keeper {

// Of the owner's tools at once; one more is closed at once.
constexpr std::size_t kMaxControlConnections = 32;

class ControlServer {
 public:
  // Sends the reply, which is wiped, unless the asker has gone. Not after the server's end.
  using Reply = std::function<void(std::string text)>;
  // One command, which is answered by calling `reply` once, now or later.
  using AnswerCallback = std::function<void(std::string_view command, Reply reply)>;

  // RUN/control.sock. Peers other than root and this process's own user are closed without a word.
  static Result<std::unique_ptr<ControlServer>> Start(platform::Loop& loop, platform::Logger& log,
                                                      const std::string& path, AnswerCallback answer);

 private:
  ControlServer(platform::Loop& loop, platform::Logger& log, AnswerCallback answer)
      : loop_(loop), log_(log), answer_(std::move(answer)) {}
  void Accept(platform::UniqueFd socket, const platform::PeerCredentials& peer);
  void Send(std::uint64_t number, std::string text);
  void End(std::uint64_t number);

  platform::Loop& loop_;
  platform::Logger& log_;
  AnswerCallback answer_;
  std::unique_ptr<platform::UnixListener> listener_;
  std::map<std::uint64_t, std::unique_ptr<platform::IpcChannel>> connections_;
  std::uint64_t next_number_ = 0;
};

}  // namespace latchkey::keeper
