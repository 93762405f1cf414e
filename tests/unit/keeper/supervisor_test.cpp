#include "daemon/keeper/supervisor.h"

#include "tests/support/catch.h"

namespace latchkey::keeper {
namespace {

constexpr ChildId kFront = std::nullopt;

// Ends it `lived` after its start and returns how long it then waits.
Duration EndAfter(Supervisor& supervisor, ChildId child, Instant& now, Duration lived) {
  now += lived;
  supervisor.HandleEnd(child, now);
  const auto next = supervisor.NextStart();
  REQUIRE(next.has_value());
  const Duration wait = *next - now;
  now = *next;
  const auto due = supervisor.TakeDue(now);
  REQUIRE(due.size() == 1);
  supervisor.HandleStart(child, now);
  return wait;
}

}  // namespace

TEST_CASE("supervisor: a child is started once, and again when it ends") {
  Supervisor supervisor;
  Instant now{hours(1)};
  supervisor.Add(kFront, now);
  CHECK(supervisor.TakeDue(now).size() == 1);
  CHECK(supervisor.TakeDue(now).empty());
  supervisor.HandleStart(kFront, now);
  CHECK_FALSE(supervisor.NextStart().has_value());
  CHECK(EndAfter(supervisor, kFront, now, milliseconds(1)) == Duration::zero());
}

TEST_CASE("supervisor: at once, then 100 ms, doubling up to 5 s, while it keeps ending early") {
  Supervisor supervisor;
  Instant now{hours(1)};
  supervisor.Add(kFront, now);
  (void)supervisor.TakeDue(now);
  supervisor.HandleStart(kFront, now);
  for (const int wait : {0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000}) {
    CHECK(EndAfter(supervisor, kFront, now, seconds(9)) == milliseconds(wait));
  }
  // 10 s are a good start: the next end is a first one.
  CHECK(EndAfter(supervisor, kFront, now, seconds(10)) == Duration::zero());
  CHECK(EndAfter(supervisor, kFront, now, seconds(1)) == milliseconds(100));
}

TEST_CASE("supervisor: an end on purpose costs nothing") {
  Supervisor supervisor;
  Instant now{hours(1)};
  supervisor.Add(kFront, now);
  (void)supervisor.TakeDue(now);
  supervisor.HandleStart(kFront, now);
  for (int i = 0; i < 5; ++i) {
    supervisor.ExpectEnd(kFront);
    CHECK(EndAfter(supervisor, kFront, now, milliseconds(10)) == Duration::zero());
  }
  CHECK(EndAfter(supervisor, kFront, now, milliseconds(10)) == Duration::zero());
  CHECK(EndAfter(supervisor, kFront, now, milliseconds(10)) == milliseconds(100));
}

TEST_CASE("supervisor: a start that fails is an end") {
  Supervisor supervisor;
  const Instant now{hours(1)};
  supervisor.Add(kFront, now);
  (void)supervisor.TakeDue(now);
  supervisor.HandleEnd(kFront, now);
  CHECK(supervisor.NextStart() == now);
  (void)supervisor.TakeDue(now);
  supervisor.HandleEnd(kFront, now);
  CHECK(supervisor.NextStart() == now + milliseconds(100));
}

TEST_CASE("supervisor: children don't pay for each other, and a removed one stays ended") {
  Supervisor supervisor;
  Instant now{hours(1)};
  const ChildId lane = CameraId(CameraId::Bytes{1});
  supervisor.Add(kFront, now);
  supervisor.Add(lane, now);
  CHECK(supervisor.TakeDue(now).size() == 2);
  supervisor.HandleStart(kFront, now);
  supervisor.HandleStart(lane, now);
  for (int i = 0; i < 4; ++i) (void)EndAfter(supervisor, lane, now, milliseconds(1));
  CHECK(EndAfter(supervisor, kFront, now, milliseconds(1)) == Duration::zero());
  supervisor.Remove(lane);
  supervisor.HandleEnd(lane, now);
  CHECK_FALSE(supervisor.NextStart().has_value());
  CHECK_FALSE(supervisor.Knows(lane));
}

}  // namespace latchkey::keeper
