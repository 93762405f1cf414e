#include "tests/unit/lane/peer.h"

#include <algorithm>
#include <array>

#include "daemon/wire/demux.h"
#include "daemon/wire/h264.h"
#include "daemon/wire/h264_pack.h"
#include "daemon/wire/rtcp_feedback.h"
#include "daemon/wire/rtcp_report.h"
#include "daemon/wire/rtp.h"
#include "daemon/wire/vp8.h"
#include "tests/support/bytes.h"
#include "tests/support/catch.h"

namespace latchkey::lane::test {

PeerTools::PeerTools(std::uint64_t seed) : entropy(seed) {
  auto factory = platform::OpenSslDtlsFactory::Create(entropy);
  REQUIRE(factory);
  dtls = std::move(*factory);
}

Peer::Peer(PeerTools& tools, const SocketAddress& address)
    : tools_(tools), address_(address), credentials_(peer::MakeIceCredentials(tools.entropy)) {}

peer::LocalTransport Peer::Local() const {
  return {credentials_.ufrag, credentials_.password, tools_.dtls->LocalFingerprint(), {}};
}

void Peer::Begin(std::string_view offer, std::string_view answer, Instant now) {
  auto plan = peer::ReadAnswer(offer, answer);
  REQUIRE(plan);
  plan_ = std::move(*plan);
  REQUIRE_FALSE(plan_.transport.remote_candidates.empty());
  hub_ = plan_.transport.remote_candidates.front();
  ice_.emplace(
      credentials_, peer::IceCredentials{plan_.transport.remote_ufrag, plan_.transport.remote_password},
      std::vector<SocketAddress>{hub_}, tools_.crypto, tools_.entropy, now, peer::IceClient::Config{});
  if (!sdes.empty()) {
    auto keys = peer::ReadSdesAnswer(sdes, answer);
    REQUIRE(keys);
    sender_ = std::move(*tools_.srtp.MakeSender(keys->outbound));
    receiver_ = std::move(*tools_.srtp.MakeReceiver(keys->inbound));
    return Work(now);
  }
  auto dtls = (certificate != nullptr ? *certificate : tools_)
                  .dtls->Make(plan_.transport.local_role, plan_.transport.remote_fingerprint);
  REQUIRE(dtls);
  dtls_ = std::move(*dtls);
  Work(now);
}

void Peer::Enrol(const ports::SrtpKey& key, peer::MediaPlan plan, const SocketAddress& hub) {
  plan_ = std::move(plan);
  hub_ = hub;
  sender_ = std::move(*tools_.srtp.MakeSender(key));
}

void Peer::Receive(ByteView datagram, const SocketAddress& from, Instant now) {
  if (mute) return;
  ByteVector bytes(datagram.begin(), datagram.end());
  switch (wire::ClassifyDatagram(bytes)) {
    case wire::DatagramKind::kStun:
      if (ice_) (void)ice_->HandleDatagram(bytes, from, now);
      break;
    case wire::DatagramKind::kDtls:
      if (dtls_) dtls_->HandleDatagram(bytes, now);
      break;
    case wire::DatagramKind::kRtp: {
      if (!receiver_) break;
      const auto opened = receiver_->UnprotectRtp(bytes);
      if (opened.reason != DropReason::kNone) {
        ++rejected;
        break;
      }
      rtp.emplace_back(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(opened.size));
      protected_rtp.emplace_back(datagram.begin(), datagram.end());
      rtp_at.push_back(now);
      break;
    }
    case wire::DatagramKind::kRtcp: {
      if (!receiver_) break;
      const auto opened = receiver_->UnprotectRtcp(bytes);
      if (opened.reason == DropReason::kNone) {
        rtcp.emplace_back(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(opened.size));
      } else {
        ++rejected;
      }
      break;
    }
    case wire::DatagramKind::kUnknown:
    case wire::DatagramKind::kCount: FAIL("the hub sent what is no protocol of ours");
  }
  Work(now);
}

void Peer::Work(Instant now) {
  if (!ice_ || mute) return;
  while (auto transmit = ice_->Poll(now)) out.push_back(std::move(transmit->bytes));
  if (ice_->state() != peer::IceClientState::kConnected || !dtls_) return;
  if (!dtls_started_) {
    if (no_dtls) return;
    dtls_->Start(now);
    dtls_started_ = true;
  }
  while (auto datagram = dtls_->PollDatagram()) out.push_back(std::move(*datagram));
  if (dtls_->state() == ports::DtlsState::kConnected && !sender_) {
    auto keys = dtls_->ExportKeys();
    REQUIRE(keys);
    sender_ = std::move(*tools_.srtp.MakeSender(keys->outbound));
    receiver_ = std::move(*tools_.srtp.MakeReceiver(keys->inbound));
  }
}

std::optional<Instant> Peer::NextDeadline() const {
  return ice_ && !mute ? ice_->NextDeadline() : std::nullopt;
}

void Peer::Close() {
  if (!dtls_) return;
  dtls_->Close();
  while (auto datagram = dtls_->PollDatagram()) out.push_back(std::move(*datagram));
  ice_.reset();
}

void Peer::SendRtp(ByteView plain) {
  ByteVector bytes(plain.begin(), plain.end());
  bytes.resize(plain.size() + ports::kSrtpMaxOverhead);
  bytes.resize(sender_->ProtectRtp(bytes, plain.size()));
  out.push_back(std::move(bytes));
}

void Peer::SendRtcp(ByteView plain) {
  ByteVector bytes(plain.begin(), plain.end());
  bytes.resize(plain.size() + ports::kSrtpMaxOverhead);
  bytes.resize(sender_->ProtectRtcp(bytes, plain.size()));
  out.push_back(std::move(bytes));
}

Camera::Camera(PeerTools& tools, const SocketAddress& address, std::uint32_t the_mark, wire::Codec codec)
    : peer(tools, address), mark(the_mark), codec_(codec), ssrc_(0x1000 + the_mark) {}

std::string Camera::Offer() {
  latchkey::peer::PublishOffer offer;
  offer.video = latchkey::peer::PublishOffer::Source{codec_, ssrc_, 0};
  if (sound) offer.audio = latchkey::peer::PublishOffer::Source{*sound, ssrc_ + 0x1000000, 0};
  offer.cname = "camera";
  offer.local = peer.Local();
  offer.session_id = 1;
  offer.sdes = std::move(peer.sdes);
  std::string text = latchkey::peer::WritePublishOffer(offer);
  peer.sdes = std::move(offer.sdes);
  return text;
}

void Camera::SendPayload(ByteView payload, bool marker, std::uint32_t timestamp) {
  const auto& plan = *peer.plan().Find(wire::StreamKind::kVideo);
  ByteVector packet(wire::kRtpMaxWrittenHeader + payload.size());
  const std::size_t header =
      wire::WriteRtpHeader({marker, plan.payload_type, sequence_++, timestamp, ssrc_}, {}, packet);
  std::copy(payload.begin(), payload.end(), packet.begin() + static_cast<std::ptrdiff_t>(header));
  packet.resize(header + payload.size());
  peer.SendRtp(packet);
}

void Camera::SendSound(Instant now) {
  const auto& plan = *peer.plan().Find(wire::StreamKind::kAudio);
  const std::int64_t rate = wire::ClockRate(plan.codec);
  const auto timestamp =
      static_cast<std::uint32_t>(ToMicroseconds(now.time_since_epoch()) * (rate / 1000) / 1000);
  ByteVector packet(wire::kRtpMaxWrittenHeader + 80, 0x33);
  const std::size_t header = wire::WriteRtpHeader(
      {false, plan.payload_type, sound_sequence_++, timestamp, ssrc_ + 0x1000000}, {}, packet);
  packet.resize(header + 80);
  peer.SendRtp(packet);
}

void Camera::SendPicture(bool keyframe, std::size_t bytes, Instant now) {
  const auto timestamp = static_cast<std::uint32_t>(ToMicroseconds(now.time_since_epoch()) * 9 / 100);
  std::array<std::uint8_t, 1100> room{};
  const auto marked = [&](ByteVector head) {
    for (const std::uint32_t word : {mark, pictures}) {
      for (int shift = 24; shift >= 0; shift -= 8)
        head.push_back(static_cast<std::uint8_t>((word >> shift) | 0x00U));
    }
    head.resize(std::max(head.size(), bytes), FillingOf(mark, pictures));
    return head;
  };
  if (codec_ == wire::Codec::kVp8) {
    // Frame tag, start code and 640x480 for a key frame (RFC 6386 9.1).
    const ByteVector frame =
        marked(keyframe ? ByteVector{0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01}
                        : ByteVector{0x11, 0x02, 0x00});
    wire::Vp8Fragmenter fragmenter(frame, static_cast<std::uint16_t>(pictures), room.size());
    while (const auto payload = fragmenter.Next(room)) SendPayload(*payload, fragmenter.Done(), timestamp);
  } else {
    if (keyframe) {
      SendPayload(latchkey::test::Hex("67 42 e0 1f 8c 8d 40 50 1e d0 0f 08 84 6a"), false, timestamp);
      SendPayload(latchkey::test::Hex("68 ce 3c 80"), false, timestamp);
    }
    // first_mb_in_slice 0, slice_type 7 (I) or 5 (P), as Exp-Golomb codes.
    const ByteVector nal = marked(keyframe ? ByteVector{0x65, 0x88} : ByteVector{0x41, 0x9a});
    wire::H264Fragmenter fragmenter(nal, room.size());
    while (const auto payload = fragmenter.Next(room)) SendPayload(*payload, fragmenter.Done(), timestamp);
  }
  ++pictures;
  if (sound) SendSound(now);
}

std::size_t Camera::TakeKeyframeRequests() {
  std::size_t count = 0;
  for (const ByteVector& compound : peer.rtcp) {
    const auto parsed = wire::ParseRtcp(compound);
    REQUIRE(parsed);
    for (const wire::RtcpBlock& block : *parsed) {
      if (block.kind == wire::RtcpKind::kPli || block.kind == wire::RtcpKind::kFir) ++count;
    }
  }
  peer.rtcp.clear();
  return count;
}

std::string ViewerEnd::Offer(bool only_h264) {
  latchkey::peer::ReceiveOffer offer;
  offer.cname = "viewer";
  offer.video_ssrc = 7;
  offer.audio_ssrc = 8;
  offer.local = peer.Local();
  offer.session_id = 2;
  std::string text = latchkey::peer::WriteReceiveOffer(offer);
  // A player that knows H264 in one profile and nothing else: what is about other payload types goes.
  if (!only_h264) return text;
  std::string kept;
  bool video = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at) + 1;
    std::string line = text.substr(at, end - at);
    at = end;
    if (line.rfind("m=", 0) == 0) video = line.rfind("m=video", 0) == 0;
    if (video && line.rfind("m=", 0) == 0) line = "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n";
    bool other = false;
    for (const char* name : {"a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"}) {
      if (!video || line.rfind(name, 0) != 0) continue;
      const std::string number = line.substr(std::string(name).size(), 2);
      other = number != "96" && number != "97";
    }
    if (!other) kept += line;
  }
  return kept;
}

