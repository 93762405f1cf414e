#include "platform/net/udp_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "daemon/base/check.h"
#include "platform/loop/poller.h"
#include "platform/loop/unique_fd.h"
#include "platform/net/receive_batch.h"
#include "platform/net/send_batch.h"
#include "platform/net/send_queue.h"
#include "platform/net/sockaddr.h"

namespace latchkey::platform {
namespace {

void Try(int fd, int level, int option, int value) {
  // Options that only make things better: a kernel that refuses one still gives a working socket.
  (void)::setsockopt(fd, level, option, &value, sizeof(value));
}

bool Set(int fd, int level, int option, int value) {
  return ::setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

// The *FORCE variants pass the sysctl's limit and need CAP_NET_ADMIN.
void SetBuffer(int fd, int force, int plain, int bytes) {
  if (!Set(fd, SOL_SOCKET, force, bytes)) Try(fd, SOL_SOCKET, plain, bytes);
}

Status Configure(int fd, int family, const UdpOptions& options) {
  SetBuffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, options.receive_buffer);
  SetBuffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, options.send_buffer);
  // OMIT: never DF, and no belief in ICMP "fragmentation needed", which anyone can forge.
  Try(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
  bool told = Set(fd, IPPROTO_IP, IP_PKTINFO, 1);
  if (family == AF_INET6) {
    Try(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
    if (!Set(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.bind.ip.IsUnspecified() ? 0 : 1)) {
      return Fail(ErrorCode::kSystem, std::string("udp: cannot set IPV6_V6ONLY: ") + std::strerror(errno));
    }
    told = Set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  }
  if (!told)
    return Fail(ErrorCode::kSystem, std::string("udp: cannot ask for PKTINFO: ") + std::strerror(errno));
  return {};
}

}  // namespace

struct UdpSocket::Impl {
  Impl(Loop& the_loop, UniqueFd socket, int family, const SocketAddress& bound, bool segmentation)
      : loop(the_loop),
        fd(std::move(socket)),
        local(bound),
        receiver(bound),
        sender(family, segmentation),
        poller(std::in_place, the_loop, fd.get(), [this](Poller::Events events) { OnReady(events); }) {}

  void OnReady(Poller::Events events);
  void Receive();
  void Flush();
  void UpdateWatch() {
    if (poller) poller->Watch({receiving, !queue.empty()});
  }

  Loop& loop;
  UniqueFd fd;
  SocketAddress local;
  UdpCounters counters;
  ReceiveBatch receiver;
  SendBatch sender;
  SendQueue queue;
  ReceiveCallback on_receive;
  bool receiving = false;
  bool in_callback = false;
  std::optional<Poller> poller;  // empty once the socket is gone
};

void UdpSocket::Impl::OnReady(Poller::Events events) {
  if (events.writable) Flush();
  if (events.readable) Receive();
  UpdateWatch();
}

void UdpSocket::Impl::Receive() {
  for (int round = 0; round < kReceiveRounds && poller && receiving; ++round) {
    const auto datagrams = receiver.Read(fd.get(), counters);
    if (datagrams.empty()) return;
    in_callback = true;
    on_receive(datagrams);
    in_callback = false;
    if (datagrams.size() < kReceiveBatch) return;
  }
}

void UdpSocket::Impl::Flush() {
  if (queue.empty()) return;
  queue.AdvanceTo(sender.Send(fd.get(), queue.batch(), queue.head(), counters));
}

Result<std::unique_ptr<UdpSocket>> UdpSocket::Bind(Loop& loop, const UdpOptions& options) {
  const int family = options.bind.ip.is_v4() ? AF_INET : AF_INET6;
  const auto failed = [&options](const char* what) {
    return Fail(ErrorCode::kSystem, "udp: cannot " + std::string(what) + " " + options.bind.ToString() +
                                        ": " + std::strerror(errno));
  };
  UniqueFd fd(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP));
  if (!fd.valid()) return failed("make a socket for");
  if (auto ok = Configure(fd.get(), family, options); !ok) return tl::unexpected<Error>(ok.error());
  sockaddr_storage name{};
  const socklen_t length = ToSockaddr(options.bind, family, name);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), length) != 0) return failed("bind");
  sockaddr_storage bound{};
  socklen_t bound_length = sizeof(bound);
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &bound_length) != 0) {
    return failed("read the address of");
  }
  auto impl = std::make_unique<Impl>(loop, std::move(fd), family, FromSockaddr(bound), options.segmentation);
  return std::unique_ptr<UdpSocket>(new UdpSocket(std::move(impl)));
}

UdpSocket::UdpSocket(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

UdpSocket::~UdpSocket() {
  impl_->poller.reset();
  impl_->fd.Close();
  // The callback on the stack may be on_receive itself: the rest goes at the end of the round.
  Loop& loop = impl_->loop;
  loop.DeleteLater(std::move(impl_));
}

const SocketAddress& UdpSocket::local() const {
  return impl_->local;
}

void UdpSocket::StartReceiving(ReceiveCallback callback) {
  LATCHKEY_CHECK(callback && !impl_->in_callback);
  impl_->on_receive = std::move(callback);
  impl_->receiving = true;
  impl_->UpdateWatch();
}

void UdpSocket::StopReceiving() {
  impl_->receiving = false;
  impl_->UpdateWatch();
}

void UdpSocket::Send(const DatagramBatch& batch) {
  // What waits goes first: the order of one peer's packets is kept.
  std::size_t first = 0;
  if (impl_->queue.empty()) first = impl_->sender.Send(impl_->fd.get(), batch, 0, impl_->counters);
  if (first == batch.size()) return;
  impl_->counters.send_queued += batch.size() - first;
  impl_->counters.send_dropped_full += impl_->queue.Append(batch, first);
  impl_->UpdateWatch();
}

void UdpSocket::DropQueuedTo(const SocketAddress& to) {
  if (impl_->queue.empty()) return;
  impl_->counters.send_recalled += impl_->queue.DropTo(to);
  impl_->UpdateWatch();
}

const UdpCounters& UdpSocket::counters() const {
  return impl_->counters;
}
bool UdpSocket::segmentation() const {
  return impl_->sender.segmentation();
}
std::size_t UdpSocket::queued() const {
  return impl_->queue.size();
}

int UdpSocket::receive_buffer() const {
  int bytes = 0;
  socklen_t size = sizeof(bytes);
  (void)::getsockopt(impl_->fd.get(), SOL_SOCKET, SO_RCVBUF, &bytes, &size);
  return bytes;
}

}  // namespace latchkey::platform
