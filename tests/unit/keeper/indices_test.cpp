// The disk for indices of enrolled keys, with a real thread: it writes when the test lets it.
#include <condition_variable>
#include <mutex>
#include <vector>

#include "daemon/keeper/program_indices.h"
#include "tests/support/catch.h"

namespace latchkey::keeper {
namespace {

CameraId Camera(std::uint8_t number) {
  CameraId::Bytes bytes{};
  bytes.fill(number);
  return CameraId(bytes);
}

struct Written {
  CameraId camera;
  ports::SrtpIndex up_to = 0;
  friend bool operator==(const Written&, const Written&) = default;
};

class SlowDisk {
 public:
  Status Reserve(const ReserveIndex& wanted) {
    std::unique_lock lock(mutex_);
    written_.push_back({wanted.camera, wanted.source.from});
    changed_.notify_all();
    changed_.wait(lock, [this] { return allowed_ > 0; });
    --allowed_;
    if (wanted.source.from == 0) return Fail(ErrorCode::kInvalid, "further already");
    return {};
  }
  void Allow(int writes) {
    const std::lock_guard lock(mutex_);
    allowed_ += writes;
    changed_.notify_all();
  }
  void AwaitBegun(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return written_.size() >= count; });
  }
  std::vector<Written> written() {
    const std::lock_guard lock(mutex_);
    return written_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int allowed_ = 0;
  std::vector<Written> written_;
};

struct Disk {
  void Want(std::uint8_t camera, ports::SrtpIndex up_to) {
    ReserveIndex wanted;
    wanted.camera = Camera(camera);
    wanted.source = {7, up_to};
    indices.Write(wanted);
  }
  void RunUntilTold(std::size_t count) {
    while (told.size() < count) (void)loop.RunOnce(true);
  }
  platform::Loop loop;
  SlowDisk slow;
  std::vector<Written> told;
  std::vector<bool> done;
  IndexDisk indices{loop, [this](const ReserveIndex& wanted) { return slow.Reserve(wanted); },
                    [this](const ReserveIndex& wanted, const Status& status) {
                      told.push_back({wanted.camera, wanted.source.from});
                      done.push_back(status.has_value());
                    }};
};

}  // namespace

TEST_CASE("indices: cameras take turns at the disk, each in its order, and every one is told how it went") {
  Disk disk;
  for (ports::SrtpIndex i = 1; i <= 4; ++i) disk.Want(1, i);
  disk.Want(3, 30);
  disk.Want(2, 0);
  disk.Want(2, 21);
  disk.slow.Allow(7);
  disk.RunUntilTold(7);
  const std::vector<Written> turns{{Camera(1), 1},  {Camera(2), 0}, {Camera(3), 30}, {Camera(1), 2},
                                   {Camera(2), 21}, {Camera(1), 3}, {Camera(1), 4}};
  CHECK(disk.told == turns);
  CHECK(disk.slow.written() == turns);
  CHECK(disk.done == std::vector<bool>{true, false, true, true, true, true, true});
}

TEST_CASE("indices: at the end what is under way is waited for, what waits is dropped, and nobody is told") {
  Disk disk;
  disk.Want(1, 1);
  disk.Want(1, 2);
  disk.slow.AwaitBegun(1);
  disk.slow.Allow(1);
  disk.indices.Stop();
  CHECK(disk.slow.written().size() == 1);
  disk.slow.Allow(2);  // nobody asks for them
  disk.Want(1, 3);
  while (disk.loop.RunOnce(false)) {
  }
  CHECK(disk.told.empty());
  CHECK(disk.slow.written().size() == 1);
}

}  // namespace latchkey::keeper
