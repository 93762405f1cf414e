#include "tests/bench/quality_camera.h"

#include <utility>

namespace latchkey::bench {

QualityCamera::QualityCamera(platform::Loop& loop, std::unique_ptr<media::RtcSession> session,
                             const StreamShape& shape, FrameLedger& ledger,
                             std::function<void()> on_connected)
    : loop_(loop),
      ledger_(ledger),
      source_(shape),
      tick_(loop, [this] { Tick(); }),
      on_connected_(std::move(on_connected)),
      peer_(loop, std::move(session),
            {[this] {
               next_frame_ = loop_.Now();
               tick_.StartAt(next_frame_);
               on_connected_();
             },
             nullptr}) {}

bool QualityCamera::TakesKeyframeRequest(Instant now) {
  if (peer_.session().TakeKeyframeRequest()) keyframe_wanted_ = true;
  if (ledger_.next_number() == 0) {
    keyframe_wanted_ = false;  // the first frame is one
  } else if (keyframe_wanted_ && now - last_keyframe_ >= kKeyframePause) {
    return true;
  }
  return false;
}

void QualityCamera::Tick() {
  const Instant now = loop_.Now();
  while (next_frame_ <= now) {
    const bool forced = TakesKeyframeRequest(now);
    const media::MediaFrame frame = source_.Next(now, forced);
    if (forced) ++forced_;
    if (frame.keyframe) {
      keyframe_wanted_ = false;
      last_keyframe_ = now;
    }
    const std::uint64_t fingerprint = PictureFingerprint(frame.bytes);
    peer_.session().SendFrame(frame, now);
    ledger_.Sent(frame.keyframe, fingerprint, peer_.Flush());
    next_frame_ += source_.interval();
  }
  tick_.StartAt(next_frame_);
}

}  // namespace latchkey::bench
