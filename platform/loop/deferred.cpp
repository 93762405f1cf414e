#include "platform/loop/deferred.h"

#include <uv.h>

#include <utility>

#include "daemon/base/check.h"

namespace latchkey::platform {

// libuv's order of a round: timers, idle, poll, check, closing. The check handle calls; the idle handle
// keeps the poll before it from sleeping.
struct Deferred::Handle {
  uv_idle_t idle{};
  uv_check_t check{};
  Callback callback;
  int closing = 2;
};

void Deferred::Closer::operator()(Handle* handle) const {
  const auto closed = [](uv_handle_t* uv) {
    auto* done = static_cast<Handle*>(uv->data);
    if (--done->closing == 0) delete done;
  };
  uv_close(reinterpret_cast<uv_handle_t*>(&handle->idle), closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&handle->check), closed);
}

Deferred::Deferred(Loop& loop, Callback callback) : handle_(new Handle) {
  handle_->callback = std::move(callback);
  LATCHKEY_CHECK(uv_idle_init(loop.Raw(), &handle_->idle) == 0);
  LATCHKEY_CHECK(uv_check_init(loop.Raw(), &handle_->check) == 0);
  handle_->idle.data = handle_.get();
  handle_->check.data = handle_.get();
}

void Deferred::Schedule() {
  if (scheduled()) return;
  (void)uv_idle_start(&handle_->idle, [](uv_idle_t*) {});
  (void)uv_check_start(&handle_->check, [](uv_check_t* check) {
    auto* handle = static_cast<Handle*>(check->data);
    (void)uv_idle_stop(&handle->idle);
    (void)uv_check_stop(&handle->check);
    handle->callback();
  });
}

void Deferred::Cancel() {
  (void)uv_idle_stop(&handle_->idle);
  (void)uv_check_stop(&handle_->check);
}

bool Deferred::scheduled() const {
  return uv_is_active(reinterpret_cast<const uv_handle_t*>(&handle_->check)) != 0;
}

}  // namespace latchkey::platform
