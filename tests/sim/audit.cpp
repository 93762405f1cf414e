#include "tests/sim/audit.h"

#include <algorithm>
#include <string>

#include "daemon/wire/rtp.h"
#include "tests/sim/violation.h"

namespace latchkey::sim {

void Audit::Grant(std::uint32_t life) {
  if (std::find(lives_.begin(), lives_.end(), life) == lives_.end()) lives_.push_back(life);
}

std::string Audit::Where() const {
  const Picture last = newest_.value_or(Picture{});
  return " (camera " + std::to_string(mark_) + ", after picture " + std::to_string(last.life) + "/" +
         std::to_string(last.number) + ")";
}

bool Audit::OnRtp(ByteView datagram, ports::SrtpReceiver& witness, const peer::MediaPlan& plan) {
  const auto* video = plan.Find(wire::StreamKind::kVideo);
  const auto outside = wire::ParseProtectedRtp(datagram);
  Demand(outside.has_value() && video != nullptr && !video->remote_sources.empty(),
         "what was sent to a viewer is no RTP");
  const auto& source = video->remote_sources.front();
  ByteVector copy(datagram.begin(), datagram.end());
  const auto opened = witness.UnprotectRtp(copy);
  const std::uint16_t number = outside->header.sequence;
  const auto* audio = plan.Find(wire::StreamKind::kAudio);
  if (audio != nullptr && !audio->remote_sources.empty() &&
      outside->header.ssrc == audio->remote_sources.front().ssrc) {
    Demand(opened.reason == DropReason::kNone, [&] { return "sound does not open" + Where(); });
    const auto packet = wire::ParseRtp(ByteView(copy).first(opened.size));
    Demand(packet && packet->header.payload_type == audio->payload_type,
           [&] { return "sound of another payload type" + Where(); });
    return sound.OnRtp(*packet);
  }
  if (outside->header.ssrc == source.rtx_ssrc) {
    Demand(opened.reason == DropReason::kNone, [&] { return "a repetition does not open" + Where(); });
    Demand(!rtx_sequence_ || static_cast<std::uint16_t>(*rtx_sequence_ + 1) == number,
           [&] { return "repetitions are not contiguous" + Where(); });
    rtx_sequence_ = number;
    ++repeated_;
    return false;
  }
  Demand(outside->header.ssrc == source.ssrc, [&] { return "a packet of another SSRC" + Where(); });
  const std::int64_t sequence = sequence_.Peek(number);
  const auto highest = sequence_.highest();
  if (highest && sequence <= *highest) {
    // libsrtp calls what is far behind too old, which is a replay, too.
    Demand(opened.reason == DropReason::kSrtpReplay,
           [&] { return "another packet under a number that was sent" + Where(); });
    ++repeated_;
    return false;
  }
  Demand(opened.reason == DropReason::kNone, [&] { return "a packet does not open" + Where(); });
  Demand(!highest || sequence == *highest + 1, [&] { return "numbers are not contiguous" + Where(); });
  sequence_.Unwrap(number);
  const auto packet = wire::ParseRtp(ByteView(copy).first(opened.size));
  Demand(packet && packet->header.payload_type == video->payload_type,
         [&] { return "a packet of another payload type" + Where(); });
  OnMedia(packet->payload, packet->header.marker, packet->header.timestamp, sequence, video->codec);
  return true;
}

void Audit::OnMedia(ByteView payload, bool marker, std::uint32_t timestamp, std::int64_t sequence,
                    wire::Codec codec) {
  const auto facts = ReadPayload(payload, codec);
  Demand(facts.has_value(), [&] { return "a payload is malformed" + Where(); });
  if (open_ && open_->timestamp != timestamp) {
    Demand(may_break_off_ || tight_, [&] {
      return "a frame was left after " + std::to_string(sequence - open_->first) + " packets" + Where();
    });
    open_.reset();
  }
  if (!open_) {
    Demand(facts->starts, [&] { return "a frame has no beginning" + Where(); });
    BeginFrame(timestamp, sequence);
  }
  open_->bytes += facts->bytes;
  if (facts->picture) {
    Demand(!open_->picture, [&] { return "two pictures in one frame" + Where(); });
    open_->picture = facts->picture;
    open_->all_bytes = facts->all_bytes;
  }
  if (marker) EndFrame(sequence);
}

void Audit::BeginFrame(std::uint32_t timestamp, std::int64_t sequence) {
  may_break_off_ = false;
  // A frame begins later than the one before, modulo 2^32.
  Demand(!timestamp_ || timestamp - *timestamp_ - 1U < 0x7fffffffU,
         [&] { return "a viewer's clock went back or stood" + Where(); });
  timestamp_ = timestamp;
  open_.emplace();
  open_->timestamp = timestamp;
  open_->first = sequence;
}

void Audit::EndFrame(std::int64_t sequence) {
  const Open frame = *open_;
  open_.reset();
  Demand(frame.picture && frame.bytes == frame.all_bytes, [&] { return "a frame is not whole" + Where(); });
  const Picture& picture = *frame.picture;
  const auto name = [&] {
    return std::to_string(picture.life) + "/" + std::to_string(picture.number) + Where();
  };
  Demand(!picture.b_slice, [&] { return "a picture that WebRTC can't carry, " + name(); });
  Demand(picture.mark == mark_, [&] {
    return "a frame of camera " + std::to_string(picture.mark) + " reached a viewer of another, " + name();
  });
  Demand(std::find(lives_.begin(), lives_.end(), picture.life) != lives_.end(),
         [&] { return "a frame of a life that no grant named, " + name(); });
  if (newest_) {
    Demand(picture.life >= newest_->life && picture.number > newest_->number,
           [&] { return "an older frame after a newer one, " + name(); });
  }
  const bool follows = newest_ && picture.life == newest_->life && picture.number == newest_->number + 1;
  Demand(picture.keyframe || follows, [&] { return "a frame without the one that it needs, " + name(); });
  newest_ = picture;
  ++frames_;
  sent_.push_back({picture, frame.first, sequence, sequence - frame.first + 1, frame.timestamp});
  if (sent_.size() > kRemembered) sent_.pop_front();
}

std::optional<SentFrame> Audit::Arrived(std::int64_t sequence) {
  // Most of what arrives is among the newest.
  for (auto frame = sent_.rbegin(); frame != sent_.rend() && frame->last >= sequence; ++frame) {
    if (sequence < frame->first) continue;
    if (--frame->missing == 0) return *frame;
    break;
  }
  return std::nullopt;
}

}  // namespace latchkey::sim
