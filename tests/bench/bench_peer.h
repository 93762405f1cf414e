// One client of the hub with a socket that says, by the kernel's own stamp, when each datagram came: what a
// busy benchmark does with a packet afterwards does not count as the hub's delay.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "platform/loop/loop.h"
#include "platform/loop/poller.h"
#include "platform/loop/timer.h"
#include "platform/loop/unique_fd.h"
#include "tools/media/http_client.h"
#include "tools/media/rtc_session.h"

namespace latchkey::bench {

class BenchPeer {
 public:
  struct Handlers {
    std::function<void()> on_connected;
    std::function<void(const media::RtcSession::Frame&)> on_frame;
  };

  BenchPeer(platform::Loop& loop, media::HttpClient& http, std::unique_ptr<media::RtcSession> session,
            std::string url, Handlers handlers);

  // POSTs the offer. Exits the program with a message when the hub refuses.
  void Start();
  void Stop(std::function<void()> done);

  [[nodiscard]] media::RtcSession& session() { return *session_; }
  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] Instant posted_at() const { return posted_at_; }
  [[nodiscard]] Instant connected_at() const { return connected_at_; }
  // Sends what the session has. The instant just before the last datagram went to the kernel.
  Instant Flush();

 private:
  void OnReadable();
  void OnAnswer(const media::HttpReply& reply);
  void AfterInput();

  platform::Loop& loop_;
  media::HttpClient& http_;
  std::unique_ptr<media::RtcSession> session_;
  std::string url_;
  Handlers handlers_;
  platform::UniqueFd socket_;
  platform::Poller poller_;
  platform::Timer timer_;
  DatagramBatch batch_;
  std::string location_;
  Instant posted_at_;
  Instant connected_at_;
  bool connected_ = false;
};

}  // namespace latchkey::bench
