#include "platform/loop/signal_watcher.h"

#include <uv.h>

#include <utility>

#include "daemon/base/check.h"

namespace latchkey::platform {

struct SignalWatcher::Handle {
  uv_signal_t uv{};
  Callback callback;
};

void SignalWatcher::Closer::operator()(Handle* handle) const {
  uv_close(reinterpret_cast<uv_handle_t*>(&handle->uv),
           [](uv_handle_t* closed) { delete static_cast<Handle*>(closed->data); });
}

SignalWatcher::SignalWatcher(Loop& loop, int signal, Callback callback) : handle_(new Handle) {
  handle_->callback = std::move(callback);
  LATCHKEY_CHECK(uv_signal_init(loop.Raw(), &handle_->uv) == 0);
  handle_->uv.data = handle_.get();
  const auto caught = [](uv_signal_t* uv, int number) { static_cast<Handle*>(uv->data)->callback(number); };
  LATCHKEY_CHECK(uv_signal_start(&handle_->uv, caught, signal) == 0);
}

}  // namespace latchkey::platform
