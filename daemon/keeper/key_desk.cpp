#include "daemon/keeper/key_desk.h"

#include <algorithm>
#include <utility>

#include "daemon/access/grant.h"
#include "daemon/keeper/view_log.h"

namespace latchkey::keeper {
namespace {

// Half used up, or from a time that the clock has gone back behind.
bool IsDue(const Session& session, WallTime wall) {
  return wall < session.wrap_from || wall >= session.wrap_from + (session.wrap_until - session.wrap_from) / 2;
}

WallTime WrapEnd(const ports::GrantRecord& grant, WallTime wall) {
  return std::min(wall + access::kWrapLife, grant.not_after);
}

}  // namespace

Result<Epoch> KeyDesk::NewEpoch(CameraId camera, Secret32& content_key) {
  auto epoch = books_.registry.NextEpoch(camera);
  if (!epoch) {
    books_.Tell("no new epoch: " + epoch.error().message, camera);
    return epoch;
  }
  books_.entropy.Fill(content_key.RevealForWriting());
  return epoch;
}

void KeyDesk::Adopt(CameraId camera, Epoch epoch, Secret32 content_key, Instant now, WallTime wall) {
  LaneSlot* lane = books_.Lane(camera);
  LATCHKEY_CHECK(lane != nullptr && epoch > lane->epoch);
  lane->epoch = epoch;
  lane->content_key = std::move(content_key);
  lane->epoch_began = now;
  About about;
  about.camera = camera;
  about.epoch = epoch;
  books_.Record(audit::Kind::kEpochBegan, about);
  RenewAll(camera, wall);
}

Status KeyDesk::Begin(CameraId camera, Instant now, WallTime wall) {
  wire::EpochBegin begin;
  auto epoch = NewEpoch(camera, begin.content_key);
  if (!epoch) return tl::unexpected(epoch.error());
  begin.epoch = *epoch;
  Secret32 own = begin.content_key.Duplicate();
  books_.ToLaneNow(camera, std::move(begin));
  Adopt(camera, *epoch, std::move(own), now, wall);
  return {};
}

tl::expected<ports::GrantRecord, access::ViewRefusal> KeyDesk::Decide(ViewerId viewer, CameraId camera,
                                                                      GrantId grant, WallTime wall) const {
  access::ViewQuestion question;
  question.viewer = viewer;
  question.camera = camera;
  question.right = wire::Rights::kLive;
  question.now = wall;
  question.suspended = books_.registry.SuspensionOf(camera) != nullptr;
  question.unrecorded = books_.unrecorded;
  return access::DecideAgain(question, books_.registry.FindGrant(grant));
}

KeyDesk::Wrap KeyDesk::MakeWrap(const Secret32& key, const std::array<std::uint8_t, 32>& fingerprint,
                                const ports::GrantRecord& grant, WallTime wall) {
  const LaneSlot* lane = books_.Lane(grant.camera);
  LATCHKEY_CHECK(lane != nullptr && lane->epoch.value != 0);
  Wrap wrap;
  wrap.epoch = lane->epoch;
  wrap.rights = grant.rights;
  wrap.from = wall;
  wrap.until = WrapEnd(grant, wall);
  access::WrapContext context;
  context.camera = grant.camera;
  context.epoch = wrap.epoch;
  context.viewer_fingerprint = fingerprint;
  context.rights = wrap.rights;
  context.not_after = wrap.until;
  wrap.bytes = access::WrapContentKey(books_.crypto, books_.entropy, key, lane->content_key, context);
  ++books_.counters.wraps;
  return wrap;
}

void KeyDesk::Renew(Session& session, const ports::GrantRecord& grant, WallTime wall) {
  const Wrap wrap = MakeWrap(session.key, session.fingerprint, grant, wall);
  const bool other_epoch = session.wrap_epoch != wrap.epoch;
  session.wrap_epoch = wrap.epoch;
  session.wrap_from = wrap.from;
  session.wrap_until = wrap.until;
  wire::WrapRenewal renewal;
  renewal.session = session.id;
  renewal.epoch = wrap.epoch;
  renewal.rights = wrap.rights;
  renewal.not_after = wrap.until;
  renewal.wrap = wrap.bytes;
  books_.ToLaneNow(session.camera, std::move(renewal));
  if (other_epoch && session.answered)
    books_.Record(audit::Kind::kViewEpoch, AboutOf(session), TellView(session));
}

void KeyDesk::RenewAll(CameraId camera, WallTime wall) {
  for (const SessionId id :
       books_.sessions.Pick([&](const Session& s) { return s.camera == camera && s.is_viewer(); })) {
    Session* session = books_.sessions.Find(id);
    const auto grant = Decide(std::get<ViewerId>(session->owner), camera, session->grant, wall);
    if (grant) {
      Renew(*session, *grant, wall);
    } else {
      EndSession(id, access::ViewRefusalText(grant.error()));
    }
  }
}

void KeyDesk::Recheck(WallTime wall) {
  for (const SessionId id : books_.sessions.Pick([](const Session& s) { return s.is_viewer(); })) {
    Session* session = books_.sessions.Find(id);
    const auto grant = Decide(std::get<ViewerId>(session->owner), session->camera, session->grant, wall);
    const LaneSlot* lane = books_.Lane(session->camera);
    if (!grant || lane == nullptr || lane->epoch.value == 0) {
      EndSession(id, grant ? "its camera has no epoch" : access::ViewRefusalText(grant.error()));
      continue;
    }
    // Near the grant's end a new wrap would say nothing new.
    if (IsDue(*session, wall) && (WrapEnd(*grant, wall) != session->wrap_until))
      Renew(*session, *grant, wall);
  }
}

void KeyDesk::Rotate(Instant now, WallTime wall) {
  for (auto& [camera, lane] : books_.lanes) {
    // Where nobody publishes there is no epoch to follow: the next publisher begins one.
    if (lane.state != LaneState::kReady || !lane.publisher || now - lane.epoch_began < kEpochLife) continue;
    if (!Begin(camera, now, wall)) lane.epoch_began = now - kEpochLife + kEpochRetry;
  }
}

void KeyDesk::ForgetSession(SessionId id, std::string_view why) {
  const Session* session = books_.sessions.Find(id);
  if (session == nullptr) return;
  ++books_.counters.sessions_ended;
  if (session->answered && session->is_viewer()) {
    books_.Record(audit::Kind::kViewEnded, AboutOf(*session), TellView(*session).Text("why", why));
    books_.lists_changed = true;  // pages name who watches
  } else if (session->answered) {
    books_.Record(audit::Kind::kPublisherEnded, AboutOf(*session), Facts().Text("why", why));
  }
  LaneSlot* lane = books_.Lane(session->camera);
  if (lane != nullptr && lane->publisher == id) lane->ForgetPublisher();
  books_.sessions.Remove(id);
  const auto about = [&](const Question& q) { return q.session == id && !q.abandoned; };
  for (const wire::Ticket& ticket : books_.questions.Pick(about)) {
    const bool patch = std::holds_alternative<PatchAsked>(books_.questions.Find(ticket)->what);
    books_.Refuse(ticket, patch ? UnknownSession() : Unavailable("the session ended before it began", 1));
    books_.questions.Remove(ticket);
  }
}

void KeyDesk::EndSession(SessionId id, std::string_view why) {
  const Session* session = books_.sessions.Find(id);
  if (session == nullptr) return;
  wire::SessionEnd end;
  end.session = id;
  books_.ToLaneNow(session->camera, end);
  ForgetSession(id, why);
}

void KeyDesk::Abandon(const wire::Ticket& ticket) {
  Question* question = books_.questions.Find(ticket);
  if (question == nullptr || question->abandoned) return;
  if (std::holds_alternative<PatchAsked>(question->what)) {
    books_.questions.Remove(ticket);  // the session stands; its owner may ask again
    return;
  }
  wire::SessionEnd end;
  end.session = question->session;
  const SessionId session = question->session;
  books_.ToLaneNow(question->camera, end);
  if (std::holds_alternative<PublishAsked>(question->what)) {
    question->abandoned = true;
  } else {
    books_.questions.Remove(ticket);
  }
  ForgetSession(session, "its question was given up");
}

void KeyDesk::RefuseQuestions(CameraId camera, const Refusal& refusal) {
  const auto waiting = [&](const Question& q) { return q.camera == camera && !q.abandoned; };
  for (const wire::Ticket& ticket : books_.questions.Pick(waiting)) {
    books_.Refuse(ticket, refusal);
    Abandon(ticket);
  }
}

void KeyDesk::DropCamera(CameraId camera, const Refusal& refusal, std::string_view why) {
  const auto of_camera = [&](const Question& q) { return q.camera == camera; };
  for (const wire::Ticket& ticket : books_.questions.Pick(of_camera)) {
    if (!books_.questions.Find(ticket)->abandoned) books_.Refuse(ticket, refusal);
    books_.questions.Remove(ticket);
  }
  for (const SessionId id : books_.sessions.Pick([&](const Session& s) { return s.camera == camera; })) {
    ForgetSession(id, why);
  }
  if (LaneSlot* lane = books_.Lane(camera)) {
    lane->ForgetPublisher();
    lane->epoch = Epoch{};
    lane->content_key = Secret32();
    lane->status = wire::LaneStatus();
    lane->status_at.reset();
  }
}

void KeyDesk::EndPublisher(CameraId camera, const Refusal& refusal, std::string_view why) {
  const auto publishing = [&](const Question& q) {
    return q.camera == camera && !q.abandoned && std::holds_alternative<PublishAsked>(q.what);
  };
  for (const wire::Ticket& ticket : books_.questions.Pick(publishing)) {
    books_.Refuse(ticket, refusal);
    Abandon(ticket);
  }
  const LaneSlot* lane = books_.Lane(camera);
  if (lane != nullptr && lane->publisher) EndSession(*lane->publisher, why);
}

void KeyDesk::EndViewer(ViewerId viewer, const Refusal& refusal, std::string_view why) {
  const auto asking = [&](const Question& q) {
    const auto* asked = std::get_if<ViewAsked>(&q.what);
    return asked != nullptr && asked->viewer == viewer;
  };
  for (const wire::Ticket& ticket : books_.questions.Pick(asking)) {
    books_.Refuse(ticket, refusal);
    Abandon(ticket);
  }
  for (const SessionId id :
       books_.sessions.Pick([&](const Session& s) { return s.owner == TokenOwner(viewer); })) {
    EndSession(id, why);
  }
}

}  // namespace latchkey::keeper
