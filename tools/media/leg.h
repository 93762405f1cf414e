// One session on a real socket: datagrams between socket and session, through the impairments, on time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "daemon/base/datagram.h"
#include "platform/loop/deferred.h"
#include "platform/loop/loop.h"
#include "platform/loop/timer.h"
#include "platform/net/udp_socket.h"
#include "tools/media/impair.h"
#include "tools/media/rtc_session.h"

namespace latchkey::media {

class Leg {
 public:
  // `on_progress` runs after every input that the session took: look at its state, frames and wishes then.
  using Progress = std::function<void()>;

  // Binds a UDP socket: on 127.0.0.1 when `loopback`, else on every address of both families.
  static Result<std::unique_ptr<Leg>> Open(platform::Loop& loop, std::unique_ptr<RtcSession> session,
                                           const ImpairOptions& impairments, bool loopback,
                                           Progress on_progress);
  Leg(const Leg&) = delete;
  Leg& operator=(const Leg&) = delete;

  [[nodiscard]] RtcSession& session() { return *session_; }
  // Where our socket is reached, for the offer.
  [[nodiscard]] std::vector<SocketAddress> Candidates() const;
  // Sends what the session has; to be called after the session was used from outside on_progress.
  void Flush();
  // Of both directions: towards the hub, from the hub.
  [[nodiscard]] const ImpairCounters& outbound() const { return outbound_.counters(); }
  [[nodiscard]] const ImpairCounters& inbound() const { return inbound_.counters(); }

 private:
  Leg(platform::Loop& loop, std::unique_ptr<RtcSession> session, const ImpairOptions& impairments,
      bool loopback, Progress on_progress);
  void Receive(std::span<const ReceivedDatagram> datagrams);
  void OnTimer();
  void Input(const SocketAddress& from, MutableByteView bytes);
  void Transmit();
  void Rearm();

  platform::Loop& loop_;
  std::unique_ptr<RtcSession> session_;
  bool impaired_;
  bool loopback_;
  bool end_told_ = false;
  Impairment outbound_;
  Impairment inbound_;
  Progress on_progress_;
  DatagramBatch batch_;
  platform::Timer timer_;
  std::unique_ptr<platform::UdpSocket> socket_;
};

}  // namespace latchkey::media
