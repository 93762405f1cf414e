#include "daemon/keeper/books.h"

#include <algorithm>
#include <utility>

namespace latchkey::keeper {

void Books::ToFrontNow(wire::KeeperToFront message) {
  if (front_up) effects.emplace_back(ToFront{std::move(message)});
}

void Books::ToLaneNow(CameraId camera, wire::KeeperToLane message) {
  const LaneSlot* lane = Lane(camera);
  if (lane == nullptr || lane->state == LaneState::kDown) return;
  effects.emplace_back(ToLane{camera, std::move(message)});
}

void Books::SetTime(Instant at, WallTime wall_at) {
  now = at;
  wall = wall_at;
}

void Books::SetTime(Instant at) {
  if (now != Instant{}) wall += at - now;
  now = at;
}

void Books::Record(audit::Kind kind, const About& about, const Facts& facts) {
  const auto turn = registry.Turn();
  if (!turn || *turn == told_turn) {
    (void)audit.Add(kind, about, facts.str(), now, wall);
  } else if (audit.Add(kind, about, WithNumber(facts.str(), "registry_turn", *turn), now, wall)) {
    told_turn = *turn;
  }
}

void Books::RecordOften(audit::Kind kind, const About& about, Facts facts) {
  const std::string body = facts.str();
  const auto same = [&](const Repeated& r) {
    return r.kind == kind && r.about.camera == about.camera && r.about.viewer == about.viewer &&
           r.facts.str() == body;
  };
  const auto at = std::find_if(repeated.begin(), repeated.end(), same);
  if (at != repeated.end()) {
    ++at->more;
    return;
  }
  if (repeated.size() >= kMaxRepeated) {
    RecordMore(repeated.front());
    repeated.erase(repeated.begin());
  }
  Record(kind, about, facts);
  repeated.push_back({kind, about, std::move(facts), now, 0});
}

void Books::RecordRepeated(Instant before) {
  // In order of their first time.
  while (!repeated.empty() && repeated.front().since <= before) {
    RecordMore(repeated.front());
    repeated.erase(repeated.begin());
  }
}

void Books::RecordMore(Repeated& what) {
  if (what.more == 0) return;
  About about;
  about.camera = what.about.camera;
  about.viewer = what.about.viewer;
  Record(what.kind, about, what.facts.Number("times_more", what.more));
}

void Books::NoteMixup(CameraId camera, std::string_view what) {
  ++counters.mixups;
  About about;
  about.camera = camera;
  Facts facts;
  facts.Text("what", what);
  RecordOften(audit::Kind::kCheckFailed, about, std::move(facts));
}

void Books::Tell(std::string text, CameraId camera) {
  effects.emplace_back(Notice{std::move(text), camera});
}

void Books::Refuse(const wire::Ticket& ticket, const Refusal& refusal) {
  ++counters.refused;
  wire::Refused refused;
  refused.ticket = ticket;
  refused.http_status = refusal.status;
  refused.title = refusal.title;
  refused.detail = refusal.detail;
  refused.retry_after_s = refusal.retry_after_s;
  ToFrontNow(std::move(refused));
}

void Books::FrontViolation(const std::string& why) {
  ++counters.violations;
  Record(audit::Kind::kFrontEnded, {}, Facts().Text("why", why));
  effects.emplace_back(EndFront{why});
}

void Books::LaneViolation(CameraId camera, const std::string& why) {
  ++counters.violations;
  About about;
  about.camera = camera;
  Record(audit::Kind::kLaneEnded, about, Facts().Text("why", why));
  effects.emplace_back(EndLane{camera, why});
}

std::optional<SessionId> Books::DrawSession(CameraId camera) {
  const auto id = entropy.MakeId<SessionId>();
  const bool asked_for = !questions.Pick([&](const Question& q) { return q.session == id; }).empty();
  if (!asked_for && sessions.Find(id) == nullptr) return id;
  NoteMixup(camera, "a session's id came twice");
  Tell("a session's id came twice: the system's randomness is broken", camera);
  return std::nullopt;
}

LaneSlot* Books::Lane(CameraId camera) {
  const auto at = lanes.find(camera);
  return at == lanes.end() ? nullptr : &at->second;
}

std::optional<Refusal> Books::WhyNot(CameraId camera) {
  if (registry.SuspensionOf(camera) != nullptr) return Suspended();
  const LaneSlot* lane = Lane(camera);
  if (lane == nullptr || lane->state != LaneState::kReady || lane->told_to_suspend) return LaneDown();
  if (questions.full()) return Busy();
  return std::nullopt;
}

}  // namespace latchkey::keeper
