// Publishing, the camera's session, epochs.
#include <algorithm>
#include <array>
#include <utility>

#include "daemon/lane/lane.h"
#include "daemon/peer/enrolled.h"

namespace latchkey::lane {

peer::LocalTransport Lane::LocalSide(const peer::IceCredentials& credentials) const {
  return {credentials.ufrag, credentials.password, ports_.dtls.LocalFingerprint(), reach_.candidates};
}

std::string Lane::MakeEtag() {
  std::array<std::uint8_t, 8> bytes{};
  ports_.entropy.Fill(bytes);
  return internal::HexEncode(bytes);
}

void Lane::On(wire::PublishOffer message, Instant now, WallTime) {
  if (suspended_) return Refuse(message.ticket, 503, "This camera is suspended.");
  if (camera_ && camera_->IsLive(now)) {
    return Refuse(
        message.ticket, 409,
        "This camera is publishing already. Stop the other publisher, or wait some seconds after it ended.");
  }
  const peer::IceCredentials credentials = peer::MakeIceCredentials(ports_.entropy);
  auto answer =
      peer::AnswerCameraOffer(message.offer.str(), LocalSide(credentials), message.sdes, ports_.entropy);
  if (!answer) return Refuse(message.ticket, answer.error().http_status, answer.error().detail);
  const ingress::CameraConfig camera = CameraSide(message.session, message.epoch);
  auto session = answer->sdes ? ingress::CameraSession::MakeSdes(
                                    camera, answer->plan, std::move(*answer->sdes), credentials, ports_, now)
                              : ingress::CameraSession::Make(camera, answer->plan, credentials, ports_, now);
  if (!session) return Refuse(message.ticket, 500, session.error().message);
  BeginCamera(std::move(*session), std::move(message.content_key), now);
  wire::PublishAnswer reply;
  reply.ticket = message.ticket;
  reply.session = message.session;
  reply.epoch = message.epoch;
  reply.etag = camera_etag_;
  reply.answer = answer->sdp;
  WipeText(answer->sdp);
  messages_.emplace_back(std::move(reply));
}

ingress::CameraConfig Lane::CameraSide(SessionId session, Epoch epoch) const {
  ingress::CameraConfig camera;
  camera.session = session;
  camera.camera = config_.camera;
  camera.epoch = epoch;
  camera.max_bitrate_kbit = config_.max_bitrate_kbit;
  camera.hold = {config_.hold_least, config_.hold_most};
  camera.unavailable_after = config_.unavailable_after;
  return camera;
}

void Lane::BeginCamera(ingress::CameraSession session, Secret32 content_key, Instant now) {
  if (camera_) EndCamera(wire::SessionEndReason::kReplaced);
  camera_.emplace(std::move(session));
  camera_etag_ = MakeEtag();
  BeginEpoch(camera_->epoch(), std::move(content_key), now);
}

void Lane::On(wire::SdesBegin message, Instant now, WallTime) {
  if (suspended_) return;  // under way while the lane suspended itself
  ports::SrtpKey key;
  key.profile = ports::SrtpProfile::kAes128CmHmacSha1_80;
  const auto bytes = message.key.Reveal();
  std::copy(bytes.begin(), bytes.end(), key.key_and_salt.RevealForWriting().begin());
  std::vector<ports::SourceFloor> floors;
  for (const wire::SdesSource& source : message.sources.items()) floors.push_back({source.ssrc, source.from});
  BeginCamera(ingress::CameraSession::MakeEnrolled(CameraSide(message.session, message.epoch),
                                                   peer::EnrolledPlan(message.video, ports_.entropy),
                                                   std::move(key), std::move(floors), ports_, now),
              std::move(message.content_key), now);
}

void Lane::On(wire::IndexReserved message, Instant now, WallTime) {
  if (IsCamera(message.session)) camera_->ReserveIndex(message, now);
}

void Lane::On(wire::EpochBegin message, Instant now, WallTime) {
  // Under way while the session ended or the lane suspended itself: nothing to begin.
  if (suspended_ || !camera_ || message.epoch <= epoch_) return;
  camera_->BeginEpoch(message.epoch, now);
  BeginEpoch(message.epoch, std::move(message.content_key), now);
}

void Lane::On(wire::KeyAdmitted message, Instant now, WallTime) {
  if (IsCamera(message.session)) camera_->AdmitKey(message.stream_key, now, batch_);
}

void Lane::BeginEpoch(Epoch epoch, Secret32 content_key, Instant now) {
  epoch_ = epoch;
  epoch_began_ = now;
  newest_picture_.reset();
  cache_.BeginEpoch(epoch, cache::SealKey(ports_.crypto, std::move(content_key)));
  const peer::CameraMedia media = camera_->media();
  for (std::size_t i = viewers_.size(); i-- > 0;) {
    egress::ViewerSession& viewer = *viewers_[i].session;
    viewer.DropKey();
    // It would get nothing any more; a fresh offer negotiates what the camera sends now.
    if (!viewer.Accepts(media)) EndViewer(i, wire::SessionEndReason::kReplaced);
  }
}

void Lane::ServeCamera(Instant now) {
  if (!camera_) return;
  camera_->HandleTimeout(now, batch_);
  TakeFrames(now);
  if (auto shown = camera_->TakeShownKey()) messages_.emplace_back(std::move(*shown));
  if (auto seen = camera_->TakeSources()) messages_.emplace_back(std::move(*seen));
  while (auto wanted = camera_->TakeIndexWanted()) messages_.emplace_back(std::move(*wanted));
  if (camera_->TakeEpochWanted()) messages_.emplace_back(wire::EpochWanted{epoch_});
  if (const auto reason = camera_->ended(now)) EndCamera(*reason);
}

void Lane::TakeFrames(Instant now) {
  const bool pictures = camera_->has_video();
  for (frames::PlainFrame& frame : camera_->ready()) {
    const bool shows = !pictures || frame.header.stream == wire::StreamKind::kVideo;
    const Instant captured = frame.header.captured;
    if (cache_.Insert(std::move(frame), now).outcome == cache::InsertOutcome::kInserted && shows) {
      newest_picture_ = captured;
    }
  }
  camera_->ready().clear();
  cache_.HandleTimeout(now);
  if (cache_.KeyframeWanted(now)) camera_->WantKeyframe(now);
  const ingress::CameraCounters& counters = camera_->counters();
  pictures_.Add(counters.pictures - metered_.pictures, now);
  bytes_.Add(counters.bytes - metered_.bytes, now);
  metered_ = counters;
}

void Lane::EndCamera(wire::SessionEndReason reason) {
  camera_->Close(batch_);
  wire::SessionEnded ended;
  ended.session = camera_->id();
  ended.reason = reason;
  ended.frames = camera_->counters().frames;
  ended.packets = camera_->counters().packets;
  ended.lost = camera_->lost();
  ended_frames_in_ += ended.frames;
  ended_packets_in_ += ended.packets;
  ended_keyframe_requests_ += camera_->keyframe_requests();
  ended_packets_lost_ += ended.lost;
  ended_frames_too_fast_ += camera_->counters().too_fast;
  for (const auto kind : {wire::StreamKind::kAudio, wire::StreamKind::kVideo}) {
    if (const ingress::Repair* repair = camera_->repair(kind)) ended_packets_asked_ += repair->asked();
  }
  addresses_.Forget(camera_->id());
  camera_.reset();
  metered_ = {};
  newest_picture_.reset();
  // What is left in the cache can only grow old (invariant 2).
  cache_.Erase();
  open_buffer_.Wipe();
  messages_.emplace_back(std::move(ended));
}

}  // namespace latchkey::lane
