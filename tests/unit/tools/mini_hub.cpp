#include "tests/unit/tools/mini_hub.h"

#include <array>
#include <vector>

#include "daemon/wire/demux.h"
#include "daemon/wire/rtcp_feedback.h"
#include "daemon/wire/stun.h"
#include "tests/support/catch.h"

namespace latchkey::media::test {
namespace {

const SocketAddress kHub{IpAddress::V4({192, 0, 2, 1}), 47000};

}  // namespace

MiniHub::MiniHub(SessionPorts ports, SessionPorts client_ports, const PublishMedia& media)
    : camera(client_ports, media), viewer(client_ports), ports_(ports) {
  camera_end.remote = {IpAddress::V4({192, 0, 2, 2}), 50000};
  viewer_end.remote = {IpAddress::V4({192, 0, 2, 3}), 50000};
}

Status MiniHub::Begin(HubEnd& end, RtcSession& session, peer::MediaPlan plan,
                      const peer::IceCredentials& credentials, const std::string& answer) {
  end.plan = std::move(plan);
  auto transport = peer::Transport::Make(end.plan.transport, credentials, ports_, now);
  REQUIRE(transport.has_value());
  end.transport.emplace(std::move(*transport));
  return session.HandleAnswer(answer, now);
}

Status MiniHub::AnswerCamera(const Change& change) {
  const auto credentials = peer::MakeIceCredentials(ports_.entropy);
  const peer::LocalTransport local{
      credentials.ufrag, credentials.password, ports_.dtls.LocalFingerprint(), {kHub}};
  auto answer = peer::AnswerCameraOffer(camera.MakeOffer({camera_end.remote}), local, false, ports_.entropy);
  REQUIRE(answer.has_value());
  return Begin(camera_end, camera, answer->plan, credentials, change ? change(answer->sdp) : answer->sdp);
}

Status MiniHub::AnswerViewer(const Change& change) {
  const auto credentials = peer::MakeIceCredentials(ports_.entropy);
  const peer::LocalTransport local{
      credentials.ufrag, credentials.password, ports_.dtls.LocalFingerprint(), {kHub}};
  auto offer = peer::ParseViewerOffer(viewer.MakeOffer({}));
  REQUIRE(offer.has_value());
  peer::CameraMedia media;
  for (const peer::StreamPlan& stream : camera_end.plan.streams) {
    (stream.kind == wire::StreamKind::kVideo ? media.video : media.audio) = stream.codec;
  }
  auto answer = peer::AnswerViewerOffer(*offer, media, local, ports_.entropy);
  REQUIRE(answer.has_value());
  return Begin(viewer_end, viewer, answer->plan, credentials, change ? change(answer->sdp) : answer->sdp);
}

void MiniHub::Advance(Duration d) {
  for (const Instant end = now + d; now < end; now += milliseconds{1}, wall += milliseconds{1}) {
    if (camera_end.transport) Exchange(camera_end, camera);
    if (viewer_end.transport) Exchange(viewer_end, viewer);
    while (auto frame = viewer.PollFrame()) seen.push_back(std::move(*frame));
  }
}

void MiniHub::Exchange(HubEnd& end, RtcSession& session) {
  session.HandleTimeout(now, wall);
  for (int round = 0; round < 4; ++round) {
    DatagramBatch from_tool;
    session.Drain(now, from_tool);
    for (const Outgoing& entry : from_tool.entries()) {
      CHECK(entry.to == kHub);
      CHECK(entry.size <= 1200);
      if (!end.silent) FromTool(end, from_tool.BytesOf(entry));
    }
    end.transport->HandleTimeout(now, end.out);
    DatagramBatch to_tool;
    std::swap(to_tool, end.out);
    for (const Outgoing& entry : to_tool.entries()) {
      const ByteView bytes = to_tool.BytesOf(entry);
      ByteVector copy(bytes.begin(), bytes.end());
      if (!end.silent) session.HandleDatagram(end.sends_from.value_or(kHub), copy, now, wall);
    }
    if (from_tool.empty() && to_tool.empty()) return;
  }
}

void MiniHub::FromTool(HubEnd& end, ByteView bytes) {
  ByteVector copy(bytes.begin(), bytes.end());
  const ReceivedDatagram datagram{end.remote, kHub, copy};
  const auto kind = wire::ClassifyDatagram(copy);
  if (kind == wire::DatagramKind::kStun) {
    const auto message = wire::ParseStun(copy);
    REQUIRE(message.has_value());
    const auto verdict = end.transport->HandleStun(*message, datagram, now, end.out);
    const bool ended = end.transport->state() > peer::TransportState::kConnected;
    CHECK((ended || verdict.reason == DropReason::kNone));
  } else if (kind == wire::DatagramKind::kDtls) {
    (void)end.transport->HandleDtls(datagram, now, end.out);
    if (auto keys = end.transport->TakeKeys()) {
      end.receiver = std::move(*ports_.srtp.MakeReceiver(keys->inbound));
      end.sender = std::move(*ports_.srtp.MakeSender(keys->outbound));
    }
  } else {
    HandleMedia(end, std::move(copy));
  }
}

void MiniHub::HandleMedia(HubEnd& end, ByteVector bytes) {
  REQUIRE(end.receiver);
  const bool rtcp = wire::ClassifyDatagram(bytes) == wire::DatagramKind::kRtcp;
  const auto opened = rtcp ? end.receiver->UnprotectRtcp(bytes) : end.receiver->UnprotectRtp(bytes);
  REQUIRE(opened.reason == DropReason::kNone);
  const ByteView plain = ByteView(bytes).first(opened.size);
  if (rtcp) return HandleRtcp(end, plain);
  const auto packet = wire::ParseRtp(plain);
  REQUIRE(packet.has_value());
  Forward(*packet);
}

void MiniHub::Forward(const wire::RtpPacket& packet) {
  for (const peer::StreamPlan& from : camera_end.plan.streams) {
    if (from.payload_type != packet.header.payload_type) continue;
    const peer::StreamPlan* to = viewer_end.plan.Find(from.kind);
    if (to == nullptr) return;
    wire::RtpHeader header = packet.header;
    header.payload_type = to->payload_type;
    header.ssrc = to->local_ssrc;
    ByteVector plain(wire::kRtpHeaderSize + packet.payload.size());
    REQUIRE(wire::WriteRtpHeader(header, {}, plain) == wire::kRtpHeaderSize);
    std::copy(packet.payload.begin(), packet.payload.end(), plain.begin() + wire::kRtpHeaderSize);
    if (from.kind == wire::StreamKind::kVideo) {
      sent_[header.sequence] = plain;
      if (passes && !passes(header.sequence, false)) return;
    }
    SendRtp(viewer_end, plain);
  }
}

void MiniHub::SendRtp(HubEnd& end, ByteView plain) {
  if (!end.sender) return;
  const auto room = end.out.Append(end.remote, kHub, plain.size() + ports::kSrtpMaxOverhead);
  std::copy(plain.begin(), plain.end(), room.begin());
  end.out.TrimLast(end.sender->ProtectRtp(room, plain.size()));
}

void MiniHub::HandleRtcp(HubEnd& end, ByteView plain) {
  const auto compound = wire::ParseRtcp(plain);
  REQUIRE(compound.has_value());
  for (const wire::RtcpBlock& block : *compound) {
    if (block.kind == wire::RtcpKind::kSenderReport) ++reports_of_camera;
    const auto report = wire::ParseReceiverReport(block);
    if (&end == &viewer_end && report && report->blocks.size() > 0) ++reports_of_viewer;
    if (block.kind == wire::RtcpKind::kPli) {
      ++plis_of_viewer;
      SendPliToCamera();
    }
    if (const auto nack = wire::ParseNack(block)) {
      nack->ForEach([&](std::uint16_t sequence) {
        if (!passes || passes(sequence, true)) SendRtp(viewer_end, sent_.at(sequence));
      });
    }
  }
}

void MiniHub::SendPliToCamera() {
  const peer::StreamPlan* stream = camera_end.plan.Find(wire::StreamKind::kVideo);
  REQUIRE(stream != nullptr);
  REQUIRE_FALSE(stream->remote_sources.empty());
  std::array<std::uint8_t, 64> buffer{};
  ByteWriter writer(buffer);
  wire::WritePli(stream->local_ssrc, stream->remote_sources[0].ssrc, writer);
  const auto room = camera_end.out.Append(camera_end.remote, kHub, writer.size() + ports::kSrtpMaxOverhead);
  std::copy(writer.Written().begin(), writer.Written().end(), room.begin());
  camera_end.out.TrimLast(camera_end.sender->ProtectRtcp(room, writer.size()));
}

}  // namespace latchkey::media::test
