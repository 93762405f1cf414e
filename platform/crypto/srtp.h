// ports::SrtpFactory on libsrtp2.
#pragma once

#include "daemon/base/result.h"
#include "daemon/ports/srtp.h"

namespace latchkey::platform {

// Packets back that a receiver still tells from a replay, and that a sender may still protect again for
// a retransmission. libsrtp shifts a bit vector of this length for every packet, so it isn't larger.
constexpr unsigned kSrtpReceiveWindow = 2048;
constexpr unsigned kSrtpSendWindow = 4096;
// Authenticated SSRCs of one peer. With the last of them it is exhausted(), and a packet of one more is
// dropped as kWrongSsrc before it is opened: libsrtp keeps state per SSRC and never forgets.
constexpr std::size_t kSrtpMaxSsrcs = 16;

// A source whose first packets were lost around a roll-over of their numbers is joined with a roll-over
// counter of 1. Trying that costs a derivation of keys, so of the first packets that could have one behind
// them one in kSrtpGuessEvery is tried, the first included.
constexpr std::uint32_t kSrtpGuessEvery = 16;

class LibSrtpFactory final : public ports::SrtpFactory {
 public:
  // Initialises the library on first use; aborts when it can't.
  LibSrtpFactory();

  // Any SSRC is accepted; who may use which is the gate's decision. kInvalid for a profile that is not
  // of the closed list.
  [[nodiscard]] Result<std::unique_ptr<ports::SrtpReceiver>> MakeReceiver(const ports::SrtpKey& key) override;
  [[nodiscard]] Result<std::unique_ptr<ports::SrtpReceiver>> ResumeReceiver(
      const ports::SrtpKey& key, std::span<const ports::SourceFloor> floors) override;
  [[nodiscard]] Result<std::unique_ptr<ports::SrtpSender>> MakeSender(const ports::SrtpKey& key) override;
};

// Debian's libsrtp2 stands on NSS, which opens files (softoken, /dev/urandom, /etc/passwd) at the first
// session and lets go at the last. This makes one session of each cipher, uses it and keeps it until the
// process ends; after it, SRTP needs no file. To be called before the sandbox closes.
[[nodiscard]] Status WarmUpSrtp();

}  // namespace latchkey::platform
