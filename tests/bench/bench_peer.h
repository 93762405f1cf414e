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
    std::function<void()> on_connected = nullptr;
    std::function<void(const media::RtcSession::Frame&)> on_frame = nullptr;
    // All of the last SendFrame() has gone, whatever waits behind it; the instant just before its last
    // datagram went to the kernel.
    std::function<void(Instant)> on_sent = nullptr;
    // Each datagram, as it came from the network; false: it is lost on the last metre.
    std::function<bool(ByteView bytes, Instant arrived)> on_datagram = nullptr;
    // The session failed, or the server ended it. Without this the program ends with a message when it fails.
    std::function<void()> on_ended = nullptr;
  };

  // `per_millisecond`: datagrams sent in one, as a link of that rate would; 0: all at once.
  BenchPeer(platform::Loop& loop, std::unique_ptr<media::RtcSession> session, Handlers handlers,
            std::size_t per_millisecond = 0);

  [[nodiscard]] std::string Offer() { return session_->MakeOffer({}); }
  // Ends the program with a message when the answer can't be used, or later when the session fails. `ours`:
  // not empty when the server made the offer (RtcSession::HandleOffer).
  void Answer(std::string_view sdp, std::string_view ours = {});
  // Says goodbye and falls silent.
  void Silence();

  [[nodiscard]] media::RtcSession& session() { return *session_; }
  [[nodiscard]] const media::RtcSession& session() const { return *session_; }
  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] Instant connected_at() const { return connected_at_; }
  // Sends what the session has, as fast as it may. The instant just before the last datagram went to the
  // kernel.
  Instant Flush();
  // The same, with this frame as the last of it.
  void SendFrame(const media::MediaFrame& frame);

 private:
  void OnReadable();
  void AfterInput();
  Instant Go();
  Instant SendQueued();

  platform::Loop& loop_;
  std::unique_ptr<media::RtcSession> session_;
  Handlers handlers_;
  StampedSocket socket_;
  platform::Poller poller_;
  platform::Timer timer_;
  platform::Timer pace_;
  std::size_t per_millisecond_;
  DatagramBatch batch_;
  std::size_t sent_of_batch_ = 0;
  std::size_t frame_end_ = 0;  // of the batch: where the last SendFrame() ends; 0: it is told
  Instant connected_at_;
  bool connected_ = false;
};

}  // namespace latchkey::bench
