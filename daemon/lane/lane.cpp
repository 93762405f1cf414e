#include "daemon/lane/lane.h"

#include <algorithm>
#include <utility>

namespace latchkey::lane {
namespace {

cache::CacheLimits Limits(const wire::LaneConfig& config) {
  cache::CacheLimits limits;
  limits.bytes = config.cache_bytes;
  limits.frames = config.cache_frames;
  limits.age = config.cache_age;
  return limits;
}

}  // namespace

Lane::Lane(const wire::LaneConfig& config, Reach reach, const LanePorts& ports, Instant now)
    : config_(config),
      reach_(std::move(reach)),
      ports_(ports),
      cache_(config.camera, Limits(config)),
      epoch_began_(now),
      now_(now),
      next_status_(now),
      delays_since_(now) {}

void Lane::HandleMessage(wire::KeeperToLane message, Instant now, WallTime wall) {
  std::visit([&](auto& m) { On(std::move(m), now, wall); }, message);
  Turn(now, wall);
}

void Lane::HandleDatagrams(std::span<const ReceivedDatagram> datagrams, Instant now, WallTime wall) {
  for (const ReceivedDatagram& datagram : datagrams) {
    const DropReason reason = Dispatch(datagram, now);
    if (reason != DropReason::kNone) drops_.Add(reason);
  }
  Turn(now, wall);
}

void Lane::HandleTimeout(Instant now, WallTime wall) {
  Turn(now, wall);
}

void Lane::Turn(Instant now, WallTime wall) {
  now_ = now;
  ServeCamera(now);
  ServeViewers(now, wall);
  std::erase_if(pending_, [&](const PendingViewer& p) { return now >= p.deadline; });
  Report(now);
}

Instant Lane::NextDeadline() const {
  if (more_to_pump_) return now_;
  Instant deadline = next_status_;
  const auto sooner = [&deadline](std::optional<Instant> at) {
    if (at && *at < deadline) deadline = *at;
  };
  if (camera_) sooner(camera_->NextDeadline());
  for (const Viewer& viewer : viewers_) sooner(viewer.session->NextDeadline());
  for (const PendingViewer& pending : pending_) sooner(pending.deadline);
  sooner(state_change_);
  return deadline;
}

void Lane::DatagramsSent(Instant now) {
  for (const Instant whole : sent_arrivals_) delays_.Add(now - whole);
  sent_arrivals_.clear();
  batch_.Clear();
}

std::vector<wire::LaneToKeeper> Lane::TakeMessages() {
  return std::exchange(messages_, {});
}

std::vector<SocketAddress> Lane::TakeSilenced() {
  return std::exchange(silenced_, {});
}

// The one channel's first message made this lane; another is the keeper's bug.
void Lane::On(wire::LaneConfig, Instant, WallTime) {
  LATCHKEY_CHECK(false);
}

void Lane::Refuse(const wire::Ticket& ticket, std::uint16_t http_status, std::string_view detail) {
  struct Title {
    std::uint16_t status;
    const char* text;
  };
  constexpr Title kTitles[] = {{400, "bad offer"},
                               {404, "no such session"},
                               {406, "nothing usable"},
                               {409, "already publishing"},
                               {412, "precondition failed"},
                               {413, "too large"},
                               {428, "precondition required"},
                               {503, "currently unavailable"}};
  wire::Refused refused;
  refused.ticket = ticket;
  refused.http_status = http_status;
  refused.title = "internal error";
  for (const Title& title : kTitles) {
    if (title.status == http_status) refused.title = title.text;
  }
  refused.detail = detail;
  if (http_status == 503 || http_status == 409) refused.retry_after_s = 2;
  messages_.emplace_back(std::move(refused));
}

bool Lane::IsConsistent() const {
  if (!addresses_.IsConsistent(peer::kMaxPairs) || !cache_.IsConsistent()) return false;
  if (viewers_.size() > config_.max_viewers || pending_.size() > kMaxPendingViewers) return false;
  if (suspended_ && (camera_ || !viewers_.empty() || cache_.size() != 0)) return false;
  if (cache_.epoch().value != 0 && cache_.epoch() != epoch_) return false;
  if (camera_ && !camera_->IsConsistent()) return false;
  return std::all_of(viewers_.begin(), viewers_.end(),
                     [](const Viewer& v) { return v.session->IsConsistent(); });
}

}  // namespace latchkey::lane
