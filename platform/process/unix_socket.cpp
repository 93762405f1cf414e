#include "platform/process/unix_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "platform/loop/clock.h"
#include "platform/loop/poller.h"
#include "platform/process/ipc_channel.h"

namespace latchkey::platform {
namespace {

constexpr int kBacklog = 16;
constexpr int kAcceptsPerRound = 16;
constexpr mode_t kNotForOthers = 0117;  // umask that leaves 0660

Error SystemError(const std::string& what, const std::string& path) {
  const int error = errno;
  ErrorCode code = ErrorCode::kSystem;
  if (error == ENOENT || error == ECONNREFUSED) code = ErrorCode::kNotFound;
  if (error == EACCES || error == EPERM) code = ErrorCode::kDenied;
  return {code, "control socket: " + what + " " + path + ": " + std::strerror(error)};
}

Result<sockaddr_un> ToName(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(name.sun_path)) {
    return Fail(ErrorCode::kInvalid, "control socket: the path must have 1 to 107 bytes: " + path);
  }
  std::memcpy(name.sun_path, path.data(), path.size());
  return name;
}

UniqueFd MakeSocket() {
  return UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

const sockaddr* Generic(const sockaddr_un& name) {
  return reinterpret_cast<const sockaddr*>(&name);
}

// Removes a socket file that nobody listens on. Anything else in the way is left alone and is an error.
Status ClearStale(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return tl::unexpected<Error>(SystemError("cannot look at", path));
  }
  if (!S_ISSOCK(info.st_mode))
    return Fail(ErrorCode::kConflict, "control socket: " + path + " is in the way: it is no socket");
  const auto other = ConnectUnix(path);
  if (other) {
    return Fail(ErrorCode::kConflict,
                "control socket: another process listens on " + path + ": stop it first");
  }
  if (other.error().code != ErrorCode::kNotFound) return tl::unexpected<Error>(other.error());
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return tl::unexpected<Error>(SystemError("cannot remove the stale", path));
  }
  return {};
}

}  // namespace

struct UnixListener::Impl {
  Impl(Loop& the_loop, UniqueFd the_socket, std::string the_path, ConnectionCallback callback)
      : loop(the_loop),
        socket(std::move(the_socket)),
        path(std::move(the_path)),
        on_connection(std::move(callback)),
        poller(std::in_place, the_loop, socket.get(), [this](Poller::Events) { Accept(); }) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) == 0) {
      device = info.st_dev;
      inode = info.st_ino;
    }
    poller->Watch({true, false});
  }

  void Accept() {
    for (int i = 0; i < kAcceptsPerRound && poller; ++i) {
      UniqueFd connection(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!connection.valid()) break;
      ucred peer{};
      socklen_t size = sizeof(peer);
      if (::getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) continue;
      on_connection(std::move(connection), PeerCredentials{peer.uid, peer.gid, peer.pid});
    }
    if (poller) poller->Watch({true, false});
  }

  void RemoveFile() const {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0 || info.st_dev != device || info.st_ino != inode) return;
    (void)::unlink(path.c_str());
  }

  Loop& loop;
  UniqueFd socket;
  std::string path;
  ConnectionCallback on_connection;
  dev_t device = 0;
  ino_t inode = 0;
  std::optional<Poller> poller;
};

Result<std::unique_ptr<UnixListener>> UnixListener::Bind(Loop& loop, const std::string& path,
                                                         ConnectionCallback on_connection) {
  const auto name = ToName(path);
  if (!name) return tl::unexpected<Error>(name.error());
  if (auto clear = ClearStale(path); !clear) return tl::unexpected<Error>(clear.error());
  UniqueFd socket = MakeSocket();
  if (!socket.valid()) return tl::unexpected<Error>(SystemError("cannot make", path));
  const mode_t before = ::umask(kNotForOthers);
  const int bound = ::bind(socket.get(), Generic(*name), sizeof(*name));
  const int error = errno;
  (void)::umask(before);
  errno = error;
  if (bound != 0) return tl::unexpected<Error>(SystemError("cannot bind", path));
  if (::listen(socket.get(), kBacklog) != 0)
    return tl::unexpected<Error>(SystemError("cannot listen on", path));
  auto impl = std::make_unique<Impl>(loop, std::move(socket), path, std::move(on_connection));
  return std::unique_ptr<UnixListener>(new UnixListener(std::move(impl)));
}

UnixListener::UnixListener(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

UnixListener::~UnixListener() {
  impl_->RemoveFile();
  impl_->poller.reset();
  impl_->socket.Close();
  Loop& loop = impl_->loop;
  loop.DeleteLater(std::move(impl_));
}

Result<UniqueFd> ConnectUnix(const std::string& path) {
  const auto name = ToName(path);
  if (!name) return tl::unexpected<Error>(name.error());
  UniqueFd socket = MakeSocket();
  if (!socket.valid()) return tl::unexpected<Error>(SystemError("cannot make", path));
  if (::connect(socket.get(), Generic(*name), sizeof(*name)) != 0) {
    return tl::unexpected<Error>(SystemError("cannot connect to", path));
  }
  return socket;
}

namespace {

// False when `timeout` passed first.
bool WaitFor(int fd, short events, Duration timeout) {
  const Instant deadline = MonotonicNow() + timeout;
  for (;;) {
    const auto left = ToMilliseconds(deadline - MonotonicNow() + Duration{999'999});
    if (left <= 0) return false;
    pollfd wait{fd, events, 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

}  // namespace

Result<UnixClient> UnixClient::Connect(const std::string& path) {
  auto socket = ConnectUnix(path);
  if (!socket) return tl::unexpected<Error>(socket.error());
  return UnixClient(std::move(*socket));
}

Status UnixClient::Send(ByteView record, Duration timeout) {
  if (record.empty() || record.size() > kChannelMaxRecord) {
    return Fail(ErrorCode::kInvalid, "control socket: a record has 1 to 98304 bytes");
  }
  for (;;) {
    if (::send(socket_.get(), record.data(), record.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return {};
    if (errno == EINTR) continue;
    if (errno != EAGAIN)
      // Hung up before it read: the same end as the one that Receive() sees.
      return Fail(errno == EPIPE || errno == ECONNRESET ? ErrorCode::kNotFound : ErrorCode::kSystem,
                  std::string("control socket: cannot send: ") + std::strerror(errno));
    if (!WaitFor(socket_.get(), POLLOUT, timeout))
      return Fail(ErrorCode::kLimit, "control socket: the daemon doesn't read");
  }
}

Result<ByteVector> UnixClient::Receive(Duration timeout) {
  for (;;) {
    if (!WaitFor(socket_.get(), POLLIN, timeout))
      return Fail(ErrorCode::kLimit, "control socket: no answer in time");
    ByteVector record(kChannelMaxRecord);
    const ssize_t got = ::recv(socket_.get(), record.data(), record.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0 && errno != ECONNRESET)
      return Fail(ErrorCode::kSystem, std::string("control socket: ") + std::strerror(errno));
    if (got <= 0) return Fail(ErrorCode::kNotFound, "control socket: the daemon closed the connection");
    if (static_cast<std::size_t>(got) > record.size())
      return Fail(ErrorCode::kLimit, "control socket: answer too long");
    record.resize(static_cast<std::size_t>(got));
    return record;
  }
}

}  // namespace latchkey::platform
