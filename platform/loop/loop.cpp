#include "platform/loop/loop.h"

#include <uv.h>

#include <utility>

#include "daemon/base/check.h"
#include "platform/loop/clock.h"

namespace latchkey::platform {
namespace {

// Closing takes one round; what a disposed object lets go takes another. More than this many is a handle
// that nobody closed.
constexpr int kClosingRounds = 64;

struct Disposal {
  uv_idle_t uv{};
  std::function<void()> holder;
};

}  // namespace

Loop::Loop() : loop_(new uv_loop_t), owned_(true) {
  LATCHKEY_CHECK(uv_loop_init(loop_) == 0);
}

Loop::Loop(uv_loop_s* borrowed) : loop_(borrowed), owned_(false) {
  LATCHKEY_CHECK(borrowed != nullptr);
}

Loop::~Loop() {
  if (!owned_) return;
  // The work is done, but its thread may be on its way to say so.
  while (working_ > 0) (void)uv_run(loop_, UV_RUN_ONCE);
  bool closed = uv_loop_close(loop_) == 0;
  for (int i = 0; i < kClosingRounds && !closed; ++i) {
    (void)uv_run(loop_, UV_RUN_NOWAIT);
    closed = uv_loop_close(loop_) == 0;
  }
  LATCHKEY_CHECK(closed);
  delete loop_;
}

void Loop::Run() {
  (void)uv_run(loop_, UV_RUN_DEFAULT);
}

bool Loop::RunOnce(bool wait) {
  return uv_run(loop_, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT) != 0;
}

void Loop::Stop() {
  uv_stop(loop_);
}

Instant Loop::Now() const {
  return MonotonicNow();
}

WallTime Loop::WallNow() const {
  return platform::WallNow();
}

void Loop::DisposeLater(std::function<void()> holder) {
  auto* disposal = new Disposal{{}, std::move(holder)};
  LATCHKEY_CHECK(uv_idle_init(loop_, &disposal->uv) == 0);
  disposal->uv.data = disposal;
  uv_close(reinterpret_cast<uv_handle_t*>(&disposal->uv), [](uv_handle_t* handle) {
    const std::unique_ptr<Disposal> done(static_cast<Disposal*>(handle->data));
    done->holder();
  });
}

}  // namespace latchkey::platform
