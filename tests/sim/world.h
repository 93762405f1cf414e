// Everything at once: some cells under one clock, made from one seed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/cell.h"

namespace latchkey::sim {

// What a world is for. Drawn from its seed.
enum class WorldKind : std::uint8_t {
  kHome,   // hours at a few pictures a second
  kDrift,  // a day of one camera
  kBrisk,  // minutes at 25 pictures a second
  kReal,   // minutes with OpenSSL and libsrtp
  kCount
};

struct WorldPlan {
  WorldKind kind = WorldKind::kHome;
  Duration life{};
  std::vector<CellPlan> cells;
  [[nodiscard]] double camera_hours() const {
    return ToSeconds(life) / 3600 * static_cast<double>(cells.size());
  }
};

[[nodiscard]] WorldPlan MakePlan(std::uint64_t seed);
[[nodiscard]] std::string Describe(const WorldPlan& plan);

class World {
 public:
  World(const WorldPlan& plan, std::uint64_t seed);
  // To the end of its life, or for `at_most`. Throws Violation.
  void Run(Duration at_most = Duration::max());
  [[nodiscard]] Tally tally() const;
  [[nodiscard]] std::uint64_t trace() const;
  [[nodiscard]] Duration lived() const { return now_ - kBegin; }

 private:
  static constexpr Instant kBegin{seconds{1000}};
  Duration life_;
  Instant now_ = kBegin;
  Recordings recordings_;
  std::vector<std::unique_ptr<Cell>> cells_;
};

}  // namespace latchkey::sim
