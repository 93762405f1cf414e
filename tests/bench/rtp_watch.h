// What a relay can tell of protected media by its clear headers: RTP by payload type, and sequence numbers
// that came before.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "daemon/base/bytes.h"
#include "daemon/base/seq.h"
#include "daemon/wire/demux.h"

namespace latchkey::bench {

struct RtpSighting {
  std::uint8_t payload_type = 0;  // 0..127
  bool repeat = false;            // its SSRC and sequence number were seen within the last half range
};

class RtpWatch {
 public:
  // Streams followed; the packets of further SSRCs are counted but never known for repeats.
  static constexpr std::size_t kMaxStreams = 16;

  // Nothing when the datagram is not RTP.
  std::optional<RtpSighting> Note(ByteView datagram);

  [[nodiscard]] std::uint64_t packets() const { return packets_; }
  [[nodiscard]] std::uint64_t repeats() const { return repeats_; }
  [[nodiscard]] std::uint64_t of_type(std::uint8_t payload_type) const { return by_type_.at(payload_type); }
  [[nodiscard]] std::uint64_t of_kind(wire::DatagramKind kind) const {
    return by_kind_.at(static_cast<std::size_t>(kind));
  }

 private:
  static constexpr std::int64_t kHalfRange = 0x8000;
  struct Stream {
    Unwrapper<std::uint16_t> unwrapper;
    std::bitset<0x10000> seen;
  };
  bool IsRepeat(std::uint32_t ssrc, std::uint16_t sequence);

  std::map<std::uint32_t, Stream> streams_;
  std::array<std::uint64_t, 128> by_type_{};
  std::array<std::uint64_t, static_cast<std::size_t>(wire::DatagramKind::kCount)> by_kind_{};
  std::uint64_t packets_ = 0;
  std::uint64_t repeats_ = 0;
};

}  // namespace latchkey::bench
