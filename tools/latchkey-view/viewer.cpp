#include "tools/latchkey-view/viewer.h"

#include <cmath>
#include <cstdio>
#include <utility>

#include "tools/media/cli.h"
#include "tools/media/mark.h"
#include "tools/media/snapshot.h"

namespace latchkey::view {

Viewer::Viewer(platform::Loop& loop, media::HttpClient& http, media::SessionPorts ports,
               const ViewerOptions& options, std::function<void()> on_over)
    : loop_(loop),
      options_(options),
      on_over_(std::move(on_over)),
      connection_(loop, http, ports, {options.whep, options.impairments, std::nullopt, options.patient},
                  Handlers()),
      watchdog_(loop, [this] { OnWatchdog(); }) {
  if (options.expect_mark) expected_ = media::MarkText(*options.expect_mark);
  if (options.record) recorder_.emplace(*options.record);
}

void Viewer::Say(const std::string& what) const {
  (void)std::fprintf(stderr, "latchkey-view: %s\n", what.c_str());
}

media::Connection::Handlers Viewer::Handlers() {
  media::Connection::Handlers handlers;
  handlers.on_connected = [this] {
    wait_for_keyframe_ = true;
    connected_at_ = loop_.Now();
    decodable_at_ = connected_at_;
    watchdog_.StartRepeating(kAskKeyframeAfter / 5);
  };
  handlers.on_frame = [this](media::RtcSession::Frame frame) { OnFrame(std::move(frame)); };
  handlers.on_trouble = [this](const std::string& why) { Say(why + "; trying again"); };
  handlers.on_fatal = [this](const std::string& why) {
    Say(why);
    refused_ = true;
    watchdog_.Stop();
    on_over_();
  };
  return handlers;
}

void Viewer::Start() {
  connection_.Start();
}

void Viewer::Stop(std::function<void()> done) {
  watchdog_.Stop();
  if (recorder_) {
    if (auto status = recorder_->Finish(); !status) Say(status.error().message);
    recorder_.reset();
  }
  connection_.Stop(std::move(done));
}

void Viewer::OnFrame(media::RtcSession::Frame frame) {
  if (wire::StreamKindOf(frame.codec) != wire::StreamKind::kVideo) return;
  if (frame.frame.keyframe) {
    ++figures_.keyframes;
    wait_for_keyframe_ = false;
  } else if (frame.frame.after_gap) {
    wait_for_keyframe_ = true;
  }
  if (wait_for_keyframe_ || (options_.decode && !Decode(frame))) {
    ++figures_.frames_undecodable;
    return;
  }
  const Instant now = loop_.Now();
  decodable_at_ = now;
  ++figures_.frames;
  freezes_.OnFrame(now);
  if (!figures_.first_frame && connection_.first_post())
    figures_.first_frame = now - *connection_.first_post();
  if (!recorder_) return;
  if (auto status = recorder_->Write(frame.codec, frame.frame); !status) {
    Say(status.error().message);
    recorder_.reset();
  }
}

// False when there is no picture to show.
bool Viewer::Decode(const media::RtcSession::Frame& frame) {
  if (!decoder_ || codec_ != frame.codec) {
    auto decoder = media::VideoDecoder::Make(frame.codec);
    if (!decoder) {
      Say(decoder.error().message);
      return false;
    }
    decoder_ = std::move(*decoder);
    codec_ = frame.codec;
  }
  const auto output = decoder_->Decode(frame.frame.bytes);
  if (output.damaged) wait_for_keyframe_ = true;
  if (!output.picture || output.damaged) return false;
  ReadMarkOf(*output.picture, loop_.Now());
  if (options_.snapshot) {
    (void)media::WritePicture(*output.picture, *options_.snapshot);
    options_.snapshot.reset();
  }
  return true;
}

void Viewer::ReadMarkOf(const media::PictureView& picture, Instant now) {
  const auto mark = media::ReadMark(picture);
  if (!mark) {
    ++figures_.marks_unread;
    return;
  }
  ++(expected_ && mark->text != *expected_ ? figures_.marks_foreign : figures_.marks_ok);
  pictures_.OnPicture(mark->frame);
  // The group of pictures that a new viewer starts from is older than its session, and no network's fault.
  if (mark->sent < connected_at_) {
    ++figures_.frames_cached;
    return;
  }
  const Duration latency = now - mark->sent;
  // Of another machine's clock: no latency to speak of.
  if (latency < Duration{0} || latency > hours{1}) return;
  figures_.latency.Add(latency);
  if (latency > kLate) ++figures_.frames_late;
}

void Viewer::OnWatchdog() {
  const Instant now = loop_.Now();
  if (!connection_.connected() || now - decodable_at_ < kAskKeyframeAfter) return;
  decodable_at_ = now;
  if (auto* session = connection_.session()) session->RequestKeyframe();
  connection_.Flush();
}

ViewerFigures Viewer::Figures() const {
  ViewerFigures figures = figures_;
  figures.freezes = freezes_.count();
  figures.freeze_time = freezes_.total();
  figures.marks_repeated = pictures_.repeated();
  figures.marks_missing = pictures_.missing();
  figures.session = connection_.Figures();
  figures.impaired = connection_.impaired();
  figures.sessions = connection_.sessions();
  figures.last_status = connection_.last_status();
  figures.refused = refused_;
  if (connection_.first_post()) figures.watched = loop_.Now() - *connection_.first_post();
  return figures;
}

}  // namespace latchkey::view
