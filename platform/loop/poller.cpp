#include "platform/loop/poller.h"

#include <uv.h>

#include <utility>

#include "daemon/base/check.h"

namespace latchkey::platform {

struct Poller::Handle {
  uv_poll_t uv{};
  Callback callback;
  Events watched;
};

void Poller::Closer::operator()(Handle* handle) const {
  uv_close(reinterpret_cast<uv_handle_t*>(&handle->uv),
           [](uv_handle_t* closed) { delete static_cast<Handle*>(closed->data); });
}

Poller::Poller(Loop& loop, int fd, Callback callback) : handle_(new Handle) {
  handle_->callback = std::move(callback);
  LATCHKEY_CHECK(uv_poll_init(loop.Raw(), &handle_->uv, fd) == 0);
  handle_->uv.data = handle_.get();
}

void Poller::Watch(Events wanted) {
  if (!wanted.readable && !wanted.writable) {
    Stop();
    return;
  }
  const bool same =
      wanted.readable == handle_->watched.readable && wanted.writable == handle_->watched.writable;
  if (same) return;
  handle_->watched = wanted;
  const int events = (wanted.readable ? UV_READABLE : 0) | (wanted.writable ? UV_WRITABLE : 0);
  const auto ready = [](uv_poll_t* poll, int status, int what) {
    auto* handle = static_cast<Handle*>(poll->data);
    if (status < 0) {
      // POLLERR alone: libuv has stopped the handle. The owner learns the error from its next read.
      handle->watched = {};
      handle->callback({true, false});
      return;
    }
    handle->callback({(what & UV_READABLE) != 0, (what & UV_WRITABLE) != 0});
  };
  LATCHKEY_CHECK(uv_poll_start(&handle_->uv, events, ready) == 0);
}

void Poller::Stop() {
  handle_->watched = {};
  (void)uv_poll_stop(&handle_->uv);
}

}  // namespace latchkey::platform
