#include "tests/bench/quality_camera.h"

#include <algorithm>
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
             nullptr, [this](Instant last) { OnSent(last); }},
            kPace) {}

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
  // A machine that was held up catches up, one frame a round.
  if (next_frame_ <= now && !leaving_) {
    const bool forced = TakesKeyframeRequest(now);
    const media::MediaFrame frame = source_.Next(now, forced);
    if (forced) ++forced_;
    if (frame.keyframe) {
      keyframe_wanted_ = false;
      last_keyframe_ = now;
    }
    leaving_.emplace(frame.keyframe, PictureFingerprint(frame.bytes));
    peer_.SendFrame(frame);
    next_frame_ += source_.interval();
  }
  tick_.StartAt(std::max(next_frame_, now + milliseconds{1}));
}

void QualityCamera::OnSent(Instant last) {
  if (leaving_) ledger_.Sent(leaving_->first, leaving_->second, last);
  leaving_.reset();
}

}  // namespace latchkey::bench