std::size_t ViewerEnd::Sounds() const {
  const auto& audio = *peer.plan().Find(wire::StreamKind::kAudio);
  return static_cast<std::size_t>(
      std::count_if(peer.rtp.begin(), peer.rtp.end(), [&](const ByteVector& bytes) {
        const auto packet = wire::ParseRtp(bytes);
        return packet && packet->header.ssrc == audio.remote_sources.front().ssrc;
      }));
}

void ViewerEnd::SendPli() {
  std::array<std::uint8_t, 100> bytes{};
  ByteWriter writer(bytes);
  wire::WriteReceiverReport(7, {}, writer);
  wire::WritePli(7, video().remote_sources.front().ssrc, writer);
  peer.SendRtcp(writer.Written());
}

std::vector<Picture> ViewerEnd::Pictures() const {
  std::vector<Picture> pictures;
  std::optional<std::uint16_t> last_sequence;
  std::optional<std::uint32_t> last_time;
  std::optional<Picture> open;
  for (const ByteVector& bytes : peer.rtp) {
    const auto packet = wire::ParseRtp(bytes);
    REQUIRE(packet);
    if (packet->header.ssrc != video().remote_sources.front().ssrc) continue;
    CHECK(packet->header.payload_type == video().payload_type);
    if (last_sequence) CHECK(packet->header.sequence == static_cast<std::uint16_t>(*last_sequence + 1));
    last_sequence = packet->header.sequence;
    if (last_time && packet->header.timestamp != *last_time)
      CHECK(packet->header.timestamp - *last_time < 0x80000000U);
    last_time = packet->header.timestamp;
    const auto read = [&](ByteView marked, bool keyframe) {
      ByteReader reader(marked);
      open = Picture{reader.U32(), reader.U32(), keyframe};
    };
    if (video().codec == wire::Codec::kVp8) {
      const auto payload = wire::ParseVp8Payload(packet->payload);
      REQUIRE(payload);
      if (payload->StartsFrame())
        read(payload->data.subspan(payload->StartsKeyframe() ? 10 : 3), payload->StartsKeyframe());
    } else {
      auto payload = wire::ParseH264Payload(packet->payload);
      REQUIRE(payload);
      while (const auto nal = payload->Next()) {
        if (wire::IsVclNal(nal->type()) && nal->first)
          read(nal->body.subspan(1), nal->type() == wire::nal::kIdr);
      }
    }
    if (packet->header.marker && open) {
      pictures.push_back(*open);
      open.reset();
    }
  }
  return pictures;
}

}  // namespace latchkey::lane::test
