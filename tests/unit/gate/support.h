// A camera and its gate on the real libsrtp.
#pragma once

#include <vector>

#include "daemon/gate/gate.h"
#include "daemon/wire/rtcp_report.h"
#include "platform/crypto/srtp.h"
#include "tests/support/catch.h"
#include "tests/support/gate_feed.h"

namespace latchkey::gate {

using test::kAdmitted;
using test::kHub;
using test::kPeer;
using test::kStart;

constexpr std::uint8_t kVideoType = 102;
constexpr std::uint8_t kRtxType = 103;
constexpr std::uint8_t kAudioType = 111;
constexpr std::uint32_t kVideoSsrc = 0xa0a0a0a0;
constexpr std::uint32_t kRtxSsrc = 0xb0b0b0b0;
constexpr std::uint32_t kAudioSsrc = 0xc0c0c0c0;

inline std::vector<AgreedStream> Undeclared() {
  AgreedStream video{wire::Codec::kH264, kVideoType, kRtxType, {}, {}};
  AgreedStream audio{wire::Codec::kOpus, kAudioType, {}, {}, {}};
  return {video, audio};
}
inline std::vector<AgreedStream> Declared() {
  auto streams = Undeclared();
  streams[0].ssrc = kVideoSsrc;
  streams[0].rtx_ssrc = kRtxSsrc;
  streams[1].ssrc = kAudioSsrc;
  return streams;
}

// Sends under one key and gives the datagrams to one gate.
class Pair {
 public:
  explicit Pair(std::vector<AgreedStream> streams = Undeclared(), std::uint8_t camera_key = 1,
                std::uint8_t gate_key = 1, ports::SrtpProfile profile = ports::SrtpProfile::kAeadAes128Gcm)
      : sender_(std::move(*factory_.MakeSender(test::SomeSrtpKey(camera_key, profile)))),
        gate_(std::move(*Gate::Make(test::SomeStreamKey(gate_key, profile), streams, factory_))) {}

  static wire::RtpHeader Video(std::uint16_t sequence, std::uint32_t ssrc = kVideoSsrc) {
    return {false, kVideoType, sequence, sequence * 3600U, ssrc};
  }
  static wire::RtpHeader Audio(std::uint16_t sequence) {
    return {false, kAudioType, sequence, sequence * 960U, kAudioSsrc};
  }

  ByteVector Protect(const wire::RtpHeader& header, ByteView payload) {
    ByteVector bytes = test::RtpBytes(header, payload);
    const std::size_t plain = bytes.size();
    bytes.resize(plain + ports::kSrtpMaxOverhead);
    bytes.resize(sender_->ProtectRtp(bytes, plain));
    return bytes;
  }
  ByteVector ProtectReport(std::uint32_t ssrc) {
    ByteVector bytes(256);
    ByteWriter writer(bytes);
    wire::WriteSenderReport({ssrc, {1}, 2, 3, 4}, {}, writer);
    const std::size_t plain = writer.size();
    bytes.resize(sender_->ProtectRtcp(bytes, plain));
    return bytes;
  }

  RtpVerdict Give(ByteVector datagram, const Admission& admission = kAdmitted, Instant now = kStart) {
    buffer_ = std::move(datagram);
    auto verdict = gate_.AdmitRtp({kPeer, kHub, buffer_}, admission, now);
    CHECK(verdict.packet.has_value() == (verdict.reason == DropReason::kNone));
    CHECK(gate_.IsConsistent());
    return verdict;
  }
  RtpVerdict Send(const wire::RtpHeader& header, ByteView payload, Instant now = kStart) {
    return Give(Protect(header, payload), kAdmitted, now);
  }
  RtcpVerdict GiveRtcp(ByteVector datagram, const Admission& admission = kAdmitted) {
    buffer_ = std::move(datagram);
    auto verdict = gate_.AdmitRtcp({kPeer, kHub, buffer_}, admission, kStart);
    CHECK(verdict.packet.has_value() == (verdict.reason == DropReason::kNone));
    CHECK(gate_.IsConsistent());
    return verdict;
  }
  Gate& gate() { return gate_; }

 private:
  platform::LibSrtpFactory factory_;
  std::unique_ptr<ports::SrtpSender> sender_;
  Gate gate_;
  ByteVector buffer_;
};

}  // namespace latchkey::gate
