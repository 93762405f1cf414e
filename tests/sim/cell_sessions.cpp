// The keeper's conversation with its lane: publishing, viewing, epochs, wraps.
#include <algorithm>
#include <string>

#include "tests/sim/cell.h"
#include "tests/sim/violation.h"

namespace latchkey::sim {
namespace {

constexpr auto kListen = static_cast<std::uint8_t>(wire::Rights::kListen);
constexpr Duration kRetry = seconds(1);
// Of most wraps; they are renewed halfway.
constexpr Duration kWrapLife = seconds(240);

template <class Message>
const Message* Find(const std::vector<wire::LaneToKeeper>& messages) {
  for (const auto& message : messages) {
    if (const auto* found = std::get_if<Message>(&message)) return found;
  }
  return nullptr;
}

}  // namespace

void Cell::StartLane() {
  const double interval = ToSeconds(plan_.camera.Interval());
  config_.loopback = true;
  config_.cache_bytes = 1024 * 1024;
  config_.cache_frames = plan_.cache_frames;
  config_.cache_age = seconds(30);
  config_.max_viewers = 8;
  config_.max_bitrate_kbit = 4000;
  config_.hold_least = milliseconds(60);
  config_.hold_most = milliseconds(1000);
  config_.stale_after = std::max<Duration>(milliseconds(500), Seconds(interval * 2.5));
  config_.unavailable_after = std::max<Duration>(seconds(2), Seconds(interval * 5));
  lane_ = std::make_unique<lane::Lane>(config_, lane::Reach{{hub_address_}}, hub_.ports(), now_);
}

// Returns what the lane answered; all else goes its way.
std::vector<wire::LaneToKeeper> Cell::Tell(wire::KeeperToLane message) {
  for (auto& waiting : std::exchange(inbox_, {})) On(waiting);
  lane_->HandleMessage(std::move(message), now_, wall());
  After();
  return std::exchange(inbox_, {});
}

void Cell::On(wire::LaneToKeeper& message) {
  if (const auto* shown = std::get_if<wire::KeyShown>(&message)) {
    lane_->HandleMessage(wire::KeyAdmitted{shown->session, shown->stream_key}, now_, wall());
    After();
  } else if (std::holds_alternative<wire::EpochWanted>(message)) {
    epoch_at_ = now_ + Seconds(Between(random_, 0, 0.3));
  } else if (const auto* failed = std::get_if<wire::OpenFailed>(&message)) {
    throw Violation("a sealed frame did not open: frame " + std::to_string(failed->frame.value));
  }
}

void Cell::OnStatus(const wire::LaneStatus& status) {
  told_state_ = status.state;
  told_reason_ = status.reason;
  Demand(status.cache_bytes <= std::max<std::uint64_t>(config_.cache_bytes, cache::CacheLimits::kMinBytes),
         "the cache holds more bytes than it may");
  Demand(status.cache_frames <= config_.cache_frames, "the cache holds more frames than it may");
  Demand(status.viewers <= config_.max_viewers, "more viewers than may be");
  // At its limits the cache drops the oldest frame even if a viewer on a slow leg is amid it.
  const bool tight = now_ < burst_until_ || status.cache_bytes > config_.cache_bytes / 4 * 3 ||
                     status.cache_frames > config_.cache_frames / 4 * 3;
  for (auto& slot : slots_) {
    if (slot->viewer) slot->viewer->audit.SetTight(tight);
  }
  // Fresh or nothing: what was half sent of an older picture is not gone on with.
  if (status.state != wire::CameraState::kUnavailable) return;
  for (auto& slot : slots_) {
    if (slot->viewer) slot->viewer->audit.MayBreakOff();
  }
}

void Cell::OnEnded(const wire::SessionEnded& ended) {
  if (camera_session_ == ended.session) {
    camera_session_.reset();
    return;
  }
  Slot* slot = FindSession(ended.session);
  if (slot != nullptr) EndView(*slot);
}

void Cell::EndView(Slot& slot) {
  slot.viewer.reset();
  slot.vanished = false;
  slot.renew_at = slot.connected_since = slot.granted_since = Instant::max();
  slot.ask_at = now_ + kRetry;
  slot.wanted_since = now_;
  slot.run_since.reset();
  slot.timing.reset();
  slot.checked.clear();
  slot.proved.clear();
  slot.roams_until = {};
}

void Cell::Publish() {
  publish_at_ = now_ + kRetry;
  if (!camera_.over() || camera_leg_.parted()) return;
  const std::string sdp = camera_.Offer();
  wire::PublishOffer offer = keeper_.Publish(sdp, camera_.life());
  const SessionId session = offer.session;
  const auto replies = Tell(std::move(offer));
  const auto* answer = Find<wire::PublishAnswer>(replies);
  if (answer == nullptr) {
    const auto* refused = Find<wire::Refused>(replies);
    Demand(refused != nullptr && refused->http_status == 409, "a camera's offer is refused for no reason");
    ++tally_.refused;
    return;
  }
  keeper_.Published();
  camera_session_ = session;
  boot_ = camera_.microphone().boot();
  ++tally_.publishes;
  camera_.Begin(sdp, answer->answer.str(), now_);
  AfterEpoch();
}

// Every session needs a wrap of the new epoch; the keeper takes its time.
void Cell::AfterEpoch() {
  ++tally_.epochs;
  epoch_at_ = Instant::max();
  life_since_ = now_;
  for (auto& slot : slots_) {
    if (!slot->viewer) continue;
    slot->viewer->audit.MayBreakOff();
    slot->granted_since = Instant::max();
    if (slot->session.renews) slot->renew_at = now_ + Seconds(Between(random_, 0, 0.3));
  }
}

void Cell::BeginEpoch() {
  // Unless the lane asked for it, it still takes the source that it knows, whatever the camera is by now.
  const bool wanted = epoch_at_ != Instant::max();
  epoch_at_ = Instant::max();
  if (!camera_session_) return;
  // A frame of the epoch before may be half sent: what leaves from here on may break it off.
  auto begin = keeper_.NextEpoch(wanted ? life_at_lane_ : keeper_.life());
  for (auto& waiting : Tell(std::move(begin))) On(waiting);
  AfterEpoch();
}

SocketAddress Cell::NextAddress() {
  const SocketAddress address{IpAddress::V4({10, 1, static_cast<std::uint8_t>(mark_), 3}), next_port_};
  next_port_ = next_port_ == 65535 ? 50000 : static_cast<std::uint16_t>(next_port_ + 1);
  return address;
}

void Cell::View(Slot& slot, MixUp mixup) {
  slot.ask_at = now_ + Seconds(Between(random_, 1, 3));
  if (slot.leg.parted()) return;
  Viewer viewer(slot.machine, NextAddress(), mark_, slot.hears);
  Keeper::Session session;
  const std::string sdp = viewer.Offer();
  auto replies = Tell(keeper_.View(sdp, session));
  if (slot.listens) session.rights |= kListen;
  const auto* parsed = Find<wire::ViewerParsed>(replies);
  if (parsed == nullptr) {
    Demand(Find<wire::Refused>(replies) != nullptr, "a viewer's offer has no reply");
    ++tally_.refused;
    return;
  }
  Demand(parsed->fingerprint == slot.machine.dtls().LocalFingerprint(), "another viewer's fingerprint");
  replies = Tell(keeper_.Admit(*parsed, session, wall() + kWrapLife, mixup));
  const auto* answer = Find<wire::ViewerAnswer>(replies);
  if (mixup != MixUp::kNone) {
    Demand(answer == nullptr, "a wrap that belongs elsewhere admits a viewer");
    ++tally_.mixups;
    return;
  }
  Demand(answer != nullptr, "a viewer with a good wrap is refused");
  ++tally_.views;
  slot.viewer.emplace(std::move(viewer));
  slot.session = std::move(session);
  Grant(slot);
  slot.viewer->endpoint.Begin(sdp, answer->answer.str(), now_);
  slot.granted_since = now_;
  slot.shown = Instant{};
  slot.renew_at = now_ + kWrapLife / 2;
}

void Cell::Grant(Slot& slot) {
  slot.viewer->audit.Grant(keeper_.life());
  slot.viewer->audit.sound.Grant(boot_, slot.session.listens());
}

void Cell::Renew(Slot& slot) {
  slot.renew_at = now_ + kWrapLife / 2;
  if (!slot.viewer || !slot.session.renews) return;
  if (slot.session.granted != keeper_.epoch()) slot.granted_since = now_;
  // A right may come or go with a renewal.
  if (random_.Chance(0.1)) {
    slot.listens = !slot.listens;
    slot.session.rights ^= kListen;
  }
  Grant(slot);
  for (auto& waiting : Tell(keeper_.Renew(slot.session, wall() + kWrapLife, MixUp::kNone))) On(waiting);
}

}  // namespace latchkey::sim
