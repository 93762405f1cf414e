#include "platform/net/receive_batch.h"

#include <cerrno>
#include <cstring>

#include "platform/net/sockaddr.h"

namespace latchkey::platform {

ReceiveBatch::ReceiveBatch(const SocketAddress& local)
    : local_(local), bytes_(new std::array<std::uint8_t, kMaxDatagram * kReceiveBatch>) {}

SocketAddress ReceiveBatch::LocalAddressOf(const msghdr& header) const {
  msghdr walk = header;
  for (cmsghdr* c = CMSG_FIRSTHDR(&walk); c != nullptr; c = CMSG_NXTHDR(&walk, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(c), sizeof(info));
      return {FromIn4(info.ipi_addr), local_.port};
    }
    if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(c), sizeof(info));
      return {FromIn6(info.ipi6_addr, info.ipi6_ifindex), local_.port};
    }
  }
  return local_;
}

std::span<const ReceivedDatagram> ReceiveBatch::Read(int fd, UdpCounters& counters) {
  for (std::size_t i = 0; i < kReceiveBatch; ++i) {
    vectors_[i] = {bytes_->data() + i * kMaxDatagram, kMaxDatagram};
    msghdr& header = messages_[i].msg_hdr;
    header = {};
    header.msg_name = &names_[i];
    header.msg_namelen = sizeof(names_[i]);
    header.msg_iov = &vectors_[i];
    header.msg_iovlen = 1;
    header.msg_control = controls_[i].bytes.data();
    header.msg_controllen = controls_[i].bytes.size();
  }
  int got = -1;
  do {
    got = ::recvmmsg(fd, messages_.data(), kReceiveBatch, MSG_DONTWAIT, nullptr);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return {};
  ++counters.receive_calls;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
    const msghdr& header = messages_[i].msg_hdr;
    if ((header.msg_flags & MSG_TRUNC) != 0) {
      ++counters.receive_too_long;
      continue;
    }
    const std::size_t size = messages_[i].msg_len;
    datagrams_[kept++] = {FromSockaddr(names_[i]), LocalAddressOf(header),
                          MutableByteView(bytes_->data() + i * kMaxDatagram, size)};
    ++counters.received;
    counters.received_bytes += size;
  }
  return {datagrams_.data(), kept};
}

}  // namespace latchkey::platform
