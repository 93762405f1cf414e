#include "tools/media/frame_queue.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

#include "daemon/base/check.h"
#include "platform/loop/clock.h"

namespace latchkey::media {

FrameQueue::FrameQueue() : wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  LATCHKEY_CHECK(wake_.valid());
}

void FrameQueue::Push(MediaFrame frame) {
  {
    const std::lock_guard lock(mutex_);
    const bool video = frame.kind == wire::StreamKind::kVideo;
    if (video && frame.keyframe && frames_.size() < kMaxFrames) skip_to_keyframe_ = false;
    if (frames_.size() >= kMaxFrames || (video && skip_to_keyframe_)) {
      ++dropped_;
      // What follows a missing frame can't be decoded.
      if (video) {
        skip_to_keyframe_ = true;
        keyframe_wanted_.store(true);
      }
      return;
    }
    frames_.push_back(std::move(frame));
  }
  Wake();
}

void FrameQueue::Wake() {
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof(one));
}

void FrameQueue::MarkEnded() {
  ended_.store(true);
  Wake();
}

bool FrameQueue::SleepUntil(Instant when) {
  std::unique_lock lock(mutex_);
  const Duration wait = when - platform::MonotonicNow();
  if (wait > Duration{0}) changed_.wait_for(lock, wait, [this] { return stopping(); });
  return !stopping();
}

std::optional<MediaFrame> FrameQueue::Pop() {
  const std::lock_guard lock(mutex_);
  if (frames_.empty()) return std::nullopt;
  MediaFrame frame = std::move(frames_.front());
  frames_.pop_front();
  return frame;
}

void FrameQueue::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_.store(true);
  }
  changed_.notify_all();
}

void FrameQueue::ClearWake() {
  std::uint64_t count = 0;
  (void)!::read(wake_.get(), &count, sizeof(count));
}

std::uint64_t FrameQueue::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

}  // namespace latchkey::media
