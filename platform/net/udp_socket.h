// One UDP port in batches: recvmmsg in, sendmmsg with UDP_SEGMENT out.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "daemon/base/address.h"
#include "daemon/base/datagram.h"
#include "daemon/base/result.h"
#include "platform/loop/loop.h"

namespace latchkey::platform {

// Datagrams read by one system call.
constexpr std::size_t kReceiveBatch = 32;
// System calls per wake-up, so that a flood on the socket can't starve timers and channels.
constexpr int kReceiveRounds = 4;
// What waits for a full socket buffer. Beyond either bound the oldest is dropped and counted: an old
// media packet is worth less than a new one.
constexpr std::size_t kMaxQueuedBytes = 4 * 1024 * 1024;
constexpr std::size_t kMaxQueuedDatagrams = 4096;

struct UdpOptions {
  // 127.0.0.1, a LAN address, or [::] for both families (dual-stack). Port 0: the system chooses.
  SocketAddress bind;
  // Asked for with SO_RCVBUF and SO_SNDBUF; the system may grant less (net.core.rmem_max).
  int receive_buffer = 4 * 1024 * 1024;
  int send_buffer = 4 * 1024 * 1024;
  // False: never UDP_SEGMENT (what a kernel or driver that refuses it leads to by itself).
  bool segmentation = true;
};

struct UdpCounters {
  std::uint64_t received = 0;  // datagrams handed to the callback
  std::uint64_t received_bytes = 0;
  std::uint64_t receive_too_long = 0;  // longer than kMaxDatagram: dropped
  std::uint64_t receive_calls = 0;     // recvmmsg calls that brought something
  std::uint64_t sent = 0;              // datagrams that the kernel took
  std::uint64_t sent_bytes = 0;
  std::uint64_t send_calls = 0;         // sendmmsg calls
  std::uint64_t segmented_runs = 0;     // runs sent with UDP_SEGMENT
  std::uint64_t send_queued = 0;        // datagrams that had to wait for room
  std::uint64_t send_dropped_full = 0;  // dropped, oldest first, because the queue was full
  std::uint64_t send_recalled = 0;      // dropped by DropQueuedTo()
  std::uint64_t send_refused = 0;       // the kernel said no (no route, not permitted, too long)
};

class UdpSocket {
 public:
  // The datagrams of one recvmmsg, in order of arrival; their bytes may be written to and end with the call.
  using ReceiveCallback = std::function<void(std::span<const ReceivedDatagram>)>;

  // Binds, non-blocking, with path MTU discovery off (DF is never set, forged ICMP is ignored).
  static Result<std::unique_ptr<UdpSocket>> Bind(Loop& loop, const UdpOptions& options);
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;
  // Safe from within the receive callback.
  ~UdpSocket();

  // The bound address, with the port that the system chose.
  [[nodiscard]] const SocketAddress& local() const;
  // Receiving starts here and lasts until StopReceiving() or the end of the socket. Not from within the
  // receive callback.
  void StartReceiving(ReceiveCallback callback);
  void StopReceiving();

  // Sends all of `batch` in order, from each entry's local address. What the kernel can't take now is
  // copied and sent when it can. The batch is the caller's again at return. Never fails: counters tell.
  void Send(const DatagramBatch& batch);

  // What still waits for `to` is never sent: a viewer that lost its right gets nothing handed over before.
  void DropQueuedTo(const SocketAddress& to);

  [[nodiscard]] const UdpCounters& counters() const;
  // Whether UDP_SEGMENT is still in use.
  [[nodiscard]] bool segmentation() const;
  [[nodiscard]] std::size_t queued() const;
  // SO_RCVBUF as granted, in bytes.
  [[nodiscard]] int receive_buffer() const;

 private:
  struct Impl;
  explicit UdpSocket(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey::platform
