#include "daemon/egress/outbound_stream.h"

#include <algorithm>

#include "daemon/wire/rtp_extensions.h"

namespace latchkey::egress {
namespace {

// A first sequence number in the lower half, as libsrtp's receivers ask for (RFC 3711 3.3.1: a loss around
// the first wrap must not make the two ends disagree on the roll-over counter).
std::uint16_t FirstSequence(ports::Entropy& entropy) {
  return static_cast<std::uint16_t>(entropy.U32() & 0x7fffU);
}

}  // namespace

OutboundStream::OutboundStream(const peer::StreamPlan& plan, ports::Entropy& entropy)
    : plan_(plan),
      timestamps_(entropy.U32(), plan.clock_rate),
      history_(plan.kind == wire::StreamKind::kVideo ? kVideoHistory : kAudioHistory),
      next_sequence_(FirstSequence(entropy)),
      next_rtx_sequence_(FirstSequence(entropy)) {
  WriteTemplate();
}

// The extensions are the same in every packet: a packet made again must equal its first self, and packets of
// equal size leave in one system call.
void OutboundStream::WriteTemplate() {
  std::array<wire::RtpExtension, 2> extensions;
  std::size_t count = 0;
  // One byte of length has room for 16 bytes; a longer mid is the peer's own and works by its SSRC.
  if (plan_.extensions.mid && !plan_.mid.empty() && plan_.mid.size() <= 16) {
    extensions[count++] = {*plan_.extensions.mid, AsBytes(plan_.mid)};
  }
  const auto delay = wire::PlayoutDelayBytes({milliseconds{0}, kPlayoutMax});
  if (plan_.extensions.playout_delay && plan_.kind == wire::StreamKind::kVideo) {
    extensions[count++] = {*plan_.extensions.playout_delay, delay};
  }
  wire::RtpHeader header;
  header.payload_type = plan_.payload_type;
  header.ssrc = plan_.local_ssrc;
  header_size_ = wire::WriteRtpHeader(header, std::span(extensions).first(count), template_);
  LATCHKEY_CHECK(header_size_ >= wire::kRtpHeaderSize);
}

std::uint32_t OutboundStream::BeginFrame(ExtendedTimestamp camera_time, bool follows, Instant captured,
                                         Instant now) {
  if (!follows) timestamps_.Rebase();
  last_captured_ = captured;
  return timestamps_.Map(camera_time, now);
}

void OutboundStream::SendRecord(const FrameRef& frame, std::uint16_t index, ByteView payload, bool marker,
                                const Leg& leg, Instant now) {
  const Packet packet{marker, next_sequence_++, frame.timestamp};
  Append(packet, payload, leg);
  history_.Add(
      {frame.epoch, frame.number, frame.timestamp, index, packet.sequence, SentHistory::Milliseconds(now)});
  ++packets_;
  octets_ += payload.size();
}

void OutboundStream::Resend(const SentHistory::Entry& entry, ByteView payload, bool marker, const Leg& leg) {
  const Packet packet{marker, entry.sequence, entry.timestamp};
  if (plan_.rtx_payload_type && plan_.local_rtx_ssrc) {
    AppendRtx(packet, payload, leg);
  } else {
    Append(packet, payload, leg);
  }
}

void OutboundStream::Append(const Packet& packet, ByteView payload, const Leg& leg) const {
  const std::size_t plain = header_size_ + payload.size();
  const MutableByteView place =
      leg.out.Append(leg.path.remote, leg.path.local, plain + ports::kSrtpMaxOverhead);
  std::copy_n(template_.begin(), header_size_, place.begin());
  wire::PatchRtpHeader(
      {packet.marker, plan_.payload_type, packet.sequence, packet.timestamp, plan_.local_ssrc}, place);
  std::copy(payload.begin(), payload.end(), place.begin() + static_cast<std::ptrdiff_t>(header_size_));
  leg.out.TrimLast(leg.srtp.ProtectRtp(place, plain));
}

void OutboundStream::AppendRtx(const Packet& packet, ByteView payload, const Leg& leg) {
  const std::size_t plain = header_size_ + wire::kRtxHeaderSize + payload.size();
  const MutableByteView place =
      leg.out.Append(leg.path.remote, leg.path.local, plain + ports::kSrtpMaxOverhead);
  std::copy_n(template_.begin(), header_size_, place.begin());
  wire::PatchRtpHeader(
      {packet.marker, *plan_.rtx_payload_type, next_rtx_sequence_++, packet.timestamp, *plan_.local_rtx_ssrc},
      place);
  ByteWriter original(place.subspan(header_size_, wire::kRtxHeaderSize));
  original.U16(packet.sequence);
  std::copy(payload.begin(), payload.end(),
            place.begin() + static_cast<std::ptrdiff_t>(header_size_ + wire::kRtxHeaderSize));
  leg.out.TrimLast(leg.srtp.ProtectRtp(place, plain));
}

std::optional<wire::SenderInfo> OutboundStream::Report(Instant now, WallTime wall) const {
  if (packets_ == 0) return std::nullopt;
  wire::SenderInfo info;
  info.ssrc = plan_.local_ssrc;
  info.ntp = wire::NtpFromWallTime(wall);
  // What the clock would show for a frame captured this moment: sound and picture of one moment thus meet.
  info.rtp_timestamp = timestamps_.After(now - last_captured_);
  info.packet_count = static_cast<std::uint32_t>(packets_);
  info.octet_count = static_cast<std::uint32_t>(octets_);
  return info;
}

}  // namespace latchkey::egress
