// A BenchPeer that publishes to the hub by WHIP or views by WHEP.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "tests/bench/bench_peer.h"
#include "tools/media/http_client.h"

namespace latchkey::bench {

class HubPeer : public BenchPeer {
 public:
  HubPeer(platform::Loop& loop, media::HttpClient& http, std::unique_ptr<media::RtcSession> session,
          std::string url, Handlers handlers);

  // POSTs the offer. Ends the program with a message when the hub refuses.
  void Start();
  // Ends the session and DELETEs it.
  void Stop(std::function<void()> done);
  [[nodiscard]] Instant posted_at() const { return posted_at_; }

 private:
  void OnReply(const media::HttpReply& reply);

  platform::Loop& loop_;
  media::HttpClient& http_;
  std::string url_;
  std::string location_;
  Instant posted_at_;
};

}  // namespace latchkey::bench
