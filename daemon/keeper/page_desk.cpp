#include "daemon/keeper/page_desk.h"

#include <algorithm>
#include <string>
#include <utility>

#include "daemon/access/policy.h"
#include "daemon/audit/chain.h"

namespace latchkey::keeper {

void PageDesk::Subscribe(const wire::Ticket& ticket, const ports::TokenDigest& digest, Instant now,
                         WallTime wall) {
  const auto same = std::count_if(subscriptions_.begin(), subscriptions_.end(), [&](const auto& s) {
    return s.second.ticket.principal == ticket.principal;
  });
  if (subscriptions_.size() >= kMaxSubscriptions ||
      static_cast<std::size_t>(same) >= kMaxSubscriptionsPerToken) {
    books_.Refuse(ticket, TooManyPages());
    return;
  }
  if (!SendList(ticket, digest, WhoWatches(), now, wall)) return;
  if (subscriptions_.empty()) last_push_ = now;  // this list was one
  subscriptions_.emplace(ticket.request, Subscription{ticket, digest});
}

void PageDesk::Unsubscribe(const wire::Ticket& ticket) {
  const auto at = subscriptions_.find(ticket.request);
  if (at != subscriptions_.end() && at->second.ticket == ticket) subscriptions_.erase(at);
}

void PageDesk::List(const wire::Ticket& ticket, const ports::TokenDigest& digest, Instant now,
                    WallTime wall) {
  (void)SendList(ticket, digest, WhoWatches(), now, wall);
}

PageDesk::Watched PageDesk::WhoWatches() const {
  Watched watched;
  for (const SessionId id :
       books_.sessions.Pick([](const Session& s) { return s.is_viewer() && s.answered; })) {
    const Session* session = books_.sessions.Find(id);
    watched[session->camera].insert(std::get<ViewerId>(session->owner));
  }
  return watched;
}

void PageDesk::NameOthers(wire::CameraView& view, const Watched& watched, ViewerId asker) const {
  const auto at = watched.find(view.id);
  if (at == watched.end()) return;
  std::vector<std::string> names;
  for (const ViewerId id : at->second) {
    const auto* viewer = id == asker ? nullptr : books_.registry.FindViewer(id);
    if (viewer != nullptr) names.push_back(viewer->name);
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    if (!view.watched_by.TryPush(name)) ++view.watched_by_more;
  }
}

bool PageDesk::SendList(const wire::Ticket& ticket, const ports::TokenDigest& digest, const Watched& watched,
                        Instant now, WallTime wall) {
  const auto owner = books_.registry.OwnerOf(digest);
  if (!owner) {
    books_.Refuse(ticket, UnknownToken());
    return false;
  }
  const auto* viewer = std::get_if<ViewerId>(&*owner);
  if (viewer == nullptr) {
    books_.Refuse(ticket, NotAViewersToken());
    return false;
  }
  wire::CameraList list;
  list.ticket = ticket;
  const auto visible = access::VisibleCameras(*viewer, wall, books_.registry.grants());
  const auto watchable = access::WatchableCameras(*viewer, wall, books_.registry.grants());
  for (const auto& camera : books_.registry.cameras()) {
    if (!std::binary_search(visible.begin(), visible.end(), camera.id)) continue;
    wire::CameraView view = View(camera, now);
    if (std::binary_search(watchable.begin(), watchable.end(), camera.id)) NameOthers(view, watched, *viewer);
    LATCHKEY_CHECK(list.cameras.TryPush(std::move(view)));
  }
  if (const auto& head = books_.audit.head()) list.head = audit::FormatHead(*head);
  books_.ToFrontNow(std::move(list));
  return true;
}

wire::CameraView PageDesk::View(const ports::CameraRecord& camera, Instant now) const {
  wire::CameraView view;
  view.id = camera.id;
  view.name = camera.name;
  view.picture_age_ms = 0xffffffff;
  if (const auto* suspension = books_.registry.SuspensionOf(camera.id)) {
    view.state = wire::CameraState::kSuspended;
    view.reason = wire::UnavailableReason::kSuspended;
    view.suspension = suspension->reason;
    return view;
  }
  if (books_.unrecorded) {
    view.reason = wire::UnavailableReason::kUnrecorded;
    return view;
  }
  const LaneSlot* lane = books_.Lane(camera.id);
  if (lane == nullptr || lane->state != LaneState::kReady || lane->told_to_suspend) {
    view.reason = wire::UnavailableReason::kLaneRestarting;
    return view;
  }
  if (!lane->status_at) {
    view.reason = wire::UnavailableReason::kCameraOffline;
    return view;
  }
  if (now - *lane->status_at > kStatusFresh) {
    view.reason = wire::UnavailableReason::kLaneRestarting;
    return view;
  }
  const wire::LaneStatus& status = lane->status;
  view.state = status.state;
  view.reason = status.reason;
  if (status.reason == wire::UnavailableReason::kCameraOffline) view.reason = lane->WhyOffline();
  view.picture_age_ms = status.picture_age_ms;
  view.fps_milli = status.fps_milli;
  view.bitrate_kbit = status.bitrate_kbit;
  view.loss_permille = status.loss_permille;
  view.hub_delay_us = status.hub_delay_us;
  view.viewers = status.viewers;
  return view;
}

void PageDesk::Push(Instant now, WallTime wall) {
  const auto next = NextPush();
  if (!next) books_.lists_changed = false;
  if (!next || now < *next) return;
  books_.lists_changed = false;
  last_push_ = now;
  std::vector<Subscription> all;
  all.reserve(subscriptions_.size());
  for (const auto& [request, subscription] : subscriptions_) all.push_back(subscription);
  const Watched watched = WhoWatches();
  for (const auto& subscription : all) {
    if (!SendList(subscription.ticket, subscription.digest, watched, now, wall)) {
      subscriptions_.erase(subscription.ticket.request);
    }
  }
}

std::optional<Instant> PageDesk::NextPush() const {
  if (subscriptions_.empty()) return std::nullopt;
  return last_push_ + (books_.lists_changed ? kPushSpacing : kPushPeriod);
}

}  // namespace latchkey::keeper
