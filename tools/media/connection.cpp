#include "tools/media/connection.h"

#include <algorithm>
#include <utility>

namespace latchkey::media {
namespace {

bool MayPass(long status) {
  return status == 0 || status == 408 || status == 409 || status == 429 || status >= 500;
}

bool IsLoopback(const std::string& url) {
  const std::string host = HostOf(url);
  if (host == "localhost") return true;
  const auto ip = IpAddress::Parse(host);
  return ip && ip->is_v4() && ip->IsLoopback();
}

}  // namespace

void Add(SessionFigures& sum, const SessionFigures& part) {
  sum.sent.frames += part.sent.frames;
  sum.sent.keyframes += part.sent.keyframes;
  sum.sent.packets += part.sent.packets;
  sum.sent.payload_bytes += part.sent.payload_bytes;
  sum.sent.nacked += part.sent.nacked;
  sum.sent.retransmitted += part.sent.retransmitted;
  sum.sent.plis += part.sent.plis;
  sum.received.packets += part.received.packets;
  sum.received.payload_bytes += part.received.payload_bytes;
  sum.received.duplicates += part.received.duplicates;
  sum.received.repaired += part.received.repaired;
  sum.received.lost += part.received.lost;
  sum.received.nacked += part.received.nacked;
  sum.received.frames += part.received.frames;
  sum.received.frames_damaged += part.received.frames_damaged;
  sum.received.keyframes += part.received.keyframes;
  sum.audio_packets += part.audio_packets;
  sum.nack_messages += part.nack_messages;
  sum.plis_sent += part.plis_sent;
  sum.round_trip = part.round_trip ? part.round_trip : sum.round_trip;
  sum.reported_loss = part.reported_loss;
  sum.remb_bps = part.remb_bps;
  sum.dropped += part.dropped;
}

void Add(ImpairCounters& sum, const ImpairCounters& part) {
  sum.offered += part.offered;
  sum.lost += part.lost;
  sum.queue_dropped += part.queue_dropped;
  sum.duplicated += part.duplicated;
  sum.held_back += part.held_back;
}

Connection::Connection(platform::Loop& loop, HttpClient& http, SessionPorts ports, ConnectionOptions options,
                       Handlers handlers)
    : loop_(loop),
      http_(http),
      ports_(ports),
      options_(std::move(options)),
      handlers_(std::move(handlers)),
      retry_(loop, [this] { Attempt(); }) {}

void Connection::Start() {
  Attempt();
}

void Connection::Trouble(const std::string& why) {
  if (why == last_trouble_) return;
  last_trouble_ = why;
  handlers_.on_trouble(why);
}

void Connection::Attempt() {
  auto session = options_.publish ? std::make_unique<RtcSession>(ports_, *options_.publish)
                                  : std::make_unique<RtcSession>(ports_);
  ImpairOptions impairments = options_.impairments;
  impairments.seed += 2 * attempt_++;
  auto leg =
      Leg::Open(loop_, std::move(session), impairments, IsLoopback(options_.url), [this] { OnProgress(); });
  if (!leg) {
    Trouble(leg.error().message);
    return RetryLater();
  }
  leg_ = std::move(*leg);
  posting_ = true;
  if (!first_post_) first_post_ = loop_.Now();
  http_.Post(options_.url, leg_->session().MakeOffer(leg_->Candidates()),
             [this](HttpReply reply) { OnPosted(std::move(reply)); });
}

void Connection::OnPosted(HttpReply reply) {
  posting_ = false;
  last_status_ = reply.status;
  const bool accepted = reply.status == 201 || reply.status == 200;
  if (accepted) location_ = SameOrigin(options_.url, reply.location) ? reply.location : "";
  if (stopping_) return EndWith(std::exchange(done_, {}));
  if (!accepted) {
    Retire();
    const std::string why = DescribeRefusal(reply);
    // Once connected, only what says "you may not" is final; before that, whatever the caller won't wait for.
    if (!MayPass(reply.status) || (!options_.patient && !ever_connected_)) {
      retry_.Stop();
      return handlers_.on_fatal(why);
    }
    Trouble(why);
    return RetryLater();
  }
  if (auto status = leg_->session().HandleAnswer(reply.body, loop_.Now()); !status) {
    return Lose("the hub's answer can't be used: " + status.error().message);
  }
  leg_->Flush();
}

void Connection::OnProgress() {
  if (!leg_) return;
  RtcSession& session = leg_->session();
  if (session.state() == TransportState::kConnected && !connected_) {
    connected_ = true;
    ever_connected_ = true;
    ++sessions_;
    delay_ = kFirstDelay;
    last_trouble_.clear();
    handlers_.on_connected();
  }
  while (auto frame = session.PollFrame()) handlers_.on_frame(std::move(*frame));
  if (session.TakeKeyframeRequest() && handlers_.on_keyframe_wanted) handlers_.on_keyframe_wanted();
  if (stopping_) return;
  if (session.state() == TransportState::kFailed) Lose(session.failure());
  if (session.state() == TransportState::kClosed) Lose("the hub ended the session");
}

void Connection::Lose(const std::string& why) {
  DeleteSession();
  Trouble(why);
  Retire();
  RetryLater();
}

// The leg may be in the middle of a callback: it is let go at the end of the loop's round.
void Connection::Retire() {
  connected_ = false;
  if (!leg_) return;
  Add(retired_, leg_->session().Figures());
  Add(retired_impaired_, leg_->outbound());
  Add(retired_impaired_, leg_->inbound());
  loop_.DeleteLater(std::move(leg_));
}

void Connection::RetryLater() {
  if (stopping_) return;
  retry_.StartAfter(delay_);
  delay_ = std::min(delay_ * 2, kLongestDelay);
}

void Connection::DeleteSession() {
  if (location_.empty()) return;
  http_.Delete(std::exchange(location_, {}), [](HttpReply) {});
}

void Connection::Stop(std::function<void()> done) {
  stopping_ = true;
  retry_.Stop();
  if (leg_ && connected_) {
    leg_->session().Close();
    leg_->Flush();
  }
  // The answer under way may make a session that wants to be ended.
  if (posting_) {
    done_ = std::move(done);
    return;
  }
  EndWith(std::move(done));
}

void Connection::EndWith(std::function<void()> done) {
  if (location_.empty()) return done();
  http_.Delete(std::exchange(location_, {}), [done = std::move(done)](HttpReply) { done(); });
}

void Connection::Flush() {
  if (leg_) leg_->Flush();
}

SessionFigures Connection::Figures() const {
  SessionFigures sum = retired_;
  if (leg_) Add(sum, leg_->session().Figures());
  return sum;
}

ImpairCounters Connection::impaired() const {
  ImpairCounters sum = retired_impaired_;
  if (leg_) {
    Add(sum, leg_->outbound());
    Add(sum, leg_->inbound());
  }
  return sum;
}

}  // namespace latchkey::media
