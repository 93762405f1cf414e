#include "platform/loop/each_round.h"

#include <uv.h>

#include <utility>

#include "daemon/base/check.h"

namespace latchkey::platform {

struct EachRound::Handle {
  uv_check_t uv{};
  Callback callback;
};

void EachRound::Closer::operator()(Handle* handle) const {
  uv_close(reinterpret_cast<uv_handle_t*>(&handle->uv),
           [](uv_handle_t* closed) { delete static_cast<Handle*>(closed->data); });
}

EachRound::EachRound(Loop& loop, Callback callback) : handle_(new Handle) {
  handle_->callback = std::move(callback);
  LATCHKEY_CHECK(uv_check_init(loop.Raw(), &handle_->uv) == 0);
  handle_->uv.data = handle_.get();
  uv_unref(reinterpret_cast<uv_handle_t*>(&handle_->uv));
}

void EachRound::Start() {
  (void)uv_check_start(&handle_->uv,
                       [](uv_check_t* check) { static_cast<Handle*>(check->data)->callback(); });
}

void EachRound::Stop() {
  (void)uv_check_stop(&handle_->uv);
}

}  // namespace latchkey::platform
