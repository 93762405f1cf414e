#include "daemon/keeper/program_indices.h"

#include <memory>
#include <utility>

namespace latchkey::keeper {

class IndexDisk::Task final : public platform::Background::Task {
 public:
  Task(IndexDisk& disk, const ReserveIndex& wanted) : disk_(disk), wanted_(wanted) {}
  void Work() override { status_ = disk_.reserve_(wanted_); }
  void Done() override {
    disk_.on_written_(wanted_, status_);
    disk_.WriteOn();
  }

 private:
  IndexDisk& disk_;
  ReserveIndex wanted_;
  Status status_;
};

IndexDisk::IndexDisk(platform::Loop& loop, Reserve reserve, Handler on_written)
    : reserve_(std::move(reserve)), on_written_(std::move(on_written)) {
  writing_.emplace(loop);
}

IndexDisk::~IndexDisk() = default;

void IndexDisk::Write(const ReserveIndex& wanted) {
  waiting_[wanted.camera].push_back(wanted);
  WriteOn();
}

void IndexDisk::WriteOn() {
  if (!writing_ || writing_->busy() || waiting_.empty()) return;
  auto turn = waiting_.upper_bound(last_);
  if (turn == waiting_.end()) turn = waiting_.begin();
  const ReserveIndex next = turn->second.front();
  turn->second.pop_front();
  if (turn->second.empty()) waiting_.erase(turn);
  last_ = next.camera;
  writing_->Run(std::make_unique<Task>(*this, next));
}

void IndexDisk::Stop() {
  writing_.reset();
}

}  // namespace latchkey::keeper
