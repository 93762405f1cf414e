// Packets for tests, written byte by byte and passed through the real Gate.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "daemon/gate/gate.h"
#include "daemon/wire/rtp.h"
#include "tests/support/bytes.h"
#include "tests/support/plain_srtp.h"

namespace latchkey::test {

inline const SocketAddress kPeer{IpAddress::V4({192, 0, 2, 7}), 5004};
inline const SocketAddress kHub{IpAddress::V4({192, 0, 2, 1}), 47000};
inline const gate::Admission kAdmitted{kPeer, kHub, true, false};
constexpr Instant kStart{seconds(1000)};

inline ports::SrtpKey SomeSrtpKey(std::uint8_t seed = 1,
                                  ports::SrtpProfile profile = ports::SrtpProfile::kAeadAes128Gcm) {
  ports::SrtpKey key;
  key.profile = profile;
  auto bytes = key.key_and_salt.RevealForWriting();
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::uint8_t>(seed * 31U + i * i * 7U + i);
  return key;
}

inline gate::StreamKey SomeStreamKey(std::uint8_t seed = 1,
                                     ports::SrtpProfile profile = ports::SrtpProfile::kAeadAes128Gcm) {
  ports::Fingerprint fingerprint{};
  fingerprint.fill(0x5f);
  auto key = gate::AdmitViewerKey(SomeSrtpKey(seed, profile), {fingerprint, fingerprint});
  LATCHKEY_CHECK(key.has_value());
  return std::move(*key);
}

inline ByteVector RtpBytes(const wire::RtpHeader& header, ByteView payload) {
  ByteVector bytes(wire::kRtpMaxWrittenHeader);
  bytes.resize(wire::WriteRtpHeader(header, {}, bytes));
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

// One stream's way through a gate without cryptography.
class GateFeed {
 public:
  explicit GateFeed(wire::Codec codec) : gate_(MakeGate(codec)) {}

  // The packet of `sequence`; valid until the next call.
  gate::AuthenticPacket Packet(std::uint16_t sequence, std::uint32_t timestamp, bool marker, ByteView payload,
                               Instant now) {
    buffer_ = RtpBytes({marker, kPayloadType, sequence, timestamp, kSsrc}, payload);
    buffer_.insert(buffer_.end(), kPlainTag.begin(), kPlainTag.end());
    auto verdict = gate_.AdmitRtp({kPeer, kHub, buffer_}, kAdmitted, now);
    LATCHKEY_CHECK(verdict.packet.has_value());
    return *verdict.packet;
  }

  // A packet of any SSRC, whatever becomes of it.
  void GiveFrom(std::uint32_t ssrc, std::uint16_t sequence, ByteView payload, Instant now) {
    buffer_ = RtpBytes({true, kPayloadType, sequence, sequence * 3600U, ssrc}, payload);
    buffer_.insert(buffer_.end(), kPlainTag.begin(), kPlainTag.end());
    (void)gate_.AdmitRtp({kPeer, kHub, buffer_}, kAdmitted, now);
  }
  gate::Gate& gate() { return gate_; }

  static constexpr std::uint8_t kPayloadType = 96;
  static constexpr std::uint32_t kSsrc = 0x11223344;

 private:
  static gate::Gate MakeGate(wire::Codec codec) {
    gate::AgreedStream stream;
    stream.codec = codec;
    stream.payload_type = kPayloadType;
    PlainSrtpFactory srtp;
    auto made = gate::Gate::Make(SomeStreamKey(), std::vector{stream}, srtp);
    LATCHKEY_CHECK(made.has_value());
    return std::move(*made);
  }

  gate::Gate gate_;
  ByteVector buffer_;
};

}  // namespace latchkey::test
