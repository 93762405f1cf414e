#include "platform/process/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "platform/process/ipc_channel.h"
#include "tests/platform/loop_until.h"
#include "tests/support/catch.h"

namespace latchkey::platform {
namespace {

// A folder that is gone with the test.
struct Folder {
  Folder() {
    std::array<char, 32> name{"/tmp/latchkey-test-XXXXXX"};
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name.data();
  }
  ~Folder() {
    (void)::unlink(Socket().c_str());
    (void)::rmdir(path.c_str());
  }
  std::string Socket() const { return path + "/control.sock"; }
  std::string path;
};

bool Exists(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0;
}

TEST_CASE("unix socket: the listener knows who calls, and records go both ways") {
  const Folder folder;
  Loop loop;
  std::optional<PeerCredentials> peer;
  std::unique_ptr<IpcChannel> channel;
  auto listener = UnixListener::Bind(loop, folder.Socket(), [&](UniqueFd socket, const PeerCredentials& who) {
    peer = who;
    IpcChannel::Handlers handlers;
    handlers.on_record = [&](ByteView record) {
      (void)channel->Send(ByteVector(record.rbegin(), record.rend()));
    };
    channel = std::make_unique<IpcChannel>(loop, std::move(socket), std::move(handlers));
  });
  REQUIRE(listener);
  struct stat info {};
  REQUIRE(::stat(folder.Socket().c_str(), &info) == 0);
  CHECK((info.st_mode & 0777U) == 0660U);
  Result<ByteVector> answer = Fail(ErrorCode::kInvalid, "not asked");
  std::thread client([&] {
    auto connection = UnixClient::Connect(folder.Socket());
    if (!connection || !connection->Send(ByteVector{1, 2, 3}, seconds{5})) return;
    answer = connection->Receive(seconds{5});
  });
  CHECK(RunUntil(loop, [&] { return channel && !channel->open(); }));
  client.join();
  REQUIRE(answer);
  CHECK(*answer == ByteVector{3, 2, 1});
  REQUIRE(peer);
  CHECK(peer->uid == ::getuid());
  CHECK(peer->gid == ::getgid());
  CHECK(peer->pid == ::getpid());
}

TEST_CASE("unix socket: a second listener is refused and the first one's file stays") {
  const Folder folder;
  Loop loop;
  auto first = UnixListener::Bind(loop, folder.Socket(), [](UniqueFd, const PeerCredentials&) {});
  REQUIRE(first);
  const auto second = UnixListener::Bind(loop, folder.Socket(), [](UniqueFd, const PeerCredentials&) {});
  REQUIRE_FALSE(second);
  CHECK(second.error().code == ErrorCode::kConflict);
  CHECK(Exists(folder.Socket()));
  first->reset();
  CHECK_FALSE(Exists(folder.Socket()));
}

TEST_CASE("unix socket: a stale socket file is replaced, another kind of file is not") {
  const Folder folder;
  Loop loop;
  {
    // What a killed process leaves behind.
    const UniqueFd dead(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    folder.Socket().copy(name.sun_path, sizeof(name.sun_path) - 1);
    REQUIRE(::bind(dead.get(), static_cast<const sockaddr*>(static_cast<const void*>(&name)), sizeof(name)) ==
            0);
  }
  REQUIRE(Exists(folder.Socket()));
  CHECK(UnixListener::Bind(loop, folder.Socket(), [](UniqueFd, const PeerCredentials&) {}));
  std::ofstream(folder.Socket()) << "precious";
  const auto refused = UnixListener::Bind(loop, folder.Socket(), [](UniqueFd, const PeerCredentials&) {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kConflict);
  CHECK(Exists(folder.Socket()));
}

TEST_CASE("unix socket: nobody there, a path too long and no answer are errors that say so") {
  const Folder folder;
  Loop loop;
  const auto nobody = UnixClient::Connect(folder.Socket());
  REQUIRE_FALSE(nobody);
  CHECK(nobody.error().code == ErrorCode::kNotFound);
  CHECK_FALSE(UnixListener::Bind(loop, std::string(108, 'x'), [](UniqueFd, const PeerCredentials&) {}));
  auto listener = UnixListener::Bind(loop, folder.Socket(), [](UniqueFd, const PeerCredentials&) {});
  REQUIRE(listener);
  auto client = UnixClient::Connect(folder.Socket());
  REQUIRE(client);
  const auto answer = client->Receive(milliseconds{5});
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == ErrorCode::kLimit);
  (void)loop.RunOnce(false);  // accepts, and lets the connection go
  const auto closed = client->Receive(seconds{5});
  REQUIRE_FALSE(closed);
  CHECK(closed.error().code == ErrorCode::kNotFound);
}

}  // namespace
}  // namespace latchkey::platform
