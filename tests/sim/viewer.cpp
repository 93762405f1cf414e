#include "tests/sim/viewer.h"

#include <algorithm>
#include <array>

#include "daemon/wire/ntp.h"
#include "daemon/wire/rtcp_feedback.h"
#include "daemon/wire/rtcp_report.h"
#include "daemon/wire/rtcp_source.h"
#include "daemon/wire/rtp.h"
#include "tests/sim/violation.h"

namespace latchkey::sim {
namespace {
constexpr std::uint32_t kSsrc = 7;
}  // namespace

std::string Viewer::Offer() {
  peer::ReceiveOffer offer;
  offer.audio = hears_;
  offer.audio_ssrc = kSsrc + 1;
  offer.cname = "viewer";
  offer.video_ssrc = kSsrc;
  offer.local = endpoint.Local();
  offer.session_id = 2;
  return peer::WriteReceiveOffer(offer);
}

std::optional<SentFrame> Viewer::Receive(MutableByteView datagram, const SocketAddress& from, Instant now) {
  const auto opened = endpoint.Receive(datagram, from, now);
  if (opened.plain == Endpoint::Plain::kRtp) {
    const auto frame = ReadRtp(opened.packet, now);
    if (frame) shown_ = now;
    return frame;
  }
  if (opened.plain == Endpoint::Plain::kRtcp) ReadRtcp(opened.packet, now);
  return std::nullopt;
}

std::optional<SentFrame> Viewer::ReadRtp(ByteView plain, Instant now) {
  const auto packet = wire::ParseRtp(plain);
  const auto& source = endpoint.plan().Find(wire::StreamKind::kVideo)->remote_sources.front();
  Demand(packet.has_value(), "a viewer received what is no RTP");
  const auto* sound = endpoint.plan().Find(wire::StreamKind::kAudio);
  if (sound != nullptr && packet->header.payload_type == sound->payload_type) return std::nullopt;
  std::uint16_t number = packet->header.sequence;
  if (packet->header.ssrc == source.rtx_ssrc) {
    const auto rtx = wire::ParseRtx(packet->payload);
    if (!rtx) return std::nullopt;
    number = rtx->original_sequence;
  }
  return Arrived(sequence_.Peek(number), now);
}

std::optional<SentFrame> Viewer::Arrived(std::int64_t sequence, Instant now) {
  const auto highest = sequence_.highest();
  const auto slot = [](std::int64_t s) { return static_cast<std::size_t>(s % kWindow); };
  if (!highest) {
    first_ = sequence;
  } else if (sequence > *highest) {
    if (sequence - *highest >= kWindow) seen_.reset();
    for (std::int64_t s = std::max(*highest + 1, sequence - kWindow + 1); s < sequence; ++s)
      seen_[slot(s)] = false;
    NoteGap(std::max(*highest + 1, sequence - kWindow + 1), sequence, now);
  } else if (*highest - sequence >= kWindow || seen_[slot(sequence)]) {
    return std::nullopt;
  }
  sequence_.Unwrap(static_cast<std::uint16_t>(sequence));
  seen_[slot(sequence)] = true;
  ++received_;
  std::erase_if(missing_, [&](const Missing& m) { return m.sequence == sequence; });
  // The audit counts from the first packet sent; both count from the same base, since wire numbers are equal
  // and neither is more than half a range ahead.
  return audit.Arrived(audit.sequence().Peek(static_cast<std::uint16_t>(sequence)));
}

void Viewer::NoteGap(std::int64_t from, std::int64_t to, Instant now) {
  for (std::int64_t s = from; s < to; ++s) {
    if (missing_.size() >= kMaxMissing) missing_.erase(missing_.begin());
    missing_.push_back({s, now + kNackWait, 0});
  }
  if (from < to) ask_at_ = std::min(ask_at_, now + kNackWait);
}

void Viewer::ReadRtcp(ByteView compound, Instant now) {
  const auto parsed = wire::ParseRtcp(compound);
  Demand(parsed.has_value(), "a viewer received what is no RTCP");
  for (const wire::RtcpBlock& block : *parsed) {
    const auto report = wire::ParseSenderReport(block);
    if (!report) continue;
    last_report_ = report->sender;
    last_report_at_ = now;
  }
}

std::optional<WallTime> Viewer::WallTimeOf(std::uint32_t timestamp) const {
  if (!last_report_) return std::nullopt;
  const auto ticks = static_cast<std::int32_t>(timestamp - last_report_->rtp_timestamp);
  return wire::WallTimeFromNtp(last_report_->ntp) + microseconds(std::int64_t{ticks} * 100 / 9);
}

void Viewer::Work(Instant now) {
  endpoint.Work(now);
  if (!endpoint.connected()) return;
  if (now >= ask_at_) Ask(now);
  if (now >= next_report_) Report(now);
}

Instant Viewer::NextDeadline() const {
  if (!endpoint.connected()) return endpoint.NextDeadline();
  return std::min({endpoint.NextDeadline(), ask_at_, next_report_});
}

void Viewer::Ask(Instant now) {
  std::vector<std::uint16_t> wanted;
  ask_at_ = Instant::max();
  for (Missing& missing : missing_) {
    if (now >= missing.due) {
      if (++missing.asks > kMaxAsks) {
        wants_picture_ = true;
        continue;
      }
      wanted.push_back(static_cast<std::uint16_t>(missing.sequence));
      missing.due = now + kNackAgain;
    }
    ask_at_ = std::min(ask_at_, missing.due);
  }
  std::erase_if(missing_, [](const Missing& m) { return m.asks > kMaxAsks; });
  if (wanted.empty()) return;
  const auto& source = endpoint.plan().Find(wire::StreamKind::kVideo)->remote_sources.front();
  std::array<std::uint8_t, 700> bytes{};
  ByteWriter writer(bytes);
  wire::WriteReceiverReport(kSsrc, {}, writer);
  wire::WriteNack(kSsrc, source.ssrc, wanted, writer);
  endpoint.SendRtcp(writer.Written());
}

void Viewer::Report(Instant now) {
  next_report_ = now + kReportInterval;
  if (now - shown_ >= kPlayerPatience) {
    wants_picture_ = true;
    shown_ = now;
  }
  const auto& source = endpoint.plan().Find(wire::StreamKind::kVideo)->remote_sources.front();
  wire::ReportBlock block;
  block.ssrc = source.ssrc;
  if (const auto highest = sequence_.highest()) {
    const std::int64_t expected = *highest - first_ + 1;
    const std::int64_t lately = std::max<std::int64_t>(1, expected - expected_before_);
    const std::int64_t lost = lately - (received_ - received_before_);
    block.fraction_lost = static_cast<std::uint8_t>(std::clamp<std::int64_t>(lost * 256 / lately, 0, 255));
    block.cumulative_lost = static_cast<std::int32_t>(expected - received_);
    block.highest_sequence = static_cast<std::uint32_t>(*highest);
    expected_before_ = expected;
    received_before_ = received_;
  }
  if (last_report_) {
    block.last_sr = last_report_->ntp.Compact();
    block.delay_since_last_sr =
        static_cast<std::uint32_t>(ToMicroseconds(now - last_report_at_) * 65536 / 1'000'000);
  }
  std::array<std::uint8_t, 200> bytes{};
  ByteWriter writer(bytes);
  wire::WriteReceiverReport(kSsrc, std::array{block}, writer);
  if (wants_picture_) wire::WritePli(kSsrc, source.ssrc, writer);
  wants_picture_ = false;
  endpoint.SendRtcp(writer.Written());
}

}  // namespace latchkey::sim
