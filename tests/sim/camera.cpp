#include "tests/sim/camera.h"

#include <algorithm>

#include "daemon/wire/h264_pack.h"
#include "daemon/wire/rtcp_report.h"
#include "daemon/wire/rtcp_source.h"
#include "daemon/wire/rtp.h"
#include "daemon/wire/vp8.h"

namespace latchkey::sim {
namespace {

constexpr std::size_t kPayload = 1100;
// A camera's wall clock is its own business: this one believes in the year 2001.
constexpr WallTime kCameraWall = FromUnixSeconds(1'000'000'000);
// 640x480, Constrained Baseline.
constexpr std::array<std::uint8_t, 14> kSps{0x67, 0x42, 0xe0, 0x1f, 0x8c, 0x8d, 0x40,
                                            0x50, 0x1e, 0xd0, 0x0f, 0x08, 0x84, 0x6a};
constexpr std::array<std::uint8_t, 4> kPps{0x68, 0xce, 0x3c, 0x80};

}  // namespace

Camera::Camera(Machine& machine, const SocketAddress& address, std::uint32_t mark, const CameraHabits& habits,
               Instant now)
    : machine_(machine),
      address_(address),
      mark_(mark),
      habits_(habits),
      began_(now),
      microphone_(machine, mark, habits.sound, now),
      next_picture_(now) {
  BeginSource();
}

void Camera::BeginSource() {
  test::SeededEntropy& entropy = machine_.entropy();
  ssrc_ = entropy.U32() | 1U;
  rtx_ssrc_ = ssrc_ ^ Reel::kRtxBit;
  const std::uint32_t random = entropy.U32();
  sequence_ =
      static_cast<std::uint16_t>(habits_.begins_near_wrap ? 65536 - 1200 - random % 2800 : random % 32768);
  rtx_sequence_ = static_cast<std::uint16_t>(entropy.U32() % 32768);
  timestamp_base_ = habits_.begins_near_wrap ? 0U - entropy.U32() % (90'000U * 60) : entropy.U32();
  packets_ = octets_ = 0;
  BeginClock();
  for (Packet& packet : history_) packet.plain.clear();
}

std::string Camera::Offer() {
  offered_.emplace(machine_, address_);
  peer::PublishOffer offer;
  offer.video = peer::PublishOffer::Source{habits_.codec, ssrc_, habits_.offers_rtx ? rtx_ssrc_ : 0};
  if (microphone_.present()) {
    offer.audio = peer::PublishOffer::Source{wire::Codec::kOpus, microphone_.ssrc(), 0};
  }
  offer.cname = "camera";
  offer.local = offered_->Local();
  offer.session_id = 1;
  return peer::WritePublishOffer(offer);
}

void Camera::Begin(const std::string& offer, std::string_view answer, Instant now) {
  endpoint_.reset();
  endpoint_.emplace(std::move(*offered_));
  offered_.reset();
  endpoint_->Begin(offer, answer, now);
  keyframe_next_ = true;
  changes_ = 0;
  BeginClock();
  // Keys are new: numbers that the keys before protected mean nothing any more.
  for (Packet& packet : history_) packet.plain.clear();
}

void Camera::Reboot() {
  endpoint_.reset();
  if (microphone_.present()) microphone_.Reboot();
  ++life_;
  BeginSource();
}

void Camera::ChangeSsrc() {
  ++life_;
  ++changes_;
  BeginSource();
}

void Camera::BeginClock() {
  ++clock_;
  ahead_ = {};
}

void Camera::JumpRtpClock(std::uint32_t ticks) {
  timestamp_base_ += ticks;
  if (ticks >= 1U << 31U) return BeginClock();
  ahead_ += microseconds(std::int64_t{ticks} * 100 / 9);
}

void Camera::Stall(Duration by, Instant now) {
  next_picture_ = std::max(next_picture_, now) + by;
  timestamp_base_ -= static_cast<std::uint32_t>(ToMicroseconds(by) * 9 / 100);
  BeginClock();
}

void Camera::Receive(MutableByteView datagram, const SocketAddress& from, Instant now) {
  if (!endpoint_) return;
  const auto opened = endpoint_->Receive(datagram, from, now);
  if (opened.plain == Endpoint::Plain::kRtcp) ReadRtcp(opened.packet, now);
}

void Camera::ReadRtcp(ByteView compound, Instant now) {
  const auto parsed = wire::ParseRtcp(compound);
  if (!parsed) return;
  for (const wire::RtcpBlock& block : *parsed) {
    if (block.kind == wire::RtcpKind::kPli || block.kind == wire::RtcpKind::kFir) {
      keyframe_next_ |= habits_.answers_pli && now >= reorders_until_;
    } else if (block.kind == wire::RtcpKind::kNack && habits_.answers_nack) {
      const auto nack = wire::ParseNack(block);
      if (nack && nack->media_ssrc == ssrc_) nack->ForEach([&](std::uint16_t s) { Repeat(s, now); });
    }
  }
}

// Once in 20 ms, however often it is asked.
void Camera::Repeat(std::uint16_t sequence, Instant now) {
  Packet& packet = history_[sequence % kHistory];
  if (packet.plain.empty() || packet.sequence != sequence || now - packet.repeated < milliseconds(20)) return;
  packet.repeated = now;
  ++repeated_;
  const auto& plan = *endpoint_->plan().Find(wire::StreamKind::kVideo);
  if (!plan.rtx_payload_type || !habits_.offers_rtx) return endpoint_->SendRtp(packet.plain);
  const auto parsed = wire::ParseRtp(packet.plain);
  wire::RtpHeader header = parsed->header;
  header.payload_type = *plan.rtx_payload_type;
  header.ssrc = rtx_ssrc_;
  header.sequence = rtx_sequence_++;
  ByteVector rtx(wire::kRtpHeaderSize + wire::kRtxHeaderSize + parsed->payload.size());
  (void)wire::WriteRtpHeader(header, {}, rtx);
  rtx[wire::kRtpHeaderSize] = static_cast<std::uint8_t>(sequence >> 8U);
  rtx[wire::kRtpHeaderSize + 1] = static_cast<std::uint8_t>(sequence & 0xffU);
  std::copy(parsed->payload.begin(), parsed->payload.end(),
            rtx.end() - static_cast<std::ptrdiff_t>(parsed->payload.size()));
  endpoint_->SendRtp(rtx);
}

Duration Camera::Elapsed(Instant now) const {
  const auto real = static_cast<double>((now - began_).count());
  return (now - began_) + Duration{static_cast<std::int64_t>(real * habits_.ppm * 1e-6)};
}

std::uint32_t Camera::TimestampAt(Instant now) const {
  return timestamp_base_ + static_cast<std::uint32_t>(ToMicroseconds(Elapsed(now)) * 9 / 100);
}

void Camera::Work(Instant now) {
  if (!endpoint_) return;
  endpoint_->Work(now);
  microphone_.Work(now, Elapsed(now), *endpoint_);
  while (now >= next_picture_) {
    if (endpoint_->connected()) SendPicture(now);
    next_picture_ += Duration{static_cast<std::int64_t>(static_cast<double>(habits_.Interval().count()) *
                                                        (1 - habits_.ppm * 1e-6))};
  }
  if (endpoint_->connected() && now >= next_report_) SendReport(now);
}

Instant Camera::NextDeadline() const {
  if (!endpoint_) return Instant::max();
  const Instant next = std::min({endpoint_->NextDeadline(), next_picture_, microphone_.NextDeadline()});
  return endpoint_->connected() ? std::min(next, next_report_) : next;
}

void Camera::SendPicture(Instant now) {
  Picture picture{mark_, life_, number_++, false};
  picture.keyframe = keyframe_next_ || ++since_keyframe_ >= habits_.group;
  if (picture.keyframe) since_keyframe_ = 0;
  keyframe_next_ = false;
  picture.b_slice = now < reorders_until_ && !picture.keyframe;
  const std::uint32_t timestamp = TimestampAt(now);
  reel_.Add({picture.number, life_, ssrc_, timestamp, now, clock_, ahead_});
  const ByteVector frame =
      WritePicture(picture, habits_.codec, picture.keyframe ? habits_.keyframe_bytes : habits_.bytes);
  std::array<std::uint8_t, kPayload> room{};
  if (habits_.codec == wire::Codec::kVp8) {
    wire::Vp8Fragmenter fragmenter(frame, static_cast<std::uint16_t>(picture.number & 0x7fffU), room.size());
    while (const auto payload = fragmenter.Next(room)) SendPayload(*payload, fragmenter.Done(), timestamp);
    return;
  }
  if (picture.keyframe) {
    SendPayload(kSps, false, timestamp);
    SendPayload(kPps, false, timestamp);
  }
  wire::H264Fragmenter fragmenter(frame, room.size());
  while (const auto payload = fragmenter.Next(room)) SendPayload(*payload, fragmenter.Done(), timestamp);
}

void Camera::SendPayload(ByteView payload, bool marker, std::uint32_t timestamp) {
  const auto& plan = *endpoint_->plan().Find(wire::StreamKind::kVideo);
  Packet& packet = history_[sequence_ % kHistory];
  packet.sequence = sequence_;
  packet.repeated = Instant{};
  packet.plain.resize(wire::kRtpHeaderSize + payload.size());
  (void)wire::WriteRtpHeader({marker, plan.payload_type, sequence_, timestamp, ssrc_}, {}, packet.plain);
  std::copy(payload.begin(), payload.end(), packet.plain.begin() + wire::kRtpHeaderSize);
  endpoint_->SendRtp(packet.plain);
  ++sequence_;
  ++packets_;
  octets_ += static_cast<std::uint32_t>(payload.size());
}

void Camera::SendReport(Instant now) {
  next_report_ = now + kReportInterval;
  wire::SenderInfo info;
  info.ssrc = ssrc_;
  info.rtp_timestamp = TimestampAt(now);
  info.packet_count = packets_;
  info.octet_count = octets_;
  SendReport(info, now);
  if (microphone_.present()) SendReport(microphone_.Report(Elapsed(now)), now);
}

void Camera::SendReport(wire::SenderInfo info, Instant now) {
  info.ntp = wire::NtpFromWallTime(kCameraWall + wall_ + Elapsed(now));
  std::array<std::uint8_t, 100> bytes{};
  ByteWriter writer(bytes);
  wire::WriteSenderReport(info, {}, writer);
  wire::WriteSdesCname(info.ssrc, "camera", writer);
  endpoint_->SendRtcp(writer.Written());
}

}  // namespace latchkey::sim
