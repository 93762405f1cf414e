#include "daemon/keeper/lane_desk.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/keeper/view_log.h"
#include "daemon/keeper/words.h"

namespace latchkey::keeper {
namespace {

// What may stand between the quotes of an entity tag (RFC 9110 8.8.3), without its obsolete upper half. It
// goes into a header of the front's: a lane must not be able to write one, or to end the front with it.
bool IsEntityTag(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~' && c != '"'; });
}

// A lane knows no tokens: one that speaks of them would make a guesser of whoever asked.
bool IsLaneRefusal(std::uint16_t http_status) {
  static constexpr std::array<std::uint16_t, 9> kTheirs{400, 404, 406, 409, 412, 413, 428, 500, 503};
  return std::find(kTheirs.begin(), kTheirs.end(), http_status) != kTheirs.end();
}

constexpr const char* kNoEntityTag = "its entity tag is none";

}  // namespace

void LaneDesk::HandleStart(CameraId camera, Instant now) {
  LaneSlot* lane = books_.Lane(camera);
  if (lane == nullptr) return;
  LATCHKEY_CHECK(lane->state == LaneState::kDown);
  lane->state = LaneState::kStarting;
  lane->since = now;
  lane->told_to_suspend = false;
  lane->dark_by.reset();
  const Settings& s = books_.settings;
  wire::LaneConfig config;
  config.camera = camera;
  config.loopback = s.loopback;
  config.cache_bytes = s.cache_bytes;
  config.cache_frames = s.cache_frames;
  config.cache_age = s.cache_age;
  config.max_viewers = s.max_viewers;
  config.max_bitrate_kbit = s.max_bitrate_kbit;
  config.hold_least = s.hold_least;
  config.hold_most = s.hold_most;
  config.stale_after = s.stale_after;
  config.unavailable_after = s.unavailable_after;
  books_.ToLaneNow(camera, config);
}

void LaneDesk::HandleEnd(CameraId camera, Instant now) {
  LaneSlot* lane = books_.Lane(camera);
  if (lane == nullptr) return;
  lane->state = LaneState::kDown;
  lane->since = now;
  lane->dark_by.reset();
  ++lane->restarts;
  About about;
  about.camera = camera;
  Facts facts;
  facts.Text("why", "its process ended");
  books_.RecordOften(audit::Kind::kLaneEnded, about, std::move(facts));
  keys_.DropCamera(camera, LaneDown(), "the camera's process ended");
  books_.lists_changed = true;
}

void LaneDesk::Watch(Instant now) {
  for (const auto& [camera, lane] : books_.lanes) {
    if (lane.state == LaneState::kStarting && now - lane.since > kStartLimit) {
      books_.LaneViolation(camera, "it did not get ready in time");
    }
    const Instant heard = lane.status_at.value_or(lane.since);
    if (lane.state == LaneState::kReady && now - heard > kLaneSilence) {
      books_.LaneViolation(camera, "it has fallen silent");
    }
  }
}

void LaneDesk::Handle(CameraId camera, wire::LaneToKeeper message, Instant now, WallTime wall) {
  camera_ = camera;
  lane_ = books_.Lane(camera);
  now_ = now;
  wall_ = wall;
  if (lane_ == nullptr) return;  // of a camera just removed
  if (lane_->state != LaneState::kReady && !std::holds_alternative<wire::LaneReady>(message)) {
    books_.LaneViolation(camera, "it spoke before it was ready");
    return;
  }
  std::visit([this](auto& m) { On(std::move(m)); }, message);
}

Question* LaneDesk::FindOwn(const wire::Ticket& ticket) {
  Question* question = books_.questions.Find(ticket);
  if (question == nullptr) {
    // Known under another principal: somebody else's answer (invariant 10).
    if (books_.questions.Knows(ticket.request)) {
      books_.NoteMixup(camera_, "an answer was for another principal");
    } else {
      ++books_.counters.replies_dropped;
    }
    return nullptr;
  }
  if (question->camera != camera_) {
    books_.NoteMixup(camera_, "an answer was to another camera's question");
    return nullptr;
  }
  return question;
}

Question* LaneDesk::FindOwn(const wire::Ticket& ticket, SessionId session) {
  Question* question = FindOwn(ticket);
  if (question != nullptr && question->session != session) {
    books_.NoteMixup(camera_, "an answer named another session");
    return nullptr;
  }
  return question;
}

void LaneDesk::EndUnheard(SessionId session) {
  if (books_.sessions.Find(session) != nullptr) return;
  wire::SessionEnd end;
  end.session = session;
  books_.ToLaneNow(camera_, end);
}

void LaneDesk::On(const wire::LaneReady& m) {
  if (lane_->state != LaneState::kStarting) {
    books_.LaneViolation(camera_, "it was ready twice");
    return;
  }
  lane_->state = LaneState::kReady;
  lane_->since = now_;
  lane_->udp_port = m.udp_port;
  books_.lists_changed = true;
  sdes_.NotePort(camera_, m.udp_port);
  suspensions_.Enforce();
  sdes_.BeginAll(now_, wall_);
}

void LaneDesk::On(wire::PublishAnswer m) {
  if (!IsEntityTag(m.etag.str())) return books_.LaneViolation(camera_, kNoEntityTag);
  Question* question = FindOwn(m.ticket, m.session);
  if (question == nullptr) return EndUnheard(m.session);
  auto* asked = std::get_if<PublishAsked>(&question->what);
  if (asked == nullptr || m.epoch != asked->epoch) {
    books_.LaneViolation(camera_, "it answered what it was not asked");
    return;
  }
  const bool heard = !question->abandoned;
  const bool allowed = books_.registry.OwnerOf(asked->token) == TokenOwner(camera_);
  Secret32 content_key = std::move(asked->content_key);
  books_.questions.Remove(m.ticket);

  // The session before has given way to this one, whatever becomes of it.
  const auto before = lane_->publisher;
  lane_->ForgetPublisher();
  if (before) keys_.ForgetSession(*before, "the camera published anew");
  if (heard && allowed) {
    Session session;
    session.id = m.session;
    session.camera = camera_;
    session.ticket = m.ticket;
    session.owner = camera_;
    session.answered = true;
    session.answered_at = now_;
    books_.sessions.Add(std::move(session));
    lane_->publisher = m.session;
  }
  // A younger epoch that was begun meanwhile stands.
  if (m.epoch > lane_->epoch) keys_.Adopt(camera_, m.epoch, std::move(content_key), now_, wall_);
  books_.lists_changed = true;
  if (!heard) return;
  if (!allowed) {
    books_.Refuse(m.ticket, UnknownToken());
    return EndUnheard(m.session);
  }
  ++books_.counters.answered;
  wire::Answered answered{m.ticket, m.session, std::move(m.etag), std::move(m.answer)};
  books_.ToFrontNow(std::move(answered));
}

void LaneDesk::On(const wire::ViewerParsed& m) {
  Question* question = FindOwn(m.ticket, m.session);
  if (question == nullptr) return EndUnheard(m.session);
  auto* asked = std::get_if<ViewAsked>(&question->what);
  if (asked == nullptr || asked->stage != ViewStage::kParsing) {
    books_.LaneViolation(camera_, "it parsed what it was not asked to");
    return;
  }
  const auto grant = keys_.Decide(asked->viewer, camera_, asked->grant, wall_);
  if (!grant || lane_->epoch.value == 0) {
    books_.Refuse(m.ticket, grant ? LaneDown() : NotToSee(grant.error()));
    return keys_.Abandon(m.ticket);
  }
  asked->fingerprint = m.fingerprint;
  const KeyDesk::Wrap wrap = keys_.MakeWrap(asked->own_key, asked->fingerprint, *grant, wall_);
  asked->wrap = wrap.bytes;
  asked->epoch = wrap.epoch;
  asked->stage = ViewStage::kAwaitingProof;
  books_.ToFrontNow(wire::Granted{m.ticket, m.session, grant->id, wrap.bytes});
}

void LaneDesk::On(wire::ViewerAnswer m) {
  if (!IsEntityTag(m.etag.str())) return books_.LaneViolation(camera_, kNoEntityTag);
  Question* question = FindOwn(m.ticket, m.session);
  if (question == nullptr) return EndUnheard(m.session);
  const auto* asked = std::get_if<ViewAsked>(&question->what);
  if (asked == nullptr || asked->stage != ViewStage::kAdmitting) {
    books_.LaneViolation(camera_, "it answered a viewer that it was not told to admit");
    return;
  }
  Session* session = books_.sessions.Find(m.session);
  LATCHKEY_CHECK(session != nullptr);
  const auto grant = keys_.Decide(asked->viewer, camera_, asked->grant, wall_);
  if (!grant) {
    books_.Refuse(m.ticket, NotToSee(grant.error()));
    return keys_.Abandon(m.ticket);
  }
  session->answered = true;
  session->answered_at = now_;
  BeginView(books_, *session, grant->rights);
  books_.lists_changed = true;  // pages name who watches
  books_.questions.Remove(m.ticket);
  ++books_.counters.answered;
  wire::Answered answered{m.ticket, m.session, std::move(m.etag), std::move(m.answer)};
  books_.ToFrontNow(std::move(answered));
}

void LaneDesk::On(wire::PatchAnswer m) {
  if (!IsEntityTag(m.etag.str())) return books_.LaneViolation(camera_, kNoEntityTag);
  const Question* question = FindOwn(m.ticket, m.session);
  if (question == nullptr) return;
  if (!std::holds_alternative<PatchAsked>(question->what)) {
    books_.LaneViolation(camera_, "it patched what it was not asked to");
    return;
  }
  books_.questions.Remove(m.ticket);
  ++books_.counters.answered;
  if (m.fragment.str().empty()) {
    books_.ToFrontNow(wire::Done{m.ticket, 204, std::move(m.etag)});
  } else {
    books_.ToFrontNow(wire::Answered{m.ticket, m.session, std::move(m.etag), std::move(m.fragment)});
  }
}

void LaneDesk::On(wire::Refused m) {
  Question* question = FindOwn(m.ticket);
  if (question == nullptr) return;
  if (!IsLaneRefusal(m.http_status)) {
    books_.LaneViolation(camera_, "it refused with a status that lanes don't refuse with");
    return;
  }
  const bool heard = !question->abandoned;
  const bool patch = std::holds_alternative<PatchAsked>(question->what);
  const SessionId session = question->session;
  books_.questions.Remove(m.ticket);
  if (!patch) keys_.ForgetSession(session, "the lane refused it");
  if (!heard) return;
  ++books_.counters.refused;
  books_.ToFrontNow(std::move(m));
}

void LaneDesk::On(const wire::SessionEnded& m) {
  const Session* session = books_.sessions.Find(m.session);
  if (session == nullptr) return;  // ended from here, or never answered
  if (session->camera != camera_) {
    books_.NoteMixup(camera_, "a session of another camera was said to have ended");
    return;
  }
  if (m.reason == wire::SessionEndReason::kKeyRefused && lane_->publisher == m.session)
    admissions_.NoteWeakKey(camera_);
  keys_.ForgetSession(m.session, SessionEndReasonText(m.reason));
  books_.lists_changed = true;
}

void LaneDesk::On(const wire::KeyShown& m) {
  admissions_.Judge(camera_, m, wall_);
}

void LaneDesk::On(const wire::SourcesSeen& m) {
  admissions_.NoteSources(camera_, m);
}

void LaneDesk::On(const wire::IndexWanted& m) {
  sdes_.Reserve(camera_, m, now_);
}

void LaneDesk::On(const wire::LaneStatus& m) {
  if (m.state == wire::CameraState::kCount || m.reason == wire::UnavailableReason::kCount) return;
  const bool changed = !lane_->status_at || lane_->status.state != m.state ||
                       lane_->status.reason != m.reason || lane_->status.viewers != m.viewers;
  if (lane_->told_to_suspend && m.state == wire::CameraState::kSuspended && m.viewers == 0) {
    lane_->dark = true;
    lane_->dark_by.reset();
  }
  NoteLegs(books_, camera_, m);
  lane_->status = m;
  lane_->status_at = now_;
  if (changed) books_.lists_changed = true;
}

void LaneDesk::On(const wire::EpochWanted& m) {
  // One that crossed an epoch already on its way has what it wants.
  if (m.current != lane_->epoch || m.current.value == 0 || lane_->told_to_suspend) return;
  if (now_ - lane_->epochs_wanted_since >= kEpochWindow) {
    lane_->epochs_wanted_since = now_;
    lane_->epochs_wanted = 0;
  }
  const bool modest = ++lane_->epochs_wanted <= kEpochsWanted;
  if (modest && keys_.Begin(camera_, now_, wall_)) return;
  // Without an epoch nothing more can be sealed: the camera has to come again.
  if (lane_->publisher) keys_.EndSession(*lane_->publisher, "it needed a new epoch, and there was none");
}

void LaneDesk::On(const wire::OpenFailed& m) {
  ++books_.counters.open_failures;
  About about;
  about.camera = camera_;
  about.session = m.session;
  about.epoch = m.epoch;
  books_.Record(audit::Kind::kOpenFailed, about, Facts().Number("frame", m.frame.value));
  suspensions_.Trip(camera_,
                    "a sealed frame did not open (epoch " + std::to_string(m.epoch.value) + ", frame " +
                        std::to_string(m.frame.value) + ")",
                    wall_);
}

}  // namespace latchkey::keeper
