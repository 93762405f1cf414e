// The sending half of a UDP socket: groups a batch into runs, one message each, and sends up to 32
// messages by one sendmmsg. Private to platform/net.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "daemon/base/datagram.h"
#include "platform/net/udp_socket.h"

namespace latchkey::platform {

// Messages of one sendmmsg.
constexpr std::size_t kSendBatch = 32;
// Datagrams of one UDP_SEGMENT run. The kernel's own limits: 64 segments, 65,507 bytes (65,487 on IPv6).
constexpr std::size_t kMaxRunDatagrams = 48;
constexpr std::size_t kMaxRunBytes = 60'000;
// Larger segments may not fit an interface's MTU, which UDP_SEGMENT refuses where plain sending fragments.
constexpr std::size_t kMaxSegment = 1280;

class SendBatch {
 public:
  SendBatch(int family, bool segmentation) : family_(family), segmentation_(segmentation) {}

  // Sends entries [first, size) of `batch` until done or until the kernel's buffer is full, and returns
  // the index of the first entry not yet dealt with. Refused datagrams are counted and passed over.
  std::size_t Send(int fd, const DatagramBatch& batch, std::size_t first, UdpCounters& counters);

  [[nodiscard]] bool segmentation() const { return segmentation_; }

  // `error` (an errno) of a segmented send says that there is no segmentation here; a shortage, a firewall's
  // no or an unreachable peer does not.
  [[nodiscard]] static bool RefusesSegmentation(int error);

 private:
  struct Control {
    alignas(cmsghdr) std::array<std::uint8_t, 128> bytes;
  };
  struct Run {
    std::size_t first = 0;
    std::size_t count = 0;
  };

  std::size_t RunLength(const DatagramBatch& batch, std::size_t first) const;
  void Prepare(std::size_t slot, const DatagramBatch& batch, Run run);
  void PrepareControl(msghdr& header, Control& control, const Outgoing& entry, std::size_t segment) const;
  void Count(const DatagramBatch& batch, Run run, UdpCounters& counters) const;
  std::size_t SendSingly(int fd, const DatagramBatch& batch, Run run, int error, UdpCounters& counters,
                         bool& full);

  int family_;
  bool segmentation_;
  std::array<Run, kSendBatch> runs_{};
  std::array<mmsghdr, kSendBatch> messages_{};
  std::array<iovec, kSendBatch> vectors_{};
  std::array<sockaddr_storage, kSendBatch> names_{};
  std::array<Control, kSendBatch> controls_{};
};

}  // namespace latchkey::platform
