#include "platform/loop/background.h"

#include <uv.h>

#include <condition_variable>
#include <mutex>
#include <utility>

#include "daemon/base/check.h"

namespace latchkey::platform {

struct Background::Job {
  uv_work_t request{};
  std::unique_ptr<Task> task;
  Background* owner = nullptr;
  Loop* loop = nullptr;
  std::mutex mutex;
  std::condition_variable changed;
  bool finished = false;

  void Work() {
    task->Work();
    const std::lock_guard lock(mutex);
    finished = true;
    changed.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return finished; });
  }
};

Background::Background(Loop& loop) : loop_(loop) {
  LATCHKEY_CHECK(loop.owned_);
}

Background::~Background() {
  if (job_ == nullptr) return;
  job_->owner = nullptr;
  job_->Wait();
  job_->task.reset();  // before what it refers to
}

void Background::Run(std::unique_ptr<Task> task) {
  LATCHKEY_CHECK(job_ == nullptr);
  job_ = new Job;
  job_->task = std::move(task);
  job_->owner = this;
  job_->loop = &loop_;
  job_->request.data = job_;
  const auto run = [](uv_work_t* request) { static_cast<Job*>(request->data)->Work(); };
  const auto after = [](uv_work_t* request, int /*status*/) {
    const std::unique_ptr<Job> job(static_cast<Job*>(request->data));
    --job->loop->working_;
    if (job->owner == nullptr) return;
    job->owner->job_ = nullptr;
    job->task->Done();
  };
  LATCHKEY_CHECK(uv_queue_work(loop_.Raw(), &job_->request, run, after) == 0);
  ++loop_.working_;
}

}  // namespace latchkey::platform
