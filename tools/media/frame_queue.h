// From a source's thread to the loop: frames one way, "stop" and "a keyframe, please" the other.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>

#include "daemon/base/bytes.h"
#include "daemon/base/time.h"
#include "daemon/wire/codec.h"
#include "platform/loop/unique_fd.h"

namespace latchkey::media {

struct MediaFrame {
  wire::StreamKind kind = wire::StreamKind::kVideo;
  ByteVector bytes;        // H.264: an Annex B access unit; VP8: a frame; Opus: a packet
  bool keyframe = false;   // video only
  Duration media_time{0};  // since the source began, continuous over loops and reconnects
  Instant captured;        // when it was captured, or was due to be
};

class FrameQueue {
 public:
  // Frames waiting for the loop. One more is dropped with all until the next keyframe, and counted.
  static constexpr std::size_t kMaxFrames = 64;

  FrameQueue();

  // --- the source's thread ---
  void Push(MediaFrame frame);
  [[nodiscard]] bool stopping() const { return stopping_.load(std::memory_order_relaxed); }
  // True once after each RequestKeyframe().
  [[nodiscard]] bool TakeKeyframeRequest() { return keyframe_wanted_.exchange(false); }
  // Nothing more will come: the loop is woken to see ended().
  void MarkEnded();
  // Returns at `when` or as soon as Stop() is called; false in the second case.
  bool SleepUntil(Instant when);

  // --- the loop ---
  [[nodiscard]] std::optional<MediaFrame> Pop();
  void RequestKeyframe() { keyframe_wanted_.store(true); }
  void Stop();
  // Readable while frames wait; ClearWake() before popping.
  [[nodiscard]] int wake_fd() const { return wake_.get(); }
  void ClearWake();
  [[nodiscard]] bool ended() const { return ended_.load(); }
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  void Wake();

  platform::UniqueFd wake_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<MediaFrame> frames_;
  std::uint64_t dropped_ = 0;
  bool skip_to_keyframe_ = false;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> keyframe_wanted_{false};
  std::atomic<bool> ended_{false};
};

}  // namespace latchkey::media
