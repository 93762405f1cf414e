// One client of a server under test, on a stamped socket: it offers, takes the answer, and then sends or
// receives media. How offer and answer travel is its owner's business.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "platform/loop/loop.h"
#include "platform/loop/poller.h"
#include "platform/loop/timer.h"
#include "tests/bench/stamped_socket.h"
#include "tools/media/rtc_session.h"

namespace latchkey::bench {

class BenchPeer {
 public:
  struct Handlers {
    std::function<void()> on_connected;
    std::function<void(const media::RtcSession::Frame&)> on_frame;
  };

  BenchPeer(platform::Loop& loop, std::unique_ptr<media::RtcSession> session, Handlers handlers);

  [[nodiscard]] std::string Offer() { return session_->MakeOffer({}); }
  // Ends the program with a message when the answer can't be used, or later when the session fails.
  void Answer(std::string_view sdp);
  // Says goodbye and falls silent.
  void Silence();

  [[nodiscard]] media::RtcSession& session() { return *session_; }
  [[nodiscard]] const media::RtcSession& session() const { return *session_; }
  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] Instant connected_at() const { return connected_at_; }
  // Sends what the session has. The instant just before the last datagram went to the kernel.
  Instant Flush();

 private:
  void OnReadable();
  void AfterInput();

  platform::Loop& loop_;
  std::unique_ptr<media::RtcSession> session_;
  Handlers handlers_;
  StampedSocket socket_;
  platform::Poller poller_;
  platform::Timer timer_;
  DatagramBatch batch_;
  Instant connected_at_;
  bool connected_ = false;
};

}  // namespace latchkey::bench
