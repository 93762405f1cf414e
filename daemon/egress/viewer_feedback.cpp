// RTCP of a ViewerSession, both ways: what the viewer asks for, and its sender reports.
#include <algorithm>
#include <array>

#include "daemon/egress/viewer_session.h"
#include "daemon/wire/rtcp_source.h"

namespace latchkey::egress {
namespace {

// SR without blocks, SDES with the longest name, BYE.
constexpr std::size_t kMaxCompound = 400;

}  // namespace

DropReason ViewerSession::HandleRtp(const ReceivedDatagram&, Instant) {
  return DropReason::kWrongDirection;
}

DropReason ViewerSession::HandleRtcp(const ReceivedDatagram& datagram, Instant now) {
  if (!gate_) return DropReason::kNoKeysYet;
  gate::Admission admission;
  if (const auto path = transport_.MediaPath(datagram, now)) {
    admission.peer = path->remote;
    admission.local = path->local;
  }
  admission.consent_fresh = transport_.ConsentFresh(now);
  admission.suspended = false;  // a suspended lane has no sessions
  const gate::RtcpVerdict verdict = gate_->AdmitRtcp(datagram, admission, now);
  if (!verdict.packet) return verdict.reason;
  transport_.NoteAuthenticMedia({datagram.to, datagram.from}, now);
  ReadRtcp(*verdict.packet);
  return DropReason::kNone;
}

void ViewerSession::ReadRtcp(const gate::AuthenticRtcp& packet) {
  for (const wire::RtcpBlock& block : packet.compound()) {
    if (block.kind == wire::RtcpKind::kReceiverReport) {
      const auto report = wire::ParseReceiverReport(block);
      std::int64_t lost = 0;
      for (const OutboundStream& stream : streams_) {
        const auto found = report ? report->blocks.Find(stream.plan().local_ssrc) : std::nullopt;
        if (!found) continue;
        lost += std::max<std::int32_t>(0, found->cumulative_lost);
        if (stream.plan().kind == wire::StreamKind::kVideo || streams_.size() == 1) {
          estimate_.OnReceiverReport(*found, packet.arrived());
          jitter_ = Duration(std::int64_t{found->jitter} * 1'000'000'000 / stream.plan().clock_rate);
        }
      }
      lost_ = std::max(lost_, static_cast<std::uint64_t>(lost));
    } else if (block.kind == wire::RtcpKind::kNack) {
      if (const auto nack = wire::ParseNack(block)) NoteNack(*nack);
    } else if (block.kind == wire::RtcpKind::kPli) {
      if (const auto pli = wire::ParsePli(block)) NoteKeyframeRequest(pli->media_ssrc, packet.arrived());
    } else if (block.kind == wire::RtcpKind::kFir) {
      const auto fir = wire::ParseFir(block);
      for (std::size_t i = 0; fir && i < fir->size(); ++i)
        NoteKeyframeRequest((*fir)[i].ssrc, packet.arrived());
    }
  }
}

void ViewerSession::NoteNack(const wire::Nack& nack) {
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    if (streams_[i].plan().local_ssrc != nack.media_ssrc) continue;
    nack.ForEach([&](std::uint16_t sequence) {
      if (resends_.size() < kMaxResend) resends_.push_back({i, sequence});
    });
  }
}

// Nothing in the cache is better than what this viewer was sent: the camera is asked, with patience, when
// that has had its time.
void ViewerSession::NoteKeyframeRequest(std::uint32_t ssrc, Instant now) {
  const bool ours = std::any_of(streams_.begin(), streams_.end(), [&](const OutboundStream& s) {
    return s.plan().local_ssrc == ssrc && s.plan().kind == wire::StreamKind::kVideo;
  });
  if (!ours) return;
  if (!catching_up() && (!keyframe_sent_ || now - *keyframe_sent_ >= kKeyframeGrace))
    return keyframe_wish_.Want();
  WantStartAgain();
}

void ViewerSession::SendReports(Instant now, WallTime wall, DatagramBatch& out) {
  next_report_ = now + kReportInterval;
  // During the run through the past the viewer's clock isn't the camera's yet.
  if (position_.epoch.value == 0 || catching_up()) return;
  for (const OutboundStream& stream : streams_) {
    const auto report = stream.Report(now, wall);
    if (!report) continue;
    estimate_.OnSenderReport(report->ntp, now);
    std::array<std::uint8_t, kMaxCompound> bytes{};
    ByteWriter writer(bytes);
    wire::WriteSenderReport(*report, {}, writer);
    wire::WriteSdesCname(report->ssrc, plan_.local_cname, writer);
    LATCHKEY_CHECK(writer.ok());
    transport_.SendRtcp(writer.Written(), *sender_, out);
  }
}

void ViewerSession::Close(DatagramBatch& out) {
  if (transport_.state() == peer::TransportState::kConnected && sender_) {
    std::array<std::uint8_t, kMaxCompound> bytes{};
    ByteWriter writer(bytes);
    std::vector<std::uint32_t> ssrcs;
    for (const OutboundStream& stream : streams_) ssrcs.push_back(stream.plan().local_ssrc);
    wire::WriteReceiverReport(ssrcs.front(), {}, writer);
    wire::WriteSdesCname(ssrcs.front(), plan_.local_cname, writer);
    wire::WriteBye(ssrcs, writer);
    LATCHKEY_CHECK(writer.ok());
    transport_.SendRtcp(writer.Written(), *sender_, out);
  }
  transport_.Close(out);
  DropKey();
}

}  // namespace latchkey::egress
