#include "daemon/keeper/keeper.h"

#include <algorithm>
#include <utility>

#include "daemon/base/version.h"

namespace latchkey::keeper {

Keeper::Keeper(Registry& registry, AuditBook& audit, ports::Crypto& crypto, ports::Entropy& entropy,
               const Settings& settings)
    : books_(registry, audit, crypto, entropy, settings),
      keys_(books_),
      pages_(books_),
      suspensions_(books_, keys_),
      admissions_(books_, keys_, suspensions_),
      sdes_(books_, keys_),
      front_(books_, keys_, pages_, suspensions_),
      lanes_(books_, keys_, suspensions_, admissions_, sdes_),
      control_(books_, keys_, pages_, suspensions_, admissions_, sdes_) {
  LATCHKEY_CHECK(settings.max_viewers <= kMaxViewersPerCamera);
  for (const auto& camera : registry.cameras()) {
    books_.lanes[camera.id];
    books_.effects.emplace_back(StartLane{camera.id});
  }
}

void Keeper::HandleStart(Instant now, WallTime wall) {
  books_.SetTime(now, wall);
  Facts facts;
  facts.Text("version", Version()).Number("cache_format", kCacheFormat);
  facts.Text("after", books_.audit.number() == 0 ? "nothing" : books_.audit.unclean() ? "a crash" : "a stop");
  books_.Record(audit::Kind::kStarted, {}, facts);
}

void Keeper::HandleStop(Instant now, WallTime wall) {
  books_.SetTime(now, wall);
  for (const SessionId id : books_.sessions.Pick([](const Session&) { return true; }))
    keys_.ForgetSession(id, "the hub stopped");
  books_.RecordRepeated(now);
  if (!books_.registry.unkept().empty()) suspensions_.Keep();
  books_.Record(audit::Kind::kStopped, {});
  WriteAudit();
}

void Keeper::HandleAuditWritten(bool written, Instant now, WallTime wall) {
  books_.SetTime(now, wall);
  books_.audit.HandleWritten(written, now);
  Settle(now, wall);
}

void Keeper::HandleIndexReserved(const ReserveIndex& wanted, const Status& status, Instant now,
                                 WallTime wall) {
  books_.SetTime(now, wall);
  sdes_.HandleReserved(wanted, status, now);
  Settle(now, wall);
}

void Keeper::HandleHeadRead(const ports::AuditHead& head, const std::optional<ports::AuditHash>& found,
                            Instant now, WallTime wall) {
  books_.SetTime(now, wall);
  // What was cut off by age can't be compared any more; the checkpoint answers for it.
  if (found && *found != head.hash) suspensions_.TripAll(kLogLacking, wall);
  Settle(now, wall);
}

void Keeper::HandleLogBroken(const std::string& why, Instant now, WallTime wall) {
  books_.SetTime(now, wall);
  suspensions_.TripAll("the audit log is broken: " + why, wall);
  Settle(now, wall);
}

ports::AuditHead Keeper::HandleAuditCut(const ports::AuditRecord& last, Instant now, WallTime wall) {
  books_.SetTime(now, wall);
  Facts facts;
  facts.Number("up_to", last.number).Text("hash", internal::HexEncode(last.hash));
  books_.Record(audit::Kind::kLogCut, {}, facts);
  WriteAudit();
  return books_.audit.SignFor(last);
}

void Keeper::WriteAudit() {
  if (auto batch = books_.audit.TakeBatch(books_.now))
    books_.effects.emplace_back(keeper::WriteAudit{std::move(*batch)});
}

void Keeper::FollowAudit() {
  const bool failing = books_.audit.failing(books_.now);
  if (failing == books_.unrecorded) return;
  books_.unrecorded = failing;
  books_.lists_changed = true;
  if (!failing) return books_.Tell("the audit log can be written again: views may begin");
  books_.Record(audit::Kind::kLogFailing, {});
  books_.Tell("the audit log can't be written: views have ended until it can. Is the disk full?");
  keys_.Recheck(books_.wall);
}

void Keeper::HandleFrontStart(Instant now) {
  books_.SetTime(now);
  LATCHKEY_CHECK(!books_.front_up);
  books_.front_up = true;
  books_.front_since = now;
  wire::FrontConfig config;
  config.loopback = books_.settings.loopback;
  config.http_port = books_.settings.http_port;
  for (const std::string& name : books_.http.names) LATCHKEY_CHECK(config.names.TryPush(name));
  config.certificate = books_.http.certificate;
  config.key = books_.http.key.Duplicate();
  books_.ToFrontNow(std::move(config));
}

void Keeper::HandleFront(wire::FrontToKeeper message, Instant now, WallTime wall) {
  books_.SetTime(now, wall);
  front_.Handle(std::move(message), now, wall);
  Settle(now, wall);
}

void Keeper::HandleFrontEnd(Instant now) {
  books_.SetTime(now);
  books_.RecordOften(audit::Kind::kFrontEnded, {}, std::move(Facts().Text("why", "its process ended")));
  books_.front_up = false;
  books_.front_ready = false;
  books_.front_since = now;
  ++books_.front_restarts;
  front_.HandleEnd();
  WriteAudit();
}

void Keeper::HandleLaneStart(CameraId camera, Instant now) {
  books_.SetTime(now);
  lanes_.HandleStart(camera, now);
}

void Keeper::HandleLane(CameraId camera, wire::LaneToKeeper message, Instant now, WallTime wall) {
  books_.SetTime(now, wall);
  lanes_.Handle(camera, std::move(message), now, wall);
  Settle(now, wall);
}

void Keeper::HandleLaneEnd(CameraId camera, Instant now) {
  books_.SetTime(now);
  lanes_.HandleEnd(camera, now);
  WriteAudit();
}

void Keeper::KeepSuspensions(Instant now, WallTime wall) {
  books_.SetTime(now, wall);
  suspensions_.Keep();
  WriteAudit();
}

void Keeper::Settle(Instant now, WallTime wall) {
  books_.SetTime(now, wall);
  FollowAudit();
  WriteAudit();
  pages_.Push(now, wall);
  // Last: what stops pictures goes out before the disk is waited for.
  if (suspensions_.KeepDue()) books_.effects.emplace_back(keeper::KeepSuspensions{});
  if (!last_tick_) last_tick_ = now;
}

void Keeper::EndOverdue(Instant now) {
  const auto overdue = [&](const Question& q) { return now >= Questions::DeadlineOf(q); };
  for (const wire::Ticket& ticket : books_.questions.Pick(overdue)) {
    const Question* question = books_.questions.Find(ticket);
    if (question == nullptr) continue;
    if (question->abandoned) {
      books_.LaneViolation(question->camera, "it never answered an offer");
      books_.questions.Remove(ticket);
      continue;
    }
    ++books_.counters.timeouts;
    books_.Refuse(ticket, NoAnswerInTime());
    keys_.Abandon(ticket);
  }
}

void Keeper::HandleTimeout(Instant now, WallTime wall) {
  books_.SetTime(now, wall);
  EndOverdue(now);
  suspensions_.Watch();
  if (!last_tick_ || now - *last_tick_ >= kTick) {
    last_tick_ = now;
    books_.RecordRepeated(now - kRecordOften);
    keys_.Recheck(wall);
    keys_.Rotate(now, wall);
    sdes_.BeginAll(now, wall);
    lanes_.Watch(now);
    if (books_.front_up && !books_.front_ready && now - books_.front_since > kStartLimit) {
      books_.FrontViolation("it did not get ready in time");
    }
  }
  Settle(now, wall);
}

Instant Keeper::NextTimeout() const {
  Instant next = last_tick_.value_or(Instant{}) + kTick;
  if (const auto deadline = books_.questions.NextDeadline()) next = std::min(next, *deadline);
  if (const auto audit = books_.audit.NextDeadline(books_.now)) next = std::min(next, *audit);
  if (const auto dark = suspensions_.NextDeadline()) next = std::min(next, *dark);
  if (const auto push = pages_.NextPush()) next = std::min(next, *push);
  return next;
}

std::vector<Effect> Keeper::TakeEffects() {
  return std::exchange(books_.effects, {});
}

bool Keeper::AllReady() const {
  return books_.front_ready && std::all_of(books_.lanes.begin(), books_.lanes.end(),
                                           [](const auto& l) { return l.second.state == LaneState::kReady; });
}

bool Keeper::LaneReady(CameraId camera) const {
  const auto at = books_.lanes.find(camera);
  return at != books_.lanes.end() && at->second.state == LaneState::kReady;
}

Epoch Keeper::epoch(CameraId camera) const {
  const auto at = books_.lanes.find(camera);
  return at == books_.lanes.end() ? Epoch{} : at->second.epoch;
}

bool Keeper::IsConsistent() const {
  bool good = books_.registry.IsConsistent() && books_.audit.IsConsistent() &&
              books_.lanes.size() == books_.registry.cameras().size() &&
              books_.questions.size() <= kMaxQuestions && books_.sessions.size() <= kMaxSessions &&
              pages_.size() <= kMaxSubscriptions && (books_.front_up || !books_.front_ready);
  const auto wrong = [&](const Session& s) {
    const auto at = books_.lanes.find(s.camera);
    if (at == books_.lanes.end()) return true;
    const LaneSlot& lane = at->second;
    if (lane.state != LaneState::kReady || lane.epoch.value == 0 || lane.told_to_suspend) return true;
    if (!s.is_viewer()) return !(s.owner == TokenOwner(s.camera)) || lane.publisher != s.id;
    const auto* grant = books_.registry.FindGrant(s.grant);
    return s.wrap_epoch != lane.epoch || grant == nullptr || grant->camera != s.camera ||
           TokenOwner(grant->viewer) != s.owner;
  };
  good = good && books_.sessions.Pick(wrong).empty();
  for (const auto& [camera, lane] : books_.lanes) {
    good = good && books_.registry.FindCamera(camera) != nullptr &&
           (lane.state == LaneState::kReady || (lane.epoch.value == 0 && !lane.publisher));
  }
  return good;
}

}  // namespace latchkey::keeper
