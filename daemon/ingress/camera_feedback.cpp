// What a CameraSession tells its camera: reception, bitrate, and that a keyframe is needed.
#include <algorithm>
#include <array>

#include "daemon/ingress/camera_session.h"
#include "daemon/wire/rtcp_feedback.h"
#include "daemon/wire/rtcp_remb.h"
#include "daemon/wire/rtcp_source.h"

namespace latchkey::ingress {
namespace {

// A report of two streams, SDES with the longest name, REMB and FIR are under 500 bytes.
constexpr std::size_t kMaxCompound = 700;
// A NACK of the most numbers that one message has (12 + 4 each), with report and name.
constexpr std::size_t kMaxNackCompound = kMaxCompound + 12 + 4 * frames::NackScheduler::kMaxPerMessage;
static_assert(kMaxNackCompound <= 1280);

}  // namespace

std::optional<std::uint32_t> CameraSession::KeyframeSsrc() const {
  for (std::size_t i = 0; gate_ && i < plan_.streams.size(); ++i) {
    if (plan_.streams[i].kind == wire::StreamKind::kVideo) return gate_->SsrcOfStream(i);
  }
  return std::nullopt;
}

Duration CameraSession::jitter() const {
  Duration jitter{};
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    jitter = streams_[i].reception.jitter(plan_.streams[i].clock_rate);
    if (plan_.streams[i].kind == wire::StreamKind::kVideo) break;
  }
  return jitter;
}

// Of each stream that is there, and the loss of all since the last ones.
CameraSession::Reports CameraSession::MakeReports(Instant now) {
  Reports reports;
  std::int64_t expected = 0;
  std::int64_t lost = 0;
  for (std::size_t i = 0; i < streams_.size() && reports.count < reports.blocks.size(); ++i) {
    const auto ssrc = gate_->SsrcOfStream(i);
    const auto interval = streams_[i].reception.interval();
    expected += interval.expected;
    lost += interval.lost;
    const auto report = ssrc ? streams_[i].reception.MakeReport(*ssrc, now) : std::nullopt;
    if (report) reports.blocks[reports.count++] = *report;
  }
  loss_permille_ =
      expected > 0 ? static_cast<std::uint32_t>(std::min<std::int64_t>(1000, lost * 1000 / expected)) : 0;
  return reports;
}

void CameraSession::SendReports(Instant now, DatagramBatch& out) {
  next_report_ = now + kReportInterval;
  const Reports reports = MakeReports(now);
  if (!sender_) return;
  std::array<std::uint8_t, kMaxCompound> bytes{};
  ByteWriter writer(bytes);
  // Every compound begins with a report and a name (RFC 3550 6.1).
  wire::WriteReceiverReport(plan_.streams.front().local_ssrc, std::span(reports.blocks).first(reports.count),
                            writer);
  wire::WriteSdesCname(plan_.streams.front().local_ssrc, plan_.local_cname, writer);
  if (config_.max_bitrate_kbit > 0) {
    std::array<std::uint32_t, peer::kMaxStreams> ssrcs{};
    std::size_t count = 0;
    for (std::size_t i = 0; i < streams_.size() && count < ssrcs.size(); ++i) {
      if (const auto ssrc = gate_->SsrcOfStream(i)) ssrcs[count++] = *ssrc;
    }
    told_ = bitrate_.Decide(now);
    wire::WriteRemb(plan_.streams.front().local_ssrc, told_, std::span(ssrcs).first(count), writer);
  }
  LATCHKEY_CHECK(writer.ok());
  transport_.SendRtcp(writer.Written(), *sender_, out);
}

void CameraSession::SendKeyframeRequest(DatagramBatch& out) {
  const auto ssrc = KeyframeSsrc();
  const peer::StreamPlan* video = plan_.Find(wire::StreamKind::kVideo);
  if (!sender_ || !ssrc || video == nullptr || !(video->feedback.pli || video->feedback.fir)) return;
  std::array<std::uint8_t, kMaxCompound> bytes{};
  ByteWriter writer(bytes);
  wire::WriteReceiverReport(plan_.streams.front().local_ssrc, {}, writer);
  wire::WriteSdesCname(plan_.streams.front().local_ssrc, plan_.local_cname, writer);
  if (video->feedback.pli) {
    wire::WritePli(video->local_ssrc, *ssrc, writer);
  } else {
    wire::WriteFir(video->local_ssrc, {*ssrc, fir_number_++}, writer);
  }
  LATCHKEY_CHECK(writer.ok());
  transport_.SendRtcp(writer.Written(), *sender_, out);
}

void CameraSession::SendNack(std::size_t stream, const std::vector<std::uint16_t>& sequences,
                             DatagramBatch& out) {
  const auto ssrc = gate_->SsrcOfStream(stream);
  if (!sender_ || sequences.empty() || !ssrc) return;
  std::array<std::uint8_t, kMaxNackCompound> bytes{};
  ByteWriter writer(bytes);
  wire::WriteReceiverReport(plan_.streams.front().local_ssrc, {}, writer);
  wire::WriteSdesCname(plan_.streams.front().local_ssrc, plan_.local_cname, writer);
  wire::WriteNack(plan_.streams[stream].local_ssrc, *ssrc, sequences, writer);
  LATCHKEY_CHECK(writer.ok());
  transport_.SendRtcp(writer.Written(), *sender_, out);
}

void CameraSession::Close(DatagramBatch& out) {
  if (transport_.state() == peer::TransportState::kConnected && sender_) {
    std::array<std::uint8_t, kMaxCompound> bytes{};
    ByteWriter writer(bytes);
    wire::WriteReceiverReport(plan_.streams.front().local_ssrc, {}, writer);
    wire::WriteSdesCname(plan_.streams.front().local_ssrc, plan_.local_cname, writer);
    std::array<std::uint32_t, 1> ssrcs{plan_.streams.front().local_ssrc};
    wire::WriteBye(ssrcs, writer);
    LATCHKEY_CHECK(writer.ok());
    transport_.SendRtcp(writer.Written(), *sender_, out);
  }
  transport_.Close(out);
}

}  // namespace latchkey::ingress
