// SRTP and SRTCP (RFC 3711, RFC 7714). Implemented with libsrtp2 in platform/crypto.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "daemon/base/bytes.h"
#include "daemon/base/counters.h"
#include "daemon/base/result.h"
#include "daemon/base/secret.h"

namespace latchkey::ports {

// DTLS-SRTP protection profiles (RFC 5764 4.1.2, RFC 7714 14.2). The list is closed (DESIGN 4c): no
// NULL cipher, no 32-bit tag.
enum class SrtpProfile : std::uint16_t {
  kAes128CmHmacSha1_80 = 0x0001,
  kAeadAes128Gcm = 0x0007,
  kAeadAes256Gcm = 0x0008,
};

// Master key and salt lengths in bytes.
constexpr std::size_t SrtpKeyLength(SrtpProfile p) {
  return p == SrtpProfile::kAeadAes256Gcm ? 32 : 16;
}
constexpr std::size_t SrtpSaltLength(SrtpProfile p) {
  return p == SrtpProfile::kAes128CmHmacSha1_80 ? 14 : 12;
}

// Most that protecting may add to an RTP or RTCP packet: tag 16, SRTCP index 4.
constexpr std::size_t kSrtpMaxOverhead = 20;

// Master key followed by master salt, for one direction.
struct SrtpKey {
  SrtpProfile profile = SrtpProfile::kAeadAes128Gcm;
  Secret<48> key_and_salt;  // the first SrtpKeyLength + SrtpSaltLength bytes count
};

// Roll-over counter and sequence number of a packet: 48 bits that never repeat under one key and SSRC (RFC
// 3711 3.3.1).
using SrtpIndex = std::uint64_t;
constexpr SrtpIndex kSrtpMaxIndex = (SrtpIndex{1} << 48U) - 1;

// Of a source that sent under a key before: packets of an index below `from` are old.
struct SourceFloor {
  std::uint32_t ssrc = 0;
  SrtpIndex from = 0;
};

// Opens what one peer sends. Replay window: at least 1024 packets.
class SrtpReceiver {
 public:
  SrtpReceiver() = default;
  SrtpReceiver(const SrtpReceiver&) = delete;
  SrtpReceiver& operator=(const SrtpReceiver&) = delete;
  virtual ~SrtpReceiver() = default;

  struct Opened {
    std::size_t size = 0;                   // of the plain packet, at the front of the buffer
    DropReason reason = DropReason::kNone;  // anything else: not opened, the buffer is unspecified
    SrtpIndex index = 0;                    // of an RTP packet
  };
  // In place. kSrtpAuthentication, kSrtpReplay, kRtpMalformed or kRtcpMalformed.
  virtual Opened UnprotectRtp(MutableByteView packet) = 0;
  virtual Opened UnprotectRtcp(MutableByteView packet) = 0;
  // The peer has sent under as many SSRCs as are kept: no packet of another opens any more.
  [[nodiscard]] virtual bool exhausted() const = 0;
};

// Protects what the hub sends to one peer.
class SrtpSender {
 public:
  SrtpSender() = default;
  SrtpSender(const SrtpSender&) = delete;
  SrtpSender& operator=(const SrtpSender&) = delete;
  virtual ~SrtpSender() = default;

  // In place: `buffer` begins with `size` plain bytes and has kSrtpMaxOverhead of room behind them.
  // Returns the protected size, or 0 when it can't be protected: further back than the sender still
  // repeats (some thousand packets), or the key has protected all that it may. Sending the same RTP packet
  // again is allowed (retransmission), but only byte for byte, header extensions included: with GCM
  // another packet under the same SSRC and sequence number would give the key away (RFC 7714 10).
  virtual std::size_t ProtectRtp(MutableByteView buffer, std::size_t size) = 0;
  virtual std::size_t ProtectRtcp(MutableByteView buffer, std::size_t size) = 0;
};

class SrtpFactory {
 public:
  SrtpFactory() = default;
  SrtpFactory(const SrtpFactory&) = delete;
  SrtpFactory& operator=(const SrtpFactory&) = delete;
  virtual ~SrtpFactory() = default;

  [[nodiscard]] virtual Result<std::unique_ptr<SrtpReceiver>> MakeReceiver(const SrtpKey& key) = 0;
  // Of a key that outlives sessions. What is below its source's floor never opens, is kSrtpRecorded now and
  // then when it is authentic, and leaves no trace; a source may be joined behind any number of roll-overs,
  // without loss if there are none since its floor.
  // RTP alone: RTCP has an index of its own that nobody kept, and is kWrongDirection.
  [[nodiscard]] virtual Result<std::unique_ptr<SrtpReceiver>> ResumeReceiver(const SrtpKey&,
                                                                             std::span<const SourceFloor>) {
    return Fail(ErrorCode::kUnsupported, "srtp: this library can't resume a key");
  }
  [[nodiscard]] virtual Result<std::unique_ptr<SrtpSender>> MakeSender(const SrtpKey& key) = 0;
};

}  // namespace latchkey::ports
