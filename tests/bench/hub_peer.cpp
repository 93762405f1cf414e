#include "tests/bench/hub_peer.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace latchkey::bench {

HubPeer::HubPeer(platform::Loop& loop, media::HttpClient& http, std::unique_ptr<media::RtcSession> session,
                 std::string url, Handlers handlers)
    : BenchPeer(loop, std::move(session), std::move(handlers)),
      loop_(loop),
      http_(http),
      url_(std::move(url)) {}

void HubPeer::Start() {
  posted_at_ = loop_.Now();
  http_.Post(url_, Offer(), [this](const media::HttpReply& reply) { OnReply(reply); });
}

void HubPeer::OnReply(const media::HttpReply& reply) {
  if (reply.status != 201) {
    std::fprintf(stderr, "bench: %s: %s\n", url_.c_str(), media::DescribeRefusal(reply).c_str());
    std::exit(1);
  }
  location_ = reply.location;
  Answer(reply.body);
}

void HubPeer::Stop(std::function<void()> done) {
  Silence();
  if (location_.empty()) {
    done();
    return;
  }
  http_.Delete(location_, [done = std::move(done)](const media::HttpReply&) { done(); });
}

}  // namespace latchkey::bench
