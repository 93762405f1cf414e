#include "platform/loop/loop.h"

#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <csignal>
#include <memory>
#include <optional>

#include "platform/loop/clock.h"
#include "platform/loop/deferred.h"
#include "platform/loop/poller.h"
#include "platform/loop/signal_watcher.h"
#include "platform/loop/timer.h"
#include "platform/loop/unique_fd.h"
#include "tests/platform/loop_until.h"
#include "tests/support/catch.h"

namespace latchkey::platform {
namespace {

struct SocketPair {
  SocketPair() {
    int fds[2] = {-1, -1};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    a = UniqueFd(fds[0]);
    b = UniqueFd(fds[1]);
  }
  UniqueFd a;
  UniqueFd b;
};

TEST_CASE("loop: a timer fires once and never before its instant") {
  Loop loop;
  std::optional<Instant> fired;
  int count = 0;
  Timer timer(loop, [&] {
    fired = loop.Now();
    ++count;
  });
  // Between two milliseconds, where rounding down would fire early.
  const Instant due = loop.Now() + microseconds{7300};
  timer.StartAt(due);
  CHECK(timer.active());
  loop.Run();
  REQUIRE(fired);
  CHECK(*fired >= due);
  CHECK(count == 1);
  CHECK_FALSE(timer.active());
}

TEST_CASE("loop: a timer at an instant that is past fires in the next round") {
  Loop loop;
  int count = 0;
  Timer timer(loop, [&] { ++count; });
  timer.StartAt(loop.Now() - seconds{5});
  CHECK(RunUntil(loop, [&] { return count == 1; }));
}

TEST_CASE("loop: setting a timer again replaces what was set") {
  Loop loop;
  int count = 0;
  Timer timer(loop, [&] { ++count; });
  timer.StartAfter(hours{1});
  timer.StartAfter(milliseconds{1});
  loop.Run();
  CHECK(count == 1);
}

TEST_CASE("loop: a repeating timer may destroy itself from its callback") {
  Loop loop;
  int count = 0;
  std::unique_ptr<Timer> timer;
  timer = std::make_unique<Timer>(loop, [&] {
    if (++count == 3) timer.reset();
  });
  timer->StartRepeating(milliseconds{1});
  loop.Run();
  CHECK(count == 3);
}

TEST_CASE("loop: deferred work runs once a round, after what is ready, however often it was scheduled") {
  Loop loop;
  int deferred_runs = 0;
  bool polled = false;
  bool polled_before = false;
  SocketPair pair;
  Deferred deferred(loop, [&] {
    ++deferred_runs;
    polled_before = polled;
  });
  Poller poller(loop, pair.a.get(), [&](Poller::Events) {
    polled = true;
    poller.Stop();
    deferred.Schedule();
    deferred.Schedule();
  });
  poller.Watch({true, false});
  REQUIRE(::write(pair.b.get(), "x", 1) == 1);
  deferred.Schedule();
  (void)loop.RunOnce(false);
  CHECK(deferred_runs == 1);
  CHECK(polled_before);
  (void)loop.RunOnce(false);
  CHECK(deferred_runs == 1);
}

TEST_CASE("loop: a poller tells of what can be read, and of the other end's closing") {
  Loop loop;
  SocketPair pair;
  int readable = 0;
  Poller poller(loop, pair.a.get(), [&](Poller::Events events) {
    if (events.readable) ++readable;
  });
  poller.Watch({true, false});
  (void)loop.RunOnce(false);
  CHECK(readable == 0);
  REQUIRE(::write(pair.b.get(), "x", 1) == 1);
  CHECK(RunUntil(loop, [&] { return readable == 1; }));
  char byte = 0;
  REQUIRE(::read(pair.a.get(), &byte, 1) == 1);
  pair.b.Close();
  CHECK(RunUntil(loop, [&] { return readable > 1; }));
}

TEST_CASE("loop: a poller may destroy itself and its descriptor from its callback") {
  Loop loop;
  SocketPair pair;
  auto poller = std::unique_ptr<Poller>();
  int count = 0;
  poller = std::make_unique<Poller>(loop, pair.a.get(), [&](Poller::Events) {
    ++count;
    poller.reset();
    pair.a.Close();
  });
  poller->Watch({true, true});
  loop.Run();
  CHECK(count == 1);
}

TEST_CASE("loop: a signal arrives as a callback") {
  Loop loop;
  int caught = 0;
  SignalWatcher watcher(loop, SIGUSR1, [&](int number) { caught = number; });
  REQUIRE(::raise(SIGUSR1) == 0);
  CHECK(RunUntil(loop, [&] { return caught == SIGUSR1; }));
}

TEST_CASE("loop: another library's loop can be borrowed and is left as it was") {
  uv_loop_t raw{};
  REQUIRE(uv_loop_init(&raw) == 0);
  int count = 0;
  {
    Loop loop(&raw);
    Timer timer(loop, [&] { ++count; });
    timer.StartAfter(milliseconds{1});
    loop.Run();
  }
  (void)uv_run(&raw, UV_RUN_NOWAIT);
  CHECK(count == 1);
  CHECK(uv_loop_close(&raw) == 0);
}

TEST_CASE("loop: what is disposed of later is gone at the end of the round, also when the loop ends first") {
  int gone = 0;
  struct Counter {
    explicit Counter(int& n) : n_(n) {}
    ~Counter() { ++n_; }
    int& n_;
  };
  {
    Loop loop;
    loop.DeleteLater(std::make_unique<Counter>(gone));
    CHECK(gone == 0);
    (void)loop.RunOnce(false);
    CHECK(gone == 1);
    loop.DeleteLater(std::make_unique<Counter>(gone));
  }
  CHECK(gone == 2);
}

TEST_CASE("loop: the clocks agree with the system's") {
  const auto system = [] {
    timespec t{};
    REQUIRE(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return Instant{seconds{t.tv_sec} + Duration{t.tv_nsec}};
  };
  const Instant before = system();
  const Instant ours = MonotonicNow();
  CHECK(ours >= before);
  CHECK(ours <= system());
  CHECK(ToUnixSeconds(WallNow()) >= 1'700'000'000);
}

}  // namespace
}  // namespace latchkey::platform
