#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/loop/unique_fd.h"
#include "platform/net/local_addresses.h"
#include "platform/net/send_batch.h"
#include "platform/net/send_queue.h"
#include "platform/net/sockaddr.h"
#include "platform/net/udp_socket.h"
#include "tests/platform/loop_until.h"
#include "tests/support/catch.h"

namespace latchkey::platform {
namespace {

const SocketAddress kNowhere{};

SocketAddress At(const char* ip, std::uint16_t port = 0) {
  const auto parsed = IpAddress::Parse(ip);
  REQUIRE(parsed);
  return {*parsed, port};
}

struct Arrived {
  SocketAddress from;
  SocketAddress to;
  ByteVector bytes;
};

// A socket that keeps what it gets.
struct Peer {
  Peer(Loop& loop, const SocketAddress& bind, bool segmentation = true) {
    UdpOptions options;
    options.bind = bind;
    options.segmentation = segmentation;
    auto bound = UdpSocket::Bind(loop, options);
    REQUIRE(bound);
    socket = std::move(*bound);
    socket->StartReceiving([this](std::span<const ReceivedDatagram> datagrams) {
      largest_batch = std::max(largest_batch, datagrams.size());
      for (const auto& d : datagrams)
        arrived.push_back({d.from, d.to, ByteVector(d.bytes.begin(), d.bytes.end())});
    });
  }
  std::unique_ptr<UdpSocket> socket;
  std::vector<Arrived> arrived;
  std::size_t largest_batch = 0;
};

void Add(DatagramBatch& batch, const SocketAddress& to, std::size_t size, std::uint8_t fill,
         const SocketAddress& from = kNowhere) {
  const auto bytes = batch.Append(to, from, size);
  std::fill(bytes.begin(), bytes.end(), fill);
}

void CheckFills(const std::vector<Arrived>& arrived, std::size_t count) {
  REQUIRE(arrived.size() == count);
  for (std::size_t i = 0; i < count; ++i) {
    const ByteVector wanted(arrived[i].bytes.size(), static_cast<std::uint8_t>(i));
    CHECK(arrived[i].bytes == wanted);
  }
}

TEST_CASE(
    "udp: a keyframe of 100 equal datagrams leaves in few segmented runs and arrives in order and in "
    "batches") {
  Loop loop;
  Peer a(loop, At("127.0.0.1"));
  Peer b(loop, At("127.0.0.1"));
  DatagramBatch batch;
  for (std::uint8_t i = 0; i < 100; ++i) Add(batch, b.socket->local(), 1200, i);
  Add(batch, b.socket->local(), 77, 100);
  a.socket->Send(batch);
  REQUIRE(RunUntil(loop, [&] { return b.arrived.size() >= 101; }));
  CheckFills(b.arrived, 101);
  CHECK(b.arrived.back().bytes.size() == 77);
  CHECK(b.arrived.front().from == a.socket->local());
  CHECK(b.arrived.front().to == b.socket->local());
  CHECK(a.socket->segmentation());
  CHECK(a.socket->counters().segmented_runs == 3);
  CHECK(a.socket->counters().send_calls == 1);
  CHECK(a.socket->counters().sent == 101);
  CHECK(a.socket->counters().sent_bytes == 100 * 1200 + 77);
  CHECK(b.largest_batch == kReceiveBatch);
  CHECK(b.socket->counters().received == 101);
}

TEST_CASE("udp: runs end where the destination, the local address or the size changes") {
  Loop loop;
  Peer a(loop, At("127.0.0.1"));
  Peer b(loop, At("127.0.0.1"));
  Peer c(loop, At("127.0.0.1"));
  DatagramBatch batch;
  Add(batch, b.socket->local(), 500, 0);
  Add(batch, b.socket->local(), 500, 1);
  Add(batch, c.socket->local(), 500, 0);
  Add(batch, c.socket->local(), 500, 1, a.socket->local());
  Add(batch, b.socket->local(), 400, 2);
  Add(batch, b.socket->local(), 300, 3);  // shorter: the last of its run
  Add(batch, b.socket->local(), 300, 4);  // begins another
  Add(batch, b.socket->local(), 900, 5);  // longer: another
  a.socket->Send(batch);
  REQUIRE(RunUntil(loop, [&] { return b.arrived.size() >= 6 && c.arrived.size() >= 2; }));
  CheckFills(b.arrived, 6);
  CheckFills(c.arrived, 2);
  CHECK(a.socket->counters().segmented_runs == 2);
}

TEST_CASE("udp: without segmentation the same datagrams arrive") {
  Loop loop;
  Peer a(loop, At("127.0.0.1"), false);
  Peer b(loop, At("127.0.0.1"));
  DatagramBatch batch;
  for (std::uint8_t i = 0; i < 70; ++i) Add(batch, b.socket->local(), 1200, i);
  a.socket->Send(batch);
  REQUIRE(RunUntil(loop, [&] { return b.arrived.size() >= 70; }));
  CheckFills(b.arrived, 70);
  CHECK_FALSE(a.socket->segmentation());
  CHECK(a.socket->counters().segmented_runs == 0);
  CHECK(a.socket->counters().send_calls == 3);
}

TEST_CASE("udp: a kernel that refuses UDP_SEGMENT is believed for good, and no datagram is lost by it") {
  Loop loop;
  Peer receiver(loop, At("127.0.0.1"));
  // The kernel doesn't segment where it may not make checksums: a socket with SO_NO_CHECK is refused.
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  REQUIRE(::setsockopt(fd.get(), SOL_SOCKET, SO_NO_CHECK, &on, sizeof(on)) == 0);
  SendBatch sender(AF_INET, true);
  UdpCounters counters;
  DatagramBatch batch;
  for (std::uint8_t i = 0; i < 10; ++i) Add(batch, receiver.socket->local(), 1000, i);
  CHECK(sender.Send(fd.get(), batch, 0, counters) == 10);
  CHECK_FALSE(sender.segmentation());
  CHECK(counters.segmented_runs == 0);
  CHECK(counters.send_refused == 0);
  REQUIRE(RunUntil(loop, [&] { return receiver.arrived.size() >= 10; }));
  CheckFills(receiver.arrived, 10);
  CHECK(sender.Send(fd.get(), batch, 0, counters) == 10);
  CHECK(counters.sent == 20);
}

TEST_CASE("udp: a shortage of a moment does not turn segmentation off") {
  for (const int error : {ENOBUFS, ENOMEM, EPERM, EACCES, ENETUNREACH, EHOSTUNREACH, EMSGSIZE}) {
    CHECK_FALSE(SendBatch::RefusesSegmentation(error));
  }
  for (const int error : {EIO, EINVAL, EOPNOTSUPP}) CHECK(SendBatch::RefusesSegmentation(error));
}

TEST_CASE(
    "udp: a destination that can't be reached costs its datagrams, not the others' and not segmentation") {
  Loop loop;
  Peer a(loop, At("127.0.0.1"));
  Peer b(loop, At("127.0.0.1"));
  DatagramBatch batch;
  Add(batch, b.socket->local(), 100, 0);
  // Another family than the socket's can't be sent to at all.
  Add(batch, At("2001:db8::1", 9), 100, 0);
  Add(batch, At("2001:db8::1", 9), 100, 0);
  Add(batch, b.socket->local(), 100, 1);
  a.socket->Send(batch);
  REQUIRE(RunUntil(loop, [&] { return b.arrived.size() >= 2; }));
  CheckFills(b.arrived, 2);
  CHECK(a.socket->counters().send_refused == 2);
  CHECK(a.socket->segmentation());
}

TEST_CASE("udp: a reply leaves from the local address that the question reached") {
  Loop loop;
  Peer hub(loop, At("0.0.0.0"));
  Peer viewer(loop, At("127.0.0.1"));
  const std::uint16_t port = hub.socket->local().port;
  DatagramBatch question;
  Add(question, At("127.0.0.9", port), 20, 0);
  viewer.socket->Send(question);
  REQUIRE(RunUntil(loop, [&] { return !hub.arrived.empty(); }));
  CHECK(hub.arrived[0].to == At("127.0.0.9", port));
  DatagramBatch answer;
  Add(answer, hub.arrived[0].from, 900, 0, hub.arrived[0].to);
  Add(answer, hub.arrived[0].from, 900, 1, hub.arrived[0].to);
  hub.socket->Send(answer);
  REQUIRE(RunUntil(loop, [&] { return viewer.arrived.size() >= 2; }));
  CHECK(viewer.arrived[0].from == At("127.0.0.9", port));
  CHECK(viewer.arrived[1].from == At("127.0.0.9", port));
  CHECK(hub.socket->counters().segmented_runs == 1);
}

TEST_CASE("udp: a dual-stack socket serves IPv6 and IPv4, each peer under its own family's address") {
  Loop loop;
  Peer hub(loop, At("::"));
  Peer six(loop, At("::1"));
  Peer four(loop, At("127.0.0.1"));
  const std::uint16_t port = hub.socket->local().port;
  for (Peer* peer : {&six, &four}) {
    DatagramBatch question;
    Add(question, At(peer == &six ? "::1" : "127.0.0.5", port), 20, 0);
    peer->socket->Send(question);
  }
  REQUIRE(RunUntil(loop, [&] { return hub.arrived.size() >= 2; }));
  DatagramBatch answer;
  for (const auto& q : hub.arrived) {
    for (std::uint8_t i = 0; i < 40; ++i) Add(answer, q.from, 1100, i, q.to);
  }
  hub.socket->Send(answer);
  REQUIRE(RunUntil(loop, [&] { return six.arrived.size() >= 40 && four.arrived.size() >= 40; }));
  CheckFills(six.arrived, 40);
  CheckFills(four.arrived, 40);
  CHECK(six.arrived[0].from == At("::1", port));
  CHECK(four.arrived[0].from == At("127.0.0.5", port));
  CHECK(hub.socket->counters().segmented_runs == 2);
  CHECK(hub.socket->counters().send_refused == 0);
}

TEST_CASE("udp: a datagram over the largest size is dropped and counted, the next one arrives") {
  Loop loop;
  Peer a(loop, At("127.0.0.1"));
  Peer b(loop, At("127.0.0.1"));
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage name{};
  const socklen_t length = ToSockaddr(b.socket->local(), AF_INET, name);
  const ByteVector large(kMaxDatagram + 1, 1);
  const ByteVector fits(kMaxDatagram, 0);
  for (const ByteVector* bytes : {&large, &fits}) {
    REQUIRE(::sendto(fd.get(), bytes->data(), bytes->size(), 0,
                     static_cast<const sockaddr*>(static_cast<const void*>(&name)), length) > 0);
  }
  REQUIRE(RunUntil(loop, [&] { return !b.arrived.empty(); }));
  CHECK(b.arrived.size() == 1);
  CHECK(b.arrived[0].bytes.size() == kMaxDatagram);
  CHECK(b.socket->counters().receive_too_long == 1);
}

TEST_CASE("udp: the socket may be destroyed from within its receive callback") {
  Loop loop;
  Peer a(loop, At("127.0.0.1"));
  UdpOptions options;
  options.bind = At("127.0.0.1");
  auto victim = std::move(*UdpSocket::Bind(loop, options));
  const SocketAddress to = victim->local();
  int calls = 0;
  victim->StartReceiving([&](std::span<const ReceivedDatagram>) {
    ++calls;
    victim.reset();
  });
  DatagramBatch batch;
  for (std::uint8_t i = 0; i < 100; ++i) Add(batch, to, 50, i);
  a.socket->Send(batch);
  CHECK(RunUntil(loop, [&] { return calls == 1; }));
  (void)loop.RunOnce(false);
  CHECK(calls == 1);
}

TEST_CASE("udp: receiving stops and starts again, nothing is lost meanwhile") {
  Loop loop;
  Peer a(loop, At("127.0.0.1"));
  Peer b(loop, At("127.0.0.1"));
  b.socket->StopReceiving();
  DatagramBatch batch;
  Add(batch, b.socket->local(), 10, 0);
  a.socket->Send(batch);
  (void)loop.RunOnce(false);
  CHECK(b.arrived.empty());
  int late = 0;
  b.socket->StartReceiving([&](std::span<const ReceivedDatagram> d) { late += static_cast<int>(d.size()); });
  CHECK(RunUntil(loop, [&] { return late == 1; }));
}

TEST_CASE("udp: an address in use is an error that names it") {
  Loop loop;
  Peer a(loop, At("127.0.0.1"));
  UdpOptions options;
  options.bind = a.socket->local();
  const auto second = UdpSocket::Bind(loop, options);
  REQUIRE_FALSE(second);
  CHECK(second.error().message.find(options.bind.ToString()) != std::string::npos);
}

TEST_CASE("udp: the send queue keeps order and drops its oldest beyond the bound") {
  SendQueue queue;
  DatagramBatch batch;
  for (std::size_t i = 0; i < kMaxQueuedDatagrams + 10; ++i)
    Add(batch, At("127.0.0.1", 1), 20, static_cast<std::uint8_t>(i));
  CHECK(queue.Append(batch, 3) == 7);
  CHECK(queue.size() == kMaxQueuedDatagrams);
  const auto first_fill = [&queue] {
    return queue.batch().BytesOf(queue.batch().entries()[queue.head()])[0];
  };
  CHECK(first_fill() == 10);
  // Far enough for the arena to be compacted.
  queue.AdvanceTo(queue.head() + kMaxQueuedDatagrams / 2);
  CHECK(queue.size() == kMaxQueuedDatagrams / 2);
  CHECK(first_fill() == static_cast<std::uint8_t>(10 + kMaxQueuedDatagrams / 2));
  queue.AdvanceTo(queue.head() + queue.size());
  CHECK(queue.empty());
}

TEST_CASE("udp: what waits for one destination can be recalled, the rest keeps its order and its bounds") {
  SendQueue queue;
  DatagramBatch batch;
  for (std::size_t i = 0; i < 100; ++i)
    Add(batch, At("127.0.0.1", i % 2 == 0 ? 1 : 2), 20, static_cast<std::uint8_t>(i));
  CHECK(queue.Append(batch, 0) == 0);
  queue.AdvanceTo(queue.head() + 10);
  CHECK(queue.DropTo(At("127.0.0.1", 2)) == 45);
  REQUIRE(queue.size() == 45);
  for (std::size_t i = 0; i < 45; ++i) {
    const Outgoing& entry = queue.batch().entries()[queue.head() + i];
    CHECK(entry.to == At("127.0.0.1", 1));
    CHECK(queue.batch().BytesOf(entry)[0] == 10 + 2 * i);
  }
  CHECK(queue.DropTo(At("127.0.0.1", 1)) == 45);
  CHECK(queue.empty());
  CHECK(queue.Append(batch, 0) == 0);
  queue.AdvanceTo(queue.head() + 100);
  CHECK(queue.empty());
}

TEST_CASE("udp: the send queue is bounded in bytes too") {
  SendQueue queue;
  DatagramBatch batch;
  for (int i = 0; i < 512; ++i) Add(batch, At("127.0.0.1", 1), kMaxDatagram, 0);
  std::size_t dropped = 0;
  for (int i = 0; i < 5; ++i) dropped += queue.Append(batch, 0);
  CHECK(queue.size() == kMaxQueuedBytes / kMaxDatagram);
  CHECK(dropped == 5 * 512 - kMaxQueuedBytes / kMaxDatagram);
}

TEST_CASE("udp: local addresses hold loopback only when asked for and never link-local IPv6") {
  const auto with = LocalAddresses(true);
  const auto without = LocalAddresses(false);
  CHECK(std::find(with.begin(), with.end(), *IpAddress::Parse("127.0.0.1")) != with.end());
  for (const auto& ip : without) {
    CHECK_FALSE(ip.IsLoopback());
    CHECK((ip.is_v4() || !ip.IsLinkLocal()));
  }
  CHECK(with.size() > without.size());
}

}  // namespace
}  // namespace latchkey::platform
