#include "tests/bench/bench_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace latchkey::bench {
namespace {

constexpr std::size_t kBatch = 64;
constexpr int kReceiveBuffer = 32 * 1024 * 1024;

Instant FromRealtime(const timespec& stamp, Instant now_monotonic) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const auto age = seconds{now.tv_sec - stamp.tv_sec} + std::chrono::nanoseconds{now.tv_nsec - stamp.tv_nsec};
  return now_monotonic - age;
}

int OpenSocket() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  // Privileged, else the ordinary bound has to do.
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof(kReceiveBuffer)) != 0) {
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof(kReceiveBuffer));
  }
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) != 0 ||
      bind(fd, static_cast<sockaddr*>(static_cast<void*>(&address)), sizeof(address)) != 0) {
    std::perror("bench: socket");
    std::exit(1);
  }
  return fd;
}

SocketAddress AddressOf(const sockaddr_in& address) {
  std::array<std::uint8_t, 4> bytes{};
  std::memcpy(bytes.data(), &address.sin_addr, bytes.size());
  return {IpAddress::V4(bytes), ntohs(address.sin_port)};
}

}  // namespace

BenchPeer::BenchPeer(platform::Loop& loop, media::HttpClient& http,
                     std::unique_ptr<media::RtcSession> session, std::string url, Handlers handlers)
    : loop_(loop),
      http_(http),
      session_(std::move(session)),
      url_(std::move(url)),
      handlers_(std::move(handlers)),
      socket_(OpenSocket()),
      poller_(loop, socket_.get(), [this](platform::Poller::Events) { OnReadable(); }),
      timer_(loop, [this] {
        session_->HandleTimeout(loop_.Now(), loop_.WallNow());
        AfterInput();
      }) {
  poller_.Watch({.readable = true, .writable = false});
}

void BenchPeer::Start() {
  posted_at_ = loop_.Now();
  http_.Post(url_, session_->MakeOffer({}), [this](media::HttpReply reply) { OnAnswer(reply); });
}

void BenchPeer::OnAnswer(const media::HttpReply& reply) {
  if (reply.status != 201) {
    std::fprintf(stderr, "bench: %s: %s\n", url_.c_str(), media::DescribeRefusal(reply).c_str());
    std::exit(1);
  }
  location_ = reply.location;
  if (const auto status = session_->HandleAnswer(reply.body, loop_.Now()); !status) {
    std::fprintf(stderr, "bench: %s\n", status.error().message.c_str());
    std::exit(1);
  }
  AfterInput();
}

void BenchPeer::OnReadable() {
  static std::array<std::array<std::uint8_t, 2048>, kBatch> buffers;
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> vectors{};
  std::array<sockaddr_in, kBatch> names{};
  struct Control {
    alignas(cmsghdr) std::array<std::uint8_t, 64> bytes;
  };
  std::array<Control, kBatch> controls{};
  for (std::size_t i = 0; i < kBatch; ++i) {
    vectors[i] = {buffers[i].data(), buffers[i].size()};
    messages[i].msg_hdr = {
        &names[i], sizeof(names[i]), &vectors[i], 1, controls[i].bytes.data(), sizeof(Control), 0};
  }
  const int count = recvmmsg(socket_.get(), messages.data(), kBatch, MSG_DONTWAIT, nullptr);
  const Instant now = loop_.Now();
  for (int i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    Instant arrived = now;
    msghdr& header = messages[at].msg_hdr;
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
      if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) continue;
      timespec stamp{};
      std::memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
      arrived = FromRealtime(stamp, now);
    }
    session_->HandleDatagram(AddressOf(names[at]), MutableByteView(buffers[at]).first(messages[at].msg_len),
                             arrived, loop_.WallNow());
  }
  AfterInput();
}

void BenchPeer::AfterInput() {
  if (!connected_ && session_->state() == media::TransportState::kConnected) {
    connected_ = true;
    connected_at_ = loop_.Now();
    if (handlers_.on_connected) handlers_.on_connected();
  }
  if (session_->state() == media::TransportState::kFailed) {
    std::fprintf(stderr, "bench: the session failed: %s\n", session_->failure().c_str());
    std::exit(1);
  }
  while (auto frame = session_->PollFrame()) {
    if (handlers_.on_frame) handlers_.on_frame(*frame);
  }
  (void)Flush();
}

Instant BenchPeer::Flush() {
  const Instant now = loop_.Now();
  session_->Drain(now, batch_);
  Instant last = now;
  for (const Outgoing& entry : batch_.entries()) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    std::memcpy(&to.sin_addr, entry.to.ip.bytes().data(), 4);
    to.sin_port = htons(entry.to.port);
    const ByteView bytes = batch_.BytesOf(entry);
    last = loop_.Now();
    (void)sendto(socket_.get(), bytes.data(), bytes.size(), 0,
                 static_cast<sockaddr*>(static_cast<void*>(&to)), sizeof(to));
  }
  batch_.Clear();
  if (const auto next = session_->NextTimeout()) {
    timer_.StartAt(*next);
  } else {
    timer_.Stop();
  }
  return last;
}

void BenchPeer::Stop(std::function<void()> done) {
  session_->Close();
  (void)Flush();
  timer_.Stop();
  poller_.Stop();
  if (location_.empty()) {
    done();
    return;
  }
  http_.Delete(location_, [done = std::move(done)](const media::HttpReply&) { done(); });
}

}  // namespace latchkey::bench
