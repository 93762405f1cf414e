#include "tests/bench/suspend_leg.h"

#include <charconv>
#include <string_view>
#include <utility>

namespace latchkey::bench {
namespace {

// Between two tries while the hub says no.
constexpr Duration kAgain = milliseconds(50);

// The port of the first candidate: "a=candidate:1 1 udp 2130706431 127.0.0.1 40000 typ host".
std::uint16_t PortOf(std::string_view sdp) {
  const std::size_t candidate = sdp.find("a=candidate:");
  if (candidate == std::string_view::npos) return 0;
  const std::string_view line = sdp.substr(candidate, sdp.find('\n', candidate) - candidate);
  const std::size_t end = line.find(" typ ");
  if (end == std::string_view::npos) return 0;
  const std::size_t begin = line.rfind(' ', end - 1) + 1;
  std::uint16_t port = 0;
  (void)std::from_chars(line.data() + begin, line.data() + end, port);
  return port;
}

}  // namespace

bool IsMedia(ByteView datagram) {
  if (datagram.size() < 12 || datagram[0] < 128 || datagram[0] > 191) return false;
  return datagram[1] < 192 || datagram[1] > 223;
}

SuspendLeg::SuspendLeg(platform::Loop& loop, media::RealPorts& ports, std::string url,
                       const std::string& token)
    : loop_(loop),
      ports_(ports),
      url_(std::move(url)),
      http_(loop, {.token = token, .ca_file = "", .insecure = false}),
      again_(loop, [this] { Post(); }) {}

void SuspendLeg::Restart() {
  Post();
}

BenchPeer::Handlers SuspendLeg::MakeHandlers() {
  BenchPeer::Handlers handlers;
  handlers.on_ended = [this] { ended_ = true; };
  return handlers;
}

void SuspendLeg::Post() {
  if (peer_) loop_.DeleteLater(std::move(peer_));
  ended_ = false;
  peer_ = std::make_unique<BenchPeer>(loop_, MakeSession(), MakeHandlers());
  http_.Post(url_, peer_->Offer(),
             [this, attempt = ++attempt_](const media::HttpReply& reply) { OnReply(attempt, reply); });
}

void SuspendLeg::OnReply(std::uint64_t attempt, const media::HttpReply& reply) {
  if (attempt != attempt_) return;  // of a session that was let go
  if (reply.status != 201) return again_.StartAfter(kAgain);
  hub_port_ = PortOf(reply.body);
  peer_->Answer(reply.body);
}

void SuspendLeg::Ask(std::function<void(const media::HttpReply&)> callback) {
  http_.Post(url_, MakeSession()->MakeOffer({}), std::move(callback));
}

SuspendCamera::SuspendCamera(platform::Loop& loop, media::RealPorts& ports, std::string url,
                             const std::string& token, const StreamShape& shape)
    : SuspendLeg(loop, ports, std::move(url), token), source_(shape), tick_(loop, [this] { Tick(); }) {}

void SuspendCamera::Film(Duration first_after) {
  next_frame_ = loop_.Now() + first_after;
  tick_.StartAt(next_frame_);
}

void SuspendCamera::Tick() {
  const Instant now = loop_.Now();
  while (next_frame_ <= now) {
    const bool wanted = up() && peer_->session().TakeKeyframeRequest();
    const media::MediaFrame frame = source_.Next(now, wanted);
    if (up()) peer_->SendFrame(frame);
    next_frame_ += source_.interval();
  }
  tick_.StartAt(next_frame_);
}

std::unique_ptr<media::RtcSession> SuspendCamera::MakeSession() {
  return std::make_unique<media::RtcSession>(ports_.session(), media::PublishMedia{});
}

SuspendViewer::SuspendViewer(platform::Loop& loop, media::RealPorts& ports, std::string url,
                             const std::string& token, double loss, std::uint32_t seed)
    : SuspendLeg(loop, ports, std::move(url), token), lost_(loss), random_(seed) {}

std::unique_ptr<media::RtcSession> SuspendViewer::MakeSession() {
  return std::make_unique<media::RtcSession>(ports_.session());
}

BenchPeer::Handlers SuspendViewer::MakeHandlers() {
  BenchPeer::Handlers handlers = SuspendLeg::MakeHandlers();
  handlers.on_datagram = [this](ByteView bytes, Instant arrived) {
    if (!IsMedia(bytes)) {
      arrivals_.others.push_back(arrived);
      return true;
    }
    arrivals_.last_media = arrived;
    ++arrivals_.media;
    return !lost_(random_);
  };
  return handlers;
}

}  // namespace latchkey::bench
