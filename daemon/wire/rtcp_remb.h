// Receiver estimated maximum bitrate (draft-alvestrand-rmcat-remb-03 2.2).
//
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |  SSRC of packet sender                                        |
//   |  0                                                            |
//   |  'R' 'E' 'M' 'B'                                              |
//   |  number of SSRCs | exponent (6) | mantissa (18)               |
//   |  SSRC ...                                                     |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "daemon/base/bytes.h"
#include "daemon/wire/rtcp.h"

namespace latchkey::wire {

struct Remb {
  std::uint32_t sender_ssrc = 0;
  std::uint64_t bitrate_bps = 0;
  ByteView ssrcs;  // 4 bytes each
  [[nodiscard]] std::size_t size() const { return ssrcs.size() / 4; }
};
// Nothing when the count does not match, or when the bitrate does not fit 64 bits.
std::optional<Remb> ParseRemb(const RtcpBlock& block);
// The bitrate is rounded down to 18 significant bits. At most 255 SSRCs.
void WriteRemb(std::uint32_t sender_ssrc, std::uint64_t bitrate_bps, std::span<const std::uint32_t> ssrcs,
               ByteWriter& out);

}  // namespace latchkey::wire
