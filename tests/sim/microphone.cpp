#include "tests/sim/microphone.h"

#include <algorithm>

#include "daemon/wire/rtp.h"
#include "tests/sim/sound.h"

namespace latchkey::sim {

Microphone::Microphone(Machine& machine, std::uint32_t mark, Duration interval, Instant now)
    : machine_(machine), mark_(mark), interval_(interval), next_(now) {
  if (present()) Reboot();
}

void Microphone::Reboot() {
  ++boot_;
  ssrc_ = machine_.entropy().U32() | 1U;
  sequence_ = static_cast<std::uint16_t>(machine_.entropy().U32() % 32768);
  timestamp_base_ = machine_.entropy().U32();
  packets_ = 0;
}

std::uint32_t Microphone::TimestampAt(Duration elapsed) const {
  return timestamp_base_ + static_cast<std::uint32_t>(ToMicroseconds(elapsed) * 48 / 1000);
}

void Microphone::Work(Instant now, Duration elapsed, Endpoint& endpoint) {
  if (!present() || now < next_) return;
  next_ = now + interval_;
  const auto* plan = endpoint.plan().Find(wire::StreamKind::kAudio);
  if (!endpoint.connected() || plan == nullptr) return;
  const std::uint32_t timestamp = TimestampAt(elapsed);
  Filmed packet;
  packet.number = number_;
  packet.ssrc = ssrc_;
  packet.timestamp = timestamp;
  packet.at = now;
  reel_.Add(packet);
  const auto payload = WriteSound({mark_, boot_, number_++});
  std::array<std::uint8_t, wire::kRtpHeaderSize + kSoundBytes> bytes{};
  (void)wire::WriteRtpHeader({false, plan->payload_type, sequence_++, timestamp, ssrc_}, {}, bytes);
  std::copy(payload.begin(), payload.end(), bytes.begin() + wire::kRtpHeaderSize);
  ++packets_;
  endpoint.SendRtp(bytes);
}

wire::SenderInfo Microphone::Report(Duration elapsed) const {
  wire::SenderInfo info;
  info.ssrc = ssrc_;
  info.rtp_timestamp = TimestampAt(elapsed);
  info.packet_count = packets_;
  info.octet_count = packets_ * static_cast<std::uint32_t>(kSoundBytes);
  return info;
}

}  // namespace latchkey::sim
