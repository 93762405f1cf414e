// A listening TCP socket on a Loop.
#pragma once

#include <functional>
#include <memory>

#include "daemon/base/address.h"
#include "daemon/base/result.h"
#include "platform/loop/loop.h"
#include "platform/loop/poller.h"
#include "platform/loop/unique_fd.h"

namespace latchkey::platform {

class TcpListener {
 public:
  // Each connection: non-blocking, close-on-exec, TCP_NODELAY.
  using ConnectionCallback = std::function<void(UniqueFd socket)>;

  // Port 0: any free one. An unspecified IPv6 address takes IPv4 as well. kConflict when the port is
  // taken, kDenied when it may not be bound; the message names the address.
  static Result<std::unique_ptr<TcpListener>> Bind(Loop& loop, const SocketAddress& address,
                                                   ConnectionCallback on_connection);
  // The port that was bound.
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  TcpListener(Loop& loop, UniqueFd socket, std::uint16_t port, ConnectionCallback on_connection);
  void Accept();

  UniqueFd socket_;
  std::uint16_t port_;
  ConnectionCallback on_connection_;
  // For descriptors running out: given up to accept and close what would else be reported for ever.
  UniqueFd spare_;
  Poller poller_;
};

// The two ends of a connected socket; 0.0.0.0:0 when the system can't say.
[[nodiscard]] SocketAddress PeerOf(int socket);
[[nodiscard]] SocketAddress LocalOf(int socket);

}  // namespace latchkey::platform
