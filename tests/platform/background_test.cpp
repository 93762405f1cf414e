#include "platform/loop/background.h"

#include <sched.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "tests/platform/loop_until.h"
#include "tests/support/catch.h"

namespace latchkey::platform {
namespace {

class Task final : public Background::Task {
 public:
  Task(std::function<void()> work, std::function<void()> done)
      : work_(std::move(work)), done_(std::move(done)) {}
  void Work() override { work_(); }
  void Done() override { done_(); }

 private:
  std::function<void()> work_;
  std::function<void()> done_;
};

TEST_CASE("background: work is done on another thread, and its end is told on the loop") {
  Loop loop;
  Background background(loop);
  std::thread::id worker;
  std::thread::id teller;
  background.Run(std::make_unique<Task>([&] { worker = std::this_thread::get_id(); },
                                        [&] { teller = std::this_thread::get_id(); }));
  CHECK(background.busy());
  REQUIRE(RunUntil(loop, [&] { return !background.busy(); }));
  CHECK(teller == std::this_thread::get_id());
  CHECK(worker != std::thread::id());
  CHECK(worker != teller);
}

TEST_CASE("background: the next task may be given when the last one is told") {
  Loop loop;
  Background background(loop);
  int done = 0;
  std::function<void()> again = [&] {
    if (++done < 3) background.Run(std::make_unique<Task>([] {}, again));
  };
  background.Run(std::make_unique<Task>([] {}, again));
  CHECK(RunUntil(loop, [&] { return done == 3; }));
  CHECK_FALSE(background.busy());
}

TEST_CASE("background: its end waits for the work that is under way, and tells nothing") {
  Loop loop;
  std::mutex mutex;
  std::condition_variable changed;
  bool begun = false;
  bool may_end = false;
  std::atomic<bool> ended = false;
  bool told = false;
  {
    Background background(loop);
    background.Run(std::make_unique<Task>(
        [&] {
          std::unique_lock lock(mutex);
          begun = true;
          changed.notify_all();
          changed.wait(lock, [&] { return may_end; });
          ended = true;
        },
        [&] { told = true; }));
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return begun; });
    may_end = true;
    changed.notify_all();
  }
  CHECK(ended);
  for (int i = 0; i < 3; ++i) (void)loop.RunOnce(false);
  CHECK_FALSE(told);
}

// The thread that worked comes to its word only when nobody else wants the processor that both run on.
TEST_CASE("background: a loop may end as soon as the work has, whenever its thread says so") {
  cpu_set_t before;
  REQUIRE(::sched_getaffinity(0, sizeof(before), &before) == 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &one);
  REQUIRE(::sched_setaffinity(0, sizeof(one), &one) == 0);
  std::atomic<int> worked = 0;
  for (int i = 0; i < 50; ++i) {
    Loop loop;
    Background background(loop);
    background.Run(std::make_unique<Task>(
        [&] {
          const sched_param none{};
          (void)::sched_setaffinity(0, sizeof(one), &one);
          (void)::sched_setscheduler(0, SCHED_IDLE, &none);
          ++worked;
        },
        [] {}));
  }
  CHECK(::sched_setaffinity(0, sizeof(before), &before) == 0);
  CHECK(worked == 50);
}

}  // namespace
}  // namespace latchkey::platform
