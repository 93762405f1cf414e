#include "tests/bench/quality_viewer.h"

#include <utility>

#include "tests/bench/synthetic_camera.h"

namespace latchkey::bench {
namespace {

constexpr Duration kLookEvery = milliseconds{50};

}  // namespace

QualityViewer::QualityViewer(platform::Loop& loop, std::unique_ptr<media::RtcSession> session,
                             Options options, FrameLedger& ledger, std::function<void()> on_connected,
                             std::function<void()> on_picture)
    : loop_(loop),
      options_(options),
      ledger_(ledger),
      look_(loop, [this] { Look(); }),
      on_picture_(std::move(on_picture)),
      peer_(loop, std::move(session),
            {[this, on_connected = std::move(on_connected)] {
               last_decodable_ = last_request_ = loop_.Now();
               look_.StartRepeating(kLookEvery);
               on_connected();
             },
             [this](const media::RtcSession::Frame& frame) { OnFrame(frame); }}) {}

void QualityViewer::OnFrame(const media::RtcSession::Frame& frame) {
  if (wire::StreamKindOf(frame.codec) != wire::StreamKind::kVideo) return;
  const auto number = FrameNumberOf(frame.frame.bytes);
  ledger_.Arrived(number, PictureFingerprint(frame.frame.bytes), frame.frame.arrived);
  stuck_ = !number || !ledger_.IsDecodable(*number);
  if (stuck_) return;
  last_decodable_ = loop_.Now();
  if (on_picture_) std::exchange(on_picture_, nullptr)();
}

void QualityViewer::Look() {
  const Instant now = loop_.Now();
  if (!options_.asks_for_keyframes || (!stuck_ && now - last_decodable_ < kSilence)) return;
  if (now - last_request_ < kRequestPause) return;
  last_request_ = now;
  peer_.session().RequestKeyframe();
  (void)peer_.Flush();
}

}  // namespace latchkey::bench
