// The jitter cache: one camera's sealed frames of one epoch, so that a viewer starts at once and a
// retransmission has a source.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "daemon/base/ids.h"
#include "daemon/base/time.h"
#include "daemon/cache/sealed_frame.h"
#include "daemon/frames/frame.h"

namespace latchkey::cache {

// At each limit the oldest frames go, one by one: what is left of a group before the current one still serves
// viewers that are behind. When the current group's start goes, that is counted in starts_lost, and a new
// viewer needs a fresh keyframe (StartForNewViewer() says nothing until one is in).
struct CacheLimits {
  // Memory of all frames, capacity and bookkeeping included, in bytes. 2.5 Mbit/s in groups of 2 s needs
  // about 1 MB with `linger`; this is room for a group of 10 s. Less than kMinBytes is raised to it, so that
  // one frame of any size fits.
  static constexpr std::size_t kMinBytes = frames::kMaxFrame + 4096;
  std::size_t bytes = 3 * 1024 * 1024;
  // Audio and video together: 25 + 50 a second for 27 s.
  std::size_t frames = 2048;
  // Since a frame was whole, whatever the camera's keyframe interval.
  Duration age = seconds(30);
  // How long a group that is no longer the current one stays, for viewers behind and for retransmissions.
  Duration linger = milliseconds(1000);
  // A group older than this is asked to end (KeyframeWanted). Browsers as cameras send keyframes on request
  // alone: their group would grow to the other limits, and a new viewer would have to catch up with all of
  // it. Above the 10 s that cameras of a fixed interval use: those are never asked.
  Duration renew = seconds(12);
};

struct CacheCounters {
  std::uint64_t inserted = 0;
  std::uint64_t evicted = 0;      // by a limit
  std::uint64_t starts_lost = 0;  // times the current group's start went
  std::uint64_t refused = 0;      // no epoch, or of an earlier one
};

enum class InsertOutcome : std::uint8_t {
  kInserted,
  kErased,  // no epoch: suspended, or not begun
  kStale,   // of another epoch: it was under way when the epoch changed
};

class JitterCache {
 public:
  explicit JitterCache(CameraId camera, CacheLimits limits = {});

  // Empties the cache. `epoch` is above every one before (CHECKed) and not 0.
  void BeginEpoch(Epoch epoch, SealKey key);
  // Suspension, change of owner, end: key and frames are gone; what comes is refused until the next epoch.
  void Erase();

  struct Inserted {
    InsertOutcome outcome = InsertOutcome::kErased;
    FrameNumber number;  // when kInserted
  };
  // Numbers, seals, keeps. The frame's camera is this one (CHECKed: one lane, one camera).
  Inserted Insert(frames::PlainFrame frame, Instant now);
  // Lets age and linger take effect without a new frame.
  void HandleTimeout(Instant now);

  // Null: evicted, or not yet there. Valid until the next call that isn't const.
  [[nodiscard]] const SealedFrame* Find(FrameNumber number) const;
  // The newest keyframe, from which every frame up to the newest is there. In an epoch that had no video the
  // newest frame. Nothing: empty, or the current group's start is lost.
  [[nodiscard]] std::optional<FrameNumber> StartForNewViewer() const;
  // Ask the camera for a keyframe: the current group's start is lost, or will be soon (three quarters of a
  // limit are used), or is older than `renew`.
  [[nodiscard]] bool KeyframeWanted(Instant now) const;
  [[nodiscard]] std::optional<FrameNumber> Oldest() const;
  [[nodiscard]] std::optional<FrameNumber> Newest() const;
  // What the next frame will be called.
  [[nodiscard]] FrameNumber NextNumber() const { return next_; }

  [[nodiscard]] CameraId camera() const { return camera_; }
  // 0 when erased.
  [[nodiscard]] Epoch epoch() const { return epoch_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t size() const { return frames_.size(); }
  [[nodiscard]] const CacheCounters& counters() const { return counters_; }
  [[nodiscard]] bool IsConsistent() const;

 private:
  void PopOldest();
  void Enforce(Instant now);
  [[nodiscard]] bool OverLimits(Instant now) const;

  CameraId camera_;
  CacheLimits limits_;
  Epoch epoch_;       // of key_; 0: erased
  Epoch last_epoch_;  // the highest ever begun
  std::optional<SealKey> key_;
  std::deque<SealedFrame> frames_;  // contiguous numbers
  FrameNumber next_{1};
  std::size_t bytes_ = 0;
  std::size_t group_bytes_ = 0;  // of the current group, from its keyframe on
  bool had_video_ = false;
  std::optional<FrameNumber> start_;  // of the current group, while it is whole
  Instant group_since_;               // when the current group's keyframe came in
  CacheCounters counters_;
};

}  // namespace latchkey::cache
