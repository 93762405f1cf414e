// Why a datagram went no further. Per packet there is no log line and no error object: one byte, counted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace latchkey {

enum class DropReason : std::uint8_t {
  kNone,             // not dropped
  kEmpty,            // no bytes
  kTooLong,          // over the largest datagram taken
  kUnknownProtocol,  // first byte is none of RFC 7983's
  kStunMalformed,
  kStunUnauthenticated,  // unknown ufrag, or MESSAGE-INTEGRITY does not verify
  kUnknownPeer,          // DTLS or SRTP from a 5-tuple without a valid check
  kNoKeysYet,            // SRTP before the handshake ended
  kRtpMalformed,
  kRtcpMalformed,
  kSrtpAuthentication,
  kSrtpReplay,
  kSrtpRecorded,  // authentic, under an enrolled key, but of before what the disk knows of
  kSrtpRollover,  // authentic only under a roll-over counter out of bounds
  kWrongSsrc,
  kWrongPayloadType,
  kConsentExpired,
  kSuspended,
  kWrongDirection,    // media from a viewer
  kPayloadMalformed,  // depacketiser refused the codec's payload
  kDuplicate,         // a sequence number already held
  kTooOld,            // behind what already left
  kIndexUnreserved,   // authentic, under an enrolled key, but further on than what the disk knows of
  kCount
};

constexpr std::size_t kDropReasonCount = static_cast<std::size_t>(DropReason::kCount);

// snake_case, for status, metrics and tests.
std::string_view DropReasonName(DropReason reason);

class DropCounters {
 public:
  void Add(DropReason reason) { ++counts_[static_cast<std::size_t>(reason)]; }
  [[nodiscard]] std::uint64_t of(DropReason reason) const {
    return counts_[static_cast<std::size_t>(reason)];
  }
  [[nodiscard]] std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (const auto n : counts_) sum += n;
    return sum;
  }
  [[nodiscard]] const std::array<std::uint64_t, kDropReasonCount>& all() const { return counts_; }

 private:
  std::array<std::uint64_t, kDropReasonCount> counts_{};
};

}  // namespace latchkey
