// RTCP of a ViewerSession, both ways: what the viewer asks for, and its sender reports.
#include <algorithm>
#include <array>
#include <utility>

#include "daemon/egress/viewer_session.h"
#include "daemon/wire/rtcp_source.h"

namespace latchkey::egress {
namespace {

// SR without blocks, SDES with the longest name, BYE.
constexpr std::size_t kMaxCompound = 400;

// What the packet was made of is still there.
bool IsKept(const SentHistory::Entry& entry, const cache::JitterCache& cache) {
  return entry.epoch == cache.epoch() && cache.Find(entry.frame) != nullptr;
}

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
  // Without its first packet the rest is worth nothing.
  if (!run_start_ || !streams_[run_start_->stream].Sent(run_start_->first)) return;
  repeat_ = std::exchange(run_start_, std::nullopt);
  const auto sent = static_cast<std::uint16_t>(streams_[repeat_->stream].next_sequence() - repeat_->first);
  repeat_->count = std::min(sent, static_cast<std::uint16_t>(kMaxRepeat));
}

// Somebody may still wait for it, and it is not under way already: a player asks again before the answer to
// its first request can have come.
bool ViewerSession::IsDue(const SentHistory::Entry& entry, Instant now) const {
  const Duration age = milliseconds{SentHistory::Milliseconds(now) - entry.sent_ms};
  if (age > kResendAge) return false;
  const Duration again =
      std::max<Duration>(kResendLeast, estimate_.round_trip().value_or(Duration::zero()) / 2);
  return entry.resent_ms == 0 || age - milliseconds{entry.resent_ms} >= again;
}

ViewerSession::Step ViewerSession::ServeNacks(const Leg& leg, const Turn& turn) {
  if (resends_.empty()) return Step::kSent;
  if (turn.now < resend_from_) {
    resend_due_ = resend_from_;
    return Step::kSent;
  }
  resend_from_ = turn.now + kResendInterval;
  // Packets of one frame side by side, so that it is opened once; each packet once.
  std::sort(resends_.begin(), resends_.end());
  resends_.erase(std::unique(resends_.begin(), resends_.end()), resends_.end());
  Reopened last;
  for (const ResendRequest& request : resends_) {
    if (pacer_.Available(turn.now, rate()) <= -kResendDebt) break;
    const auto entry = streams_[request.stream].Sent(request.sequence);
    if (!entry || !IsDue(*entry, turn.now) || !IsKept(*entry, turn.cache)) continue;
    if (!resend_budget_.TrySpend()) continue;
    if (SendAgain(request, last, leg, turn) == Step::kOpenFailed) return Step::kOpenFailed;
  }
  resends_.clear();
  return Step::kSent;
}

ViewerSession::Step ViewerSession::RepeatStart(const Leg& leg, const Turn& turn) {
  Reopened last;
  const std::int64_t pace = std::min(rate(), Pacer::kCatchUpRate);
  for (; repeat_ && repeat_->count > 0; ++repeat_->first, --repeat_->count) {
    if (turn.out.bytes() >= turn.batch_bytes) return Step::kBatchFull;
    if (pacer_.Available(turn.now, pace) <= 0) {
      paused_until_ = pacer_.NextRun(pace);
      return Step::kPaused;
    }
    if (SendAgain({repeat_->stream, repeat_->first}, last, leg, turn) == Step::kOpenFailed)
      return Step::kOpenFailed;
  }
  repeat_.reset();
  return Step::kSent;
}

// What is not known or kept any more is passed over.
ViewerSession::Step ViewerSession::SendAgain(const ResendRequest& request, Reopened& last, const Leg& leg,
                                             const Turn& turn) {
  OutboundStream& stream = streams_[request.stream];
  const auto entry = stream.Sent(request.sequence);
  if (!entry || !IsKept(*entry, turn.cache)) return Step::kSent;
  if (last.number != entry->frame) {
    last.opened = key_->Open(*turn.cache.Find(entry->frame), turn.buffer);
    if (last.opened.outcome != cache::OpenOutcome::kOpened) {
      position_.number = entry->frame;
      return Step::kOpenFailed;
    }
    last.number = entry->frame;
  }
  std::uint16_t index = 0;
  for (auto record = last.opened.payloads.begin(); record != last.opened.payloads.end(); ++record, ++index) {
    if (index != entry->record) continue;
    stream.Resend(*entry, *record, record.IsLast(), leg);
    stream.NoteResent(request.sequence, turn.now);
    ++resent_;
    pacer_.Spend(1);
    break;
  }
  return Step::kSent;
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
