// What a datagram on a lane's one UDP port is, told by its first two bytes.
#pragma once

#include <cstdint>

#include "daemon/base/bytes.h"

namespace latchkey::wire {

enum class DatagramKind : std::uint8_t { kStun, kDtls, kRtp, kRtcp, kUnknown, kCount };

//   first byte   RFC 7983 7
//     0..3       STUN
//    16..19      ZRTP            (not spoken here: unknown)
//    20..63      DTLS
//    64..79      TURN channel    (not spoken here: unknown)
//   128..191     RTP or RTCP; the second byte tells: 192..223 is RTCP (RFC 5761 4)
//
// Nothing is believed by this: it only picks the parser that looks next.
constexpr DatagramKind ClassifyDatagram(ByteView datagram) {
  if (datagram.empty()) return DatagramKind::kUnknown;
  const std::uint8_t first = datagram[0];
  if (first <= 3) return DatagramKind::kStun;
  if (first >= 20 && first <= 63) return DatagramKind::kDtls;
  if (first < 128 || first > 191 || datagram.size() < 2) return DatagramKind::kUnknown;
  const std::uint8_t second = datagram[1];
  return second >= 192 && second <= 223 ? DatagramKind::kRtcp : DatagramKind::kRtp;
}

}  // namespace latchkey::wire
