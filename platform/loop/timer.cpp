#include "platform/loop/timer.h"

#include <uv.h>

#include <algorithm>
#include <utility>

#include "daemon/base/check.h"

namespace latchkey::platform {

struct Timer::Handle {
  uv_timer_t uv{};
  Callback callback;
  std::uint64_t due_ms = 0;  // absolute, of CLOCK_MONOTONIC; counts while active and not repeating
  bool repeating = false;
};

void Timer::Closer::operator()(Handle* handle) const {
  uv_close(reinterpret_cast<uv_handle_t*>(&handle->uv),
           [](uv_handle_t* closed) { delete static_cast<Handle*>(closed->data); });
}

namespace {
std::uint64_t CeilMilliseconds(Duration d) {
  if (d <= Duration::zero()) return 0;
  return static_cast<std::uint64_t>((d.count() + 999'999) / 1'000'000);
}
}  // namespace

Timer::Timer(Loop& loop, Callback callback) : loop_(loop), handle_(new Handle) {
  handle_->callback = std::move(callback);
  LATCHKEY_CHECK(uv_timer_init(loop.Raw(), &handle_->uv) == 0);
  handle_->uv.data = handle_.get();
}

void Timer::StartAt(Instant when) {
  // libuv counts whole milliseconds of the same clock, rounded down: rounded up here, never early.
  const std::uint64_t due = CeilMilliseconds(when.time_since_epoch());
  if (active() && !handle_->repeating && handle_->due_ms == due) return;
  uv_update_time(loop_.Raw());
  const std::uint64_t now = uv_now(loop_.Raw());
  handle_->due_ms = due;
  handle_->repeating = false;
  const auto fire = [](uv_timer_t* timer) { static_cast<Handle*>(timer->data)->callback(); };
  LATCHKEY_CHECK(uv_timer_start(&handle_->uv, fire, due > now ? due - now : 0, 0) == 0);
}

void Timer::StartAfter(Duration delay) {
  StartAt(loop_.Now() + std::max(delay, Duration::zero()));
}

void Timer::StartRepeating(Duration period) {
  const std::uint64_t ms = std::max<std::uint64_t>(1, CeilMilliseconds(period));
  uv_update_time(loop_.Raw());
  handle_->repeating = true;
  const auto fire = [](uv_timer_t* timer) { static_cast<Handle*>(timer->data)->callback(); };
  LATCHKEY_CHECK(uv_timer_start(&handle_->uv, fire, ms, ms) == 0);
}

void Timer::Stop() {
  (void)uv_timer_stop(&handle_->uv);
}

bool Timer::active() const {
  return uv_is_active(reinterpret_cast<const uv_handle_t*>(&handle_->uv)) != 0;
}

}  // namespace latchkey::platform
