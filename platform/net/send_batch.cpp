#include "platform/net/send_batch.h"

#include <netinet/udp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "daemon/base/check.h"
#include "platform/net/sockaddr.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace latchkey::platform {
namespace {

template <class Payload>
void AddControl(msghdr& header, int level, int type, const Payload& payload) {
  // msg_controllen grows by what is used; the buffer behind it has room for both kinds.
  const std::size_t at = header.msg_controllen;
  header.msg_controllen = at + CMSG_SPACE(sizeof(payload));
  auto* c = reinterpret_cast<cmsghdr*>(static_cast<std::uint8_t*>(header.msg_control) + at);
  c->cmsg_level = level;
  c->cmsg_type = type;
  c->cmsg_len = CMSG_LEN(sizeof(payload));
  std::memcpy(CMSG_DATA(c), &payload, sizeof(payload));
}

bool IsFull(int error) {
  return error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

std::size_t SendBatch::RunLength(const DatagramBatch& batch, std::size_t first) const {
  const auto& entries = batch.entries();
  const Outgoing& head = entries[first];
  if (!segmentation_ || head.size > kMaxSegment) return 1;
  const std::size_t end = std::min(entries.size(), first + kMaxRunDatagrams);
  std::size_t bytes = head.size;
  std::size_t next = first + 1;
  for (; next < end; ++next) {
    const Outgoing& entry = entries[next];
    const Outgoing& before = entries[next - 1];
    const bool neighbour = entry.offset == before.offset + before.size;
    // A shorter datagram may only be the last of its run.
    if (before.size < head.size || entry.size > head.size || !neighbour) break;
    if (entry.to != head.to || entry.from != head.from) break;
    if (bytes + entry.size > kMaxRunBytes) break;
    bytes += entry.size;
  }
  return next - first;
}

void SendBatch::PrepareControl(msghdr& header, Control& control, const Outgoing& entry,
                               std::size_t segment) const {
  header.msg_control = control.bytes.data();
  header.msg_controllen = 0;
  if (entry.from.port != 0 && !entry.from.ip.IsUnspecified()) {
    if (family_ == AF_INET6) {
      in6_pktinfo info{};
      info.ipi6_addr = ToIn6(entry.from.ip);
      info.ipi6_ifindex = entry.from.ip.scope();
      AddControl(header, IPPROTO_IPV6, IPV6_PKTINFO, info);
    } else {
      in_pktinfo info{};
      info.ipi_spec_dst = ToIn4(entry.from.ip);
      AddControl(header, IPPROTO_IP, IP_PKTINFO, info);
    }
  }
  if (segment != 0) AddControl(header, IPPROTO_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(segment));
  if (header.msg_controllen == 0) header.msg_control = nullptr;
}

void SendBatch::Prepare(std::size_t slot, const DatagramBatch& batch, Run run) {
  const Outgoing& head = batch.entries()[run.first];
  const Outgoing& tail = batch.entries()[run.first + run.count - 1];
  const ByteView first = batch.BytesOf(head);
  runs_[slot] = run;
  // sendmsg doesn't write to what it sends, but iovec has no const.
  vectors_[slot] = {const_cast<std::uint8_t*>(first.data()), tail.offset + tail.size - head.offset};
  msghdr& header = messages_[slot].msg_hdr;
  header = {};
  header.msg_name = &names_[slot];
  header.msg_namelen = ToSockaddr(head.to, family_, names_[slot]);
  header.msg_iov = &vectors_[slot];
  header.msg_iovlen = 1;
  PrepareControl(header, controls_[slot], head, run.count > 1 ? head.size : 0);
}

void SendBatch::Count(const DatagramBatch& batch, Run run, UdpCounters& counters) const {
  counters.sent += run.count;
  if (run.count > 1) ++counters.segmented_runs;
  for (std::size_t i = 0; i < run.count; ++i) counters.sent_bytes += batch.entries()[run.first + i].size;
}

bool SendBatch::RefusesSegmentation(int error) {
  return error == EIO || error == EINVAL || error == EOPNOTSUPP;
}

std::size_t SendBatch::SendSingly(int fd, const DatagramBatch& batch, Run run, int error,
                                  UdpCounters& counters, bool& full) {
  for (std::size_t i = 0; i < run.count; ++i) {
    const Run one{run.first + i, 1};
    Prepare(0, batch, one);
    ++counters.send_calls;
    if (::sendmsg(fd, &messages_[0].msg_hdr, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
      // The datagram was fine, so it may be the segmentation that the kernel or the driver can't do.
      if (RefusesSegmentation(error)) segmentation_ = false;
      Count(batch, one, counters);
    } else if (IsFull(errno)) {
      full = true;
      return i;
    } else {
      ++counters.send_refused;
    }
  }
  return run.count;
}

std::size_t SendBatch::Send(int fd, const DatagramBatch& batch, std::size_t first, UdpCounters& counters) {
  const std::size_t size = batch.size();
  while (first < size) {
    std::size_t slots = 0;
    for (std::size_t next = first; slots < kSendBatch && next < size; ++slots) {
      const Run run{next, RunLength(batch, next)};
      Prepare(slots, batch, run);
      next += run.count;
    }
    ++counters.send_calls;
    const int sent =
        ::sendmmsg(fd, messages_.data(), static_cast<unsigned>(slots), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
      for (std::size_t i = 0; i < static_cast<std::size_t>(sent); ++i) {
        Count(batch, runs_[i], counters);
        first += runs_[i].count;
      }
      continue;
    }
    if (IsFull(errno)) return first;
    if (errno == EINTR) continue;
    // The error is the first message's. A run of several is tried one by one: the peer can't be reached, or
    // the system is short of something, or UDP_SEGMENT isn't to be had.
    const int error = errno;
    if (runs_[0].count == 1) {
      ++counters.send_refused;
      ++first;
      continue;
    }
    bool full = false;
    first += SendSingly(fd, batch, Run(runs_[0]), error, counters, full);
    if (full) return first;
  }
  return first;
}

}  // namespace latchkey::platform
