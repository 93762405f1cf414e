// Admission of viewers, their wraps, and the pump that feeds them.
#include <algorithm>
#include <utility>

#include "daemon/lane/lane.h"

namespace latchkey::lane {

std::optional<std::string_view> Lane::WhyNoPicture(Instant now) const {
  if (suspended_) return "This camera is suspended.";
  switch (StateAt(now).state) {
    case wire::CameraState::kLive:
    case wire::CameraState::kStale: return std::nullopt;
    case wire::CameraState::kConnecting:
      return "The camera is connecting; its first picture is not there yet.";
    case wire::CameraState::kSuspended:
    case wire::CameraState::kUnavailable:
    case wire::CameraState::kCount: break;
  }
  return camera_ ? "No fresh picture comes from the camera." : "The camera is off or out of reach.";
}

void Lane::On(wire::ViewerOffer message, Instant now, WallTime) {
  if (const auto why = WhyNoPicture(now)) return Refuse(message.ticket, 503, *why);
  if (viewers_.size() + pending_.size() >= config_.max_viewers) {
    return Refuse(
        message.ticket, 503,
        "As many are watching this camera as it allows (limits.viewers_per_camera). Close another view.");
  }
  if (pending_.size() >= kMaxPendingViewers) {
    return Refuse(message.ticket, 503, "Too many viewers are joining at this moment. Try again.");
  }
  auto offer = peer::ParseViewerOffer(message.offer.str());
  if (!offer) return Refuse(message.ticket, offer.error().http_status, offer.error().detail);
  wire::ViewerParsed parsed;
  parsed.ticket = message.ticket;
  parsed.session = message.session;
  parsed.fingerprint = offer->transport.remote_fingerprint;
  pending_.push_back({message.ticket, message.session, std::move(*offer), now + kPendingLife});
  messages_.emplace_back(std::move(parsed));
}

// The context is built from what the lane knows itself; only the rights and the end are the keeper's word,
// and both are under the wrap's tag. A mix-up of camera, epoch, offer, viewer or reply does not open.
std::optional<access::Grant> Lane::Unwrap(const Secret32& key, const wire::WrapBytes& wrap, Epoch epoch,
                                          const ports::Fingerprint& fingerprint, std::uint8_t rights,
                                          WallTime not_after, WallTime wall) {
  if (epoch != epoch_) return std::nullopt;
  access::WrapContext context;
  context.camera = config_.camera;
  context.epoch = epoch_;
  context.viewer_fingerprint = fingerprint;
  context.rights = rights;
  context.not_after = not_after;
  return access::UnwrapGrant(ports_.crypto, key, wrap, context, wall);
}

void Lane::On(wire::ViewerAdmit message, Instant now, WallTime wall) {
  const auto found = std::find_if(pending_.begin(), pending_.end(),
                                  [&](const PendingViewer& p) { return p.session == message.session; });
  // Forgotten here after kPendingLife, or never parsed here.
  if (found == pending_.end()) return Refuse(message.ticket, 503, "The request took too long. Try again.");
  // Another question's ticket: that reply belongs to nobody (invariant 10).
  if (found->ticket != message.ticket) return;
  const PendingViewer pending = std::move(*found);
  pending_.erase(found);
  auto grant = Unwrap(message.derived_key, message.wrap, message.epoch,
                      pending.offer.transport.remote_fingerprint, message.rights, message.not_after, wall);
  if (!grant) return Refuse(message.ticket, 503, "The camera has just begun anew. Try again.");
  if (const auto why = WhyNoPicture(now)) return Refuse(message.ticket, 503, *why);
  const peer::IceCredentials credentials = peer::MakeIceCredentials(ports_.entropy);
  auto answer =
      peer::AnswerViewerOffer(pending.offer, camera_->media(), LocalSide(credentials), ports_.entropy);
  if (!answer) return Refuse(message.ticket, answer.error().http_status, answer.error().detail);
  auto session = egress::ViewerSession::Make(message.session, answer->plan, credentials,
                                             std::move(message.derived_key), std::move(*grant), ports_, now);
  if (!session) return Refuse(message.ticket, 500, session.error().message);
  wire::ViewerAnswer reply;
  reply.ticket = message.ticket;
  reply.session = message.session;
  reply.etag = MakeEtag();
  reply.answer = answer->sdp;
  viewers_.push_back({std::make_unique<egress::ViewerSession>(std::move(*session)), reply.etag.str()});
  messages_.emplace_back(std::move(reply));
}

void Lane::On(wire::WrapRenewal message, Instant, WallTime wall) {
  Viewer* viewer = FindViewer(message.session);
  if (viewer == nullptr) return;  // it ended while the renewal was under way
  egress::ViewerSession& session = *viewer->session;
  auto grant = Unwrap(session.derived_key(), message.wrap, message.epoch,
                      session.plan().transport.remote_fingerprint, message.rights, message.not_after, wall);
  // One that does not open changes nothing: the session ends with the wrap that it has.
  if (grant) session.Renew(std::move(*grant));
}

void Lane::ServeViewers(Instant now, WallTime wall) {
  for (std::size_t i = viewers_.size(); i-- > 0;) {
    egress::ViewerSession& viewer = *viewers_[i].session;
    viewer.HandleTimeout(now, wall, batch_);
    if (const auto reason = viewer.ended(wall)) EndViewer(i, *reason);
  }
  PumpViewers(now, wall);
}

void Lane::PumpViewers(Instant now, WallTime wall) {
  more_to_pump_ = false;
  // Fresh or nothing (invariant 2): what is in the cache of a silent camera is shown to nobody.
  if (WhyNoPicture(now)) {
    for (Viewer& viewer : viewers_) viewer.session->Hold(now);
    return;
  }
  const egress::Turn turn{cache_, open_buffer_, batch_, kTurnBytes, now, wall};
  const std::size_t count = viewers_.size();
  if (count > 0 && now - pump_rotated_ >= kPumpRotation) {
    pump_rotated_ = now;
    pump_from_ = (pump_from_ + 1) % count;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t index = (pump_from_ + i) % count;
    egress::ViewerSession& viewer = *viewers_[index].session;
    const auto outcome = viewer.Pump(turn, sent_arrivals_);
    if (viewer.TakeKeyframeWanted(now)) camera_->WantKeyframe(now);
    if (outcome == egress::ViewerSession::PumpOutcome::kOpenFailed) {
      return OpenFailed(viewer.id(), viewer.failed_frame());
    }
    if (outcome == egress::ViewerSession::PumpOutcome::kMore) {
      more_to_pump_ = true;
      return;
    }
  }
}

void Lane::EndViewer(std::size_t index, wire::SessionEndReason reason) {
  egress::ViewerSession& viewer = *viewers_[index].session;
  wire::SessionEnded ended;
  ended.session = viewer.id();
  ended.reason = reason;
  ended.frames = viewer.frames();
  ended.packets = viewer.packets();
  ended.lost = viewer.lost();
  ended_packets_out_ += ended.packets;
  ended_packets_resent_ += viewer.resent();
  ended_frames_skipped_ += viewer.skipped();
  if (const auto path = viewer.transport().path()) silenced_.push_back(path->remote);
  viewer.Close(batch_);
  addresses_.Forget(viewer.id());
  viewers_.erase(viewers_.begin() + static_cast<std::ptrdiff_t>(index));
  pump_from_ = 0;
  messages_.emplace_back(std::move(ended));
}

}  // namespace latchkey::lane
