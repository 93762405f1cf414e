#include "daemon/keeper/books.h"

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
  effects.emplace_back(EndFront{why});
}

void Books::LaneViolation(CameraId camera, const std::string& why) {
  ++counters.violations;
  effects.emplace_back(EndLane{camera, why});
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
