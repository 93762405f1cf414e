#include "tools/media/send_stream.h"

#include <array>
#include <utility>

#include "daemon/wire/h264_pack.h"
#include "daemon/wire/rtp.h"
#include "daemon/wire/vp8.h"

namespace latchkey::media {
namespace {

constexpr std::uint16_t kPictureIdMask = 0x7fff;

std::uint32_t ToTicks(Duration d, std::uint32_t clock_rate) {
  // In two steps, so that days of nanoseconds times 90,000 don't overflow.
  const std::int64_t whole = d.count() / 1'000'000'000;
  const std::int64_t rest = d.count() % 1'000'000'000;
  const std::int64_t rate = clock_rate;
  return static_cast<std::uint32_t>(whole * rate + rest * rate / 1'000'000'000);
}

}  // namespace

SendStream::SendStream(const SendStreamOptions& options)
    : options_(options),
      next_sequence_(options.first_sequence),
      next_rtx_sequence_(options.first_rtx_sequence),
      history_(kHistory) {}

void SendStream::SendFrame(const MediaFrame& frame, Instant now, std::vector<ByteVector>& out) {
  timestamp_ = options_.first_timestamp + ToTicks(frame.media_time, wire::ClockRate(options_.codec));
  timestamp_at_ = frame.captured;
  ++counters_.frames;
  if (frame.keyframe) ++counters_.keyframes;
  constexpr std::size_t kMaxPayload = kMaxPacket - wire::kRtpHeaderSize - wire::kRtxHeaderSize;
  std::array<std::uint8_t, kMaxPayload> buffer{};
  switch (options_.codec) {
    case wire::Codec::kH264: {
      wire::H264Packetiser packetiser(frame.bytes, kMaxPayload);
      while (const auto payload = packetiser.Next(buffer))
        SendPayload(payload->bytes, payload->last, now, out);
      break;
    }
    case wire::Codec::kVp8: {
      if (frame.bytes.empty()) break;
      wire::Vp8Fragmenter fragmenter(frame.bytes, picture_id_, kMaxPayload);
      picture_id_ = (picture_id_ + 1U) & kPictureIdMask;
      while (const auto payload = fragmenter.Next(buffer)) SendPayload(*payload, fragmenter.Done(), now, out);
      break;
    }
    case wire::Codec::kOpus:
    case wire::Codec::kPcmu:
    case wire::Codec::kPcma:
      // One packet each; no encoder of ours makes one this large.
      if (!frame.bytes.empty() && frame.bytes.size() <= kMaxPayload)
        SendPayload(frame.bytes, false, now, out);
      break;
    case wire::Codec::kCount: break;
  }
}

void SendStream::SendPayload(ByteView payload, bool marker, Instant now, std::vector<ByteVector>& out) {
  ByteVector packet(wire::kRtpHeaderSize + payload.size());
  const wire::RtpHeader header{marker, options_.payload_type, next_sequence_, timestamp_, options_.ssrc};
  LATCHKEY_CHECK(wire::WriteRtpHeader(header, {}, packet) == wire::kRtpHeaderSize);
  std::copy(payload.begin(), payload.end(), packet.begin() + wire::kRtpHeaderSize);
  ++counters_.packets;
  counters_.payload_bytes += payload.size();
  history_[next_sequence_ % kHistory] = {next_sequence_, now, packet};
  ++next_sequence_;
  out.push_back(std::move(packet));
}

ByteVector SendStream::AsRtx(const ByteVector& packet) {
  const auto parsed = wire::ParseRtp(packet);
  LATCHKEY_CHECK(parsed.has_value());
  wire::RtpHeader header = parsed->header;
  const std::uint16_t original = header.sequence;
  header.payload_type = *options_.rtx_payload_type;
  header.ssrc = options_.rtx_ssrc;
  header.sequence = next_rtx_sequence_++;
  ByteVector rtx(wire::kRtpHeaderSize + wire::kRtxHeaderSize + parsed->payload.size());
  LATCHKEY_CHECK(wire::WriteRtpHeader(header, {}, rtx) == wire::kRtpHeaderSize);
  ByteWriter writer(MutableByteView(rtx).subspan(wire::kRtpHeaderSize));
  writer.U16(original);
  writer.Bytes(parsed->payload);
  return rtx;
}

void SendStream::HandleNack(const wire::Nack& nack, Instant now, std::vector<ByteVector>& out) {
  if (nack.media_ssrc != options_.ssrc) return;
  nack.ForEach([&](std::uint16_t sequence) {
    ++counters_.nacked;
    Sent& sent = history_[sequence % kHistory];
    if (sent.packet.empty() || sent.sequence != sequence || now - sent.sent_at < kMinResend) return;
    sent.sent_at = now;
    ++counters_.retransmitted;
    out.push_back(options_.rtx_payload_type ? AsRtx(sent.packet) : sent.packet);
  });
}

void SendStream::HandleReport(const wire::ReportBlock& block, WallTime arrival) {
  if (block.ssrc != options_.ssrc) return;
  reported_loss_ = block.fraction_lost / 256.0;
  const auto trip =
      wire::RoundTrip(wire::NtpFromWallTime(arrival).Compact(), block.last_sr, block.delay_since_last_sr);
  if (trip) round_trip_ = *trip;
}

std::optional<wire::SenderInfo> SendStream::Report(Instant now, WallTime wall) const {
  if (counters_.packets == 0) return std::nullopt;
  wire::SenderInfo info;
  info.ssrc = options_.ssrc;
  info.ntp = wire::NtpFromWallTime(wall);
  info.rtp_timestamp = timestamp_ + ToTicks(now - timestamp_at_, wire::ClockRate(options_.codec));
  info.packet_count = static_cast<std::uint32_t>(counters_.packets);
  info.octet_count = static_cast<std::uint32_t>(counters_.payload_bytes);
  return info;
}

}  // namespace latchkey::media
