#include "tests/sim/world.h"

#include <algorithm>

namespace latchkey::sim {
namespace {

constexpr WallTime kWall = FromUnixSeconds(1'790'000'000);

// Homes are the bulk of the hours; days are long, so few are enough.
WorldKind DrawKind(Random& random) {
  const double at = random.Unit();
  if (at < 0.62) return WorldKind::kHome;
  if (at < 0.67) return WorldKind::kDrift;
  return at < 0.90 ? WorldKind::kBrisk : WorldKind::kReal;
}

CameraHabits DrawHabits(WorldKind kind, Random& random) {
  CameraHabits habits;
  habits.codec = random.Chance(0.6) ? wire::Codec::kVp8 : wire::Codec::kH264;
  habits.answers_pli = random.Chance(0.85);
  habits.answers_nack = random.Chance(0.85);
  habits.offers_rtx = random.Chance(0.5);
  habits.ppm = Between(random, -200, 200);
  habits.begins_near_wrap = random.Chance(0.5);
  habits.keyframe_bytes = 200 + Below(random, 1800);
  habits.bytes = 20 + Below(random, 200);
  double group_seconds = Between(random, 2, 10);
  if (random.Chance(0.2)) group_seconds = Between(random, 20, 90);
  switch (kind) {
    case WorldKind::kHome:
      habits.fps = 1 + static_cast<double>(Below(random, 9)) / 2;
      if (random.Chance(0.3)) habits.sound = Seconds(Between(random, 0.3, 1));
      break;
    case WorldKind::kDrift:
      habits.fps = 1;
      habits.ppm = random.Chance(0.5) ? 200 : -200;
      break;
    case WorldKind::kBrisk:
    case WorldKind::kReal:
    case WorldKind::kCount:
      habits.fps = 25;
      if (random.Chance(0.5)) habits.sound = milliseconds(60);
      habits.keyframe_bytes = 8000 + Below(random, 30'000);
      habits.bytes = 500 + Below(random, 6000);
      break;
  }
  habits.group = static_cast<std::uint32_t>(std::max(2.0, group_seconds * habits.fps));
  return habits;
}

CellPlan DrawCell(WorldKind kind, Random& random) {
  CellPlan plan;
  plan.camera = DrawHabits(kind, random);
  plan.viewers = 1 + Below(random, 3);
  plan.real = kind == WorldKind::kReal;
  plan.weather.narrow = random.Chance(0.5) ? 0.3 : 0;
  plan.weather.narrow_kbit = static_cast<double>(plan.camera.bytes) * plan.camera.fps * 8 / 1000 + 10;
  plan.cache_frames = static_cast<std::uint32_t>(random.Chance(0.5) ? 200 : 40 + Below(random, 100));
  if (kind == WorldKind::kDrift) {
    plan.viewers = 1;
    plan.measured = plan.weather.steady = true;
    plan.weather.clean = seconds(1800);
    plan.habit = plan.script = seconds(3600);
    // A day on which nobody comes or goes is one of a single session.
    if (random.Chance(0.5)) {
      plan.weather.parts = false;
      plan.habit = plan.script = std::chrono::hours(1000);
    }
  } else if (kind != WorldKind::kHome) {
    plan.cache_frames = 300;
    plan.weather.clean = seconds(12);
    plan.weather.bad = seconds(8);
    plan.habit = seconds(20);
    plan.script = seconds(12);
  }
  plan.camera_weather = plan.weather;
  plan.camera_weather.held = plan.weather.parts ? 0.2 : 0;
  return plan;
}

}  // namespace

WorldPlan MakePlan(std::uint64_t seed) {
  Random random(seed);
  WorldPlan plan;
  plan.kind = DrawKind(random);
  std::size_t cells = 1;
  switch (plan.kind) {
    case WorldKind::kHome:
      plan.life = std::chrono::hours(1);
      cells = 2 + Below(random, 3);
      break;
    case WorldKind::kDrift: plan.life = std::chrono::hours(24); break;
    case WorldKind::kBrisk:
      plan.life = seconds(120);
      cells = 2;
      break;
    case WorldKind::kReal:
    case WorldKind::kCount:
      plan.life = seconds(40);
      cells = 2;
      break;
  }
  for (std::size_t i = 0; i < cells; ++i) plan.cells.push_back(DrawCell(plan.kind, random));
  return plan;
}

std::string Describe(const WorldPlan& plan) {
  static constexpr const char* kNames[] = {"home", "drift", "brisk", "real"};
  return std::string(kNames[static_cast<std::size_t>(plan.kind)]) + ", " + std::to_string(plan.cells.size()) +
         " cameras";
}

World::World(const WorldPlan& plan, std::uint64_t seed) : life_(plan.life) {
  Random random(~seed);
  for (const CellPlan& cell : plan.cells) {
    const auto mark = static_cast<std::uint32_t>(cells_.size() + 1);
    cells_.push_back(std::make_unique<Cell>(cell, mark, random.U64(), recordings_, now_, kWall));
  }
}

void World::Run(Duration at_most) {
  const Instant end = kBegin + std::min(life_, at_most);
  for (;;) {
    Cell* first = cells_.front().get();
    for (auto& cell : cells_) {
      if (cell->NextDeadline() < first->NextDeadline()) first = cell.get();
    }
    if (first->NextDeadline() > end) return;
    now_ = first->NextDeadline();
    first->Step(now_);
  }
}

Tally World::tally() const {
  Tally sum;
  for (const auto& cell : cells_) sum += cell->tally();
  return sum;
}

std::uint64_t World::trace() const {
  Mixing mixing;
  for (const auto& cell : cells_) mixing.Add(cell->trace());
  return mixing.Low();
}

}  // namespace latchkey::sim
