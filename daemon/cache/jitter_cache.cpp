#include "daemon/cache/jitter_cache.h"

#include <algorithm>
#include <utility>

#include "daemon/base/check.h"

namespace latchkey::cache {

JitterCache::JitterCache(CameraId camera, CacheLimits limits) : camera_(camera), limits_(limits) {
  limits_.bytes = std::max(limits_.bytes, CacheLimits::kMinBytes);
  LATCHKEY_CHECK(limits_.frames > 0);
}

void JitterCache::BeginEpoch(Epoch epoch, SealKey key) {
  LATCHKEY_CHECK(epoch > last_epoch_);
  Erase();
  epoch_ = epoch;
  last_epoch_ = epoch;
  key_.emplace(std::move(key));
}

void JitterCache::Erase() {
  key_.reset();
  epoch_ = {};
  frames_.clear();
  frames_.shrink_to_fit();
  next_ = FrameNumber{1};
  bytes_ = 0;
  group_bytes_ = 0;
  had_video_ = false;
  start_.reset();
}

JitterCache::Inserted JitterCache::Insert(frames::PlainFrame frame, Instant now) {
  LATCHKEY_CHECK(frame.header.camera == camera_);
  if (!key_ || frame.header.epoch != epoch_) {
    ++counters_.refused;
    return {key_ ? InsertOutcome::kStale : InsertOutcome::kErased, {}};
  }
  const FrameNumber number = next_;
  next_ = next_.Next();
  frame.header.number = number;
  const bool video = frame.header.stream == wire::StreamKind::kVideo;
  const bool keyframe = video && frame.header.keyframe;
  frames_.push_back(key_->Seal(std::move(frame)));
  bytes_ += frames_.back().footprint();
  group_bytes_ = (keyframe ? 0 : group_bytes_) + frames_.back().footprint();
  had_video_ |= video;
  if (keyframe) {
    start_ = number;
    group_since_ = now;
  }
  ++counters_.inserted;
  Enforce(now);
  return {InsertOutcome::kInserted, number};
}

void JitterCache::HandleTimeout(Instant now) {
  Enforce(now);
}

void JitterCache::Enforce(Instant now) {
  // Groups before the current one have served, once it stands for a while.
  while (start_ && now - group_since_ >= limits_.linger && frames_.front().header().number < *start_)
    PopOldest();
  while (!frames_.empty() && OverLimits(now)) {
    PopOldest();
    ++counters_.evicted;
  }
}

bool JitterCache::OverLimits(Instant now) const {
  return bytes_ > limits_.bytes || frames_.size() > limits_.frames ||
         now - frames_.front().header().whole > limits_.age;
}

void JitterCache::PopOldest() {
  const SealedFrame& oldest = frames_.front();
  if (start_ == oldest.header().number) {
    start_.reset();
    ++counters_.starts_lost;
  }
  bytes_ -= oldest.footprint();
  frames_.pop_front();
}

const SealedFrame* JitterCache::Find(FrameNumber number) const {
  if (frames_.empty()) return nullptr;
  const FrameNumber oldest = frames_.front().header().number;
  if (number < oldest || number >= next_) return nullptr;
  return &frames_[number.value - oldest.value];
}

std::optional<FrameNumber> JitterCache::StartForNewViewer() const {
  return had_video_ ? start_ : Newest();
}

bool JitterCache::KeyframeWanted(Instant now) const {
  if (!had_video_) return false;
  if (!start_) return true;
  return group_bytes_ > limits_.bytes / 4 * 3 || next_.value - start_->value > limits_.frames / 4 * 3 ||
         now - group_since_ > std::min(limits_.renew, limits_.age / 4 * 3);
}

std::optional<FrameNumber> JitterCache::Oldest() const {
  if (frames_.empty()) return std::nullopt;
  return frames_.front().header().number;
}

std::optional<FrameNumber> JitterCache::Newest() const {
  if (frames_.empty()) return std::nullopt;
  return frames_.back().header().number;
}

bool JitterCache::IsConsistent() const {
  std::size_t bytes = 0;
  FrameNumber expected{next_.value - frames_.size()};
  std::optional<FrameNumber> newest_keyframe;
  for (const SealedFrame& frame : frames_) {
    const frames::FrameHeader& header = frame.header();
    if (header.number != expected || header.camera != camera_ || header.epoch != epoch_) return false;
    expected = expected.Next();
    bytes += frame.footprint();
    if (header.stream == wire::StreamKind::kVideo && header.keyframe) newest_keyframe = header.number;
  }
  if (bytes != bytes_ || bytes_ > limits_.bytes || frames_.size() > limits_.frames) return false;
  if (!key_ && (!frames_.empty() || epoch_ != Epoch{})) return false;
  // Where a viewer may start is the newest keyframe, or nowhere.
  return start_ == newest_keyframe;
}

}  // namespace latchkey::cache
