#include "platform/process/ipc_channel.h"

#include <sys/socket.h>

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/platform/loop_until.h"
#include "tests/support/catch.h"

namespace latchkey::platform {
namespace {

struct Sockets {
  Sockets() {
    int fds[2] = {-1, -1};
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
    a = UniqueFd(fds[0]);
    b = UniqueFd(fds[1]);
  }
  UniqueFd a;
  UniqueFd b;
};

struct End {
  End(Loop& loop, UniqueFd socket) {
    IpcChannel::Handlers handlers;
    handlers.on_record = [this](ByteView record) { records.emplace_back(record.begin(), record.end()); };
    handlers.on_end = [this](ChannelEnd how) { end = how; };
    channel = std::make_unique<IpcChannel>(loop, std::move(socket), std::move(handlers));
  }
  std::unique_ptr<IpcChannel> channel;
  std::vector<ByteVector> records;
  std::optional<ChannelEnd> end;
};

TEST_CASE("channel: records keep their borders and their order beyond what the socket holds") {
  Loop loop;
  Sockets sockets;
  End a(loop, std::move(sockets.a));
  End b(loop, std::move(sockets.b));
  for (std::size_t i = 1; i <= 900; ++i)
    REQUIRE(a.channel->Send(ByteVector(i, static_cast<std::uint8_t>(i))));
  CHECK(a.channel->queued_records() > 0);
  REQUIRE(RunUntil(loop, [&] { return b.records.size() == 900; }));
  for (std::size_t i = 1; i <= 900; ++i)
    CHECK(b.records[i - 1] == ByteVector(i, static_cast<std::uint8_t>(i)));
  CHECK(a.channel->queued_records() == 0);
}

TEST_CASE("channel: a peer that doesn't read fails the channel at the bound of records, from the loop") {
  Loop loop;
  Sockets sockets;
  End a(loop, std::move(sockets.a));
  std::size_t sent = 0;
  while (a.channel->Send(ByteVector(16, 1))) {
    REQUIRE(++sent < 100'000);
    CHECK(a.channel->queued_records() <= kChannelMaxQueuedRecords);
  }
  CHECK(sent >= kChannelMaxQueuedRecords);
  CHECK_FALSE(a.end);
  CHECK_FALSE(a.channel->open());
  CHECK_FALSE(a.channel->Send(ByteVector(16, 1)));
  CHECK(a.channel->queued_records() == 0);
  REQUIRE(RunUntil(loop, [&] { return a.end.has_value(); }));
  CHECK(*a.end == ChannelEnd::kOverflow);
}

TEST_CASE("channel: a peer that doesn't read fails the channel at the bound of bytes") {
  Loop loop;
  Sockets sockets;
  End a(loop, std::move(sockets.a));
  std::size_t bytes = 0;
  while (a.channel->Send(ByteVector(kChannelMaxRecord, 1))) bytes += kChannelMaxRecord;
  CHECK(bytes >= kChannelMaxQueuedBytes - kChannelMaxRecord);
  CHECK(bytes < kChannelMaxQueuedBytes + 1024 * 1024);
  REQUIRE(RunUntil(loop, [&] { return a.end.has_value(); }));
  CHECK(*a.end == ChannelEnd::kOverflow);
}

TEST_CASE("channel: a record over the bound from the other side fails the channel") {
  Loop loop;
  Sockets sockets;
  End a(loop, std::move(sockets.a));
  const ByteVector large(kChannelMaxRecord + 1, 1);
  REQUIRE(::send(sockets.b.get(), large.data(), large.size(), 0) > 0);
  REQUIRE(RunUntil(loop, [&] { return a.end.has_value(); }));
  CHECK(*a.end == ChannelEnd::kTooLong);
  CHECK(a.records.empty());
}

TEST_CASE("channel: what was sent before closing still arrives, then the end, once") {
  Loop loop;
  Sockets sockets;
  End a(loop, std::move(sockets.a));
  End b(loop, std::move(sockets.b));
  for (int i = 0; i < 600; ++i) REQUIRE(a.channel->Send(ByteVector(100, 7)));
  a.channel->CloseAfterSending();
  CHECK_FALSE(a.channel->open());
  CHECK_FALSE(a.channel->Send(ByteVector(1, 1)));
  REQUIRE(RunUntil(loop, [&] { return b.end.has_value(); }));
  CHECK(b.records.size() == 600);
  CHECK(*b.end == ChannelEnd::kClosed);
  CHECK_FALSE(a.end);
}

TEST_CASE("channel: it may be destroyed from its record callback and from its end callback") {
  Loop loop;
  Sockets sockets;
  auto a = std::make_unique<End>(loop, std::move(sockets.a));
  int calls = 0;
  std::unique_ptr<IpcChannel> victim;
  IpcChannel::Handlers handlers;
  handlers.on_record = [&](ByteView) {
    ++calls;
    victim.reset();
  };
  handlers.on_end = [&](ChannelEnd) { FAIL("called after it was destroyed"); };
  victim = std::make_unique<IpcChannel>(loop, std::move(sockets.b), std::move(handlers));
  REQUIRE(a->channel->Send(ByteVector(5, 1)));
  REQUIRE(a->channel->Send(ByteVector(5, 1)));
  REQUIRE(RunUntil(loop, [&] { return a->end.has_value(); }));
  CHECK(calls == 1);

  Sockets more;
  handlers = {};
  int ends = 0;
  handlers.on_end = [&](ChannelEnd) {
    ++ends;
    victim.reset();
  };
  victim = std::make_unique<IpcChannel>(loop, std::move(more.a), std::move(handlers));
  more.b.Close();
  REQUIRE(RunUntil(loop, [&] { return ends == 1; }));
}

TEST_CASE("channel: a passed descriptor that nobody asked for doesn't arrive") {
  Loop loop;
  Sockets sockets;
  End a(loop, std::move(sockets.a));
  std::uint8_t byte = 1;
  iovec vector{&byte, 1};
  alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  cmsghdr* c = CMSG_FIRSTHDR(&header);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = sockets.b.get();
  std::memcpy(CMSG_DATA(c), &fd, sizeof(fd));
  REQUIRE(::sendmsg(sockets.b.get(), &header, 0) == 1);
  REQUIRE(RunUntil(loop, [&] { return a.records.size() == 1; }));
  // Were the descriptor still alive somewhere, closing ours would not end the channel.
  sockets.b.Close();
  CHECK(RunUntil(loop, [&] { return a.end.has_value(); }));
}

}  // namespace
}  // namespace latchkey::platform
