// The control socket: SOCK_SEQPACKET in the file system, peers known by SO_PEERCRED.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "daemon/base/bytes.h"
#include "daemon/base/result.h"
#include "daemon/base/time.h"
#include "platform/loop/loop.h"
#include "platform/loop/unique_fd.h"

namespace latchkey::platform {

struct PeerCredentials {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
};

class UnixListener {
 public:
  // Each connection, with who is at the other end (as the kernel knows it). Wrap the socket in an
  // IpcChannel, or let it go to refuse.
  using ConnectionCallback = std::function<void(UniqueFd socket, const PeerCredentials& peer)>;

  // Binds `path` (at most 107 bytes) with mode 0660. A socket file that nobody listens on is replaced;
  // kConflict when another process listens there, or when the path is no socket.
  static Result<std::unique_ptr<UnixListener>> Bind(Loop& loop, const std::string& path,
                                                    ConnectionCallback on_connection);
  UnixListener(const UnixListener&) = delete;
  UnixListener& operator=(const UnixListener&) = delete;
  // Removes the socket file when it is still ours.
  ~UnixListener();

 private:
  struct Impl;
  explicit UnixListener(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Connects a SOCK_SEQPACKET socket to `path`. kNotFound when nothing listens there, kDenied when the
// file's mode forbids it.
[[nodiscard]] Result<UniqueFd> ConnectUnix(const std::string& path);

// A connection used without a loop, by command line programs: one question, some answers.
class UnixClient {
 public:
  static Result<UnixClient> Connect(const std::string& path);
  // One record of at most kChannelMaxRecord bytes. kNotFound: the daemon has hung up.
  Status Send(ByteView record, Duration timeout);
  // The next record. kNotFound when the peer closed, kLimit when `timeout` passed.
  Result<ByteVector> Receive(Duration timeout);

 private:
  explicit UnixClient(UniqueFd socket) : socket_(std::move(socket)) {}
  UniqueFd socket_;
};

}  // namespace latchkey::platform
