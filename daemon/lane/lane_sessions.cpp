// PATCH, the end of sessions, suspension.
#include <string_view>
#include <utility>

#include "daemon/lane/lane.h"
#include "daemon/wire/sdp_transport.h"

namespace latchkey::lane {
namespace {

// An entity tag without its quotes (RFC 9110 8.8.3). Weak ones never match (13.1.1), so W/ stays.
std::string_view Unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') return text.substr(1, text.size() - 2);
  return text;
}

}  // namespace

// RFC 9725 4.3: If-Match names the ICE session. Its own tag: trickled candidates, which a lite agent needs no
// more than to know that they parse. "*": a restart.
void Lane::On(wire::PatchOffer message, Instant, WallTime) {
  Viewer* viewer = FindViewer(message.session);
  const bool camera = IsCamera(message.session) && !camera_->enrolled();
  if (viewer == nullptr && !camera) {
    return Refuse(message.ticket, 404, "This session has ended. Begin a new one with POST.");
  }
  if (message.if_match.str().empty()) {
    return Refuse(message.ticket, 428,
                  "PATCH needs an If-Match header with the session's ETag, or \"*\" to restart.");
  }
  std::string& etag = viewer != nullptr ? viewer->etag : camera_etag_;
  const std::string_view match = Unquoted(message.if_match.str());
  const bool restart = match == "*";
  if (!restart && match != etag) {
    return Refuse(message.ticket, 412, "The If-Match header names another ICE session than the present one.");
  }
  if (const auto fragment = wire::ParseTrickleFragment(message.fragment.str()); !fragment) {
    return Refuse(message.ticket, 400, fragment.error().message);
  }
  wire::PatchAnswer reply;
  reply.ticket = message.ticket;
  reply.session = message.session;
  if (restart) {
    peer::Transport& transport = viewer != nullptr ? viewer->session->transport() : camera_->transport();
    const peer::MediaPlan& plan = viewer != nullptr ? viewer->session->plan() : camera_->plan();
    transport.Restart(peer::MakeIceCredentials(ports_.entropy));
    etag = MakeEtag();
    reply.fragment = peer::WriteRestartAnswer(plan.transport, LocalSide(transport.local_credentials()));
  }
  reply.etag = etag;
  messages_.emplace_back(std::move(reply));
}

void Lane::On(wire::SessionEnd message, Instant, WallTime) {
  std::erase_if(pending_, [&](const PendingViewer& p) { return p.session == message.session; });
  if (IsCamera(message.session)) return EndCamera(wire::SessionEndReason::kAsked);
  for (std::size_t i = 0; i < viewers_.size(); ++i) {
    if (viewers_[i].session->id() == message.session) return EndViewer(i, wire::SessionEndReason::kAsked);
  }
}

void Lane::On(wire::Suspend, Instant, WallTime) {
  suspended_ = true;
  EndEverything(wire::SessionEndReason::kAsked);
  told_.reset();  // the keeper waits for a status that says so, behind what still leaves
}

void Lane::On(wire::Shutdown, Instant, WallTime) {
  EndEverything(wire::SessionEndReason::kAsked);
  finished_ = true;
}

// Keys and pictures first, then what was about to leave, then the goodbyes.
void Lane::EndEverything(wire::SessionEndReason reason) {
  cache_.Erase();
  open_buffer_.Wipe();
  batch_.Clear();
  sent_arrivals_.clear();
  more_to_pump_ = false;
  pending_.clear();
  while (!viewers_.empty()) EndViewer(viewers_.size() - 1, reason);
  if (camera_) EndCamera(reason);
  addresses_.Clear();
}

// Nobody outside can cause it (DESIGN section 3): our own fault, and one is enough.
void Lane::OpenFailed(SessionId session, FrameNumber frame) {
  wire::OpenFailed failed;
  failed.session = session;
  failed.epoch = epoch_;
  failed.frame = frame;
  suspended_ = true;
  messages_.emplace_back(std::move(failed));
  EndEverything(wire::SessionEndReason::kAsked);
}

}  // namespace latchkey::lane
