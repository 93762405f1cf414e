// The demultiplexer agrees with the parsers: none of them takes what it sends elsewhere.
#include "daemon/wire/demux.h"
#include "daemon/wire/rtcp.h"
#include "daemon/wire/rtp.h"
#include "daemon/wire/stun.h"
#include "tests/fuzz/fuzz.h"

namespace latchkey::fuzz {

void Fuzz(ByteView input) {
  const wire::DatagramKind kind = wire::ClassifyDatagram(input);
  if (wire::ParseStun(input)) LATCHKEY_CHECK(kind == wire::DatagramKind::kStun);
  if (wire::ParseRtp(input)) {
    LATCHKEY_CHECK(kind == wire::DatagramKind::kRtp || kind == wire::DatagramKind::kRtcp);
  }
  if (const auto compound = wire::ParseRtcp(input)) {
    const std::uint8_t type = compound->begin()->packet_type;
    LATCHKEY_CHECK((kind == wire::DatagramKind::kRtcp) == (type >= 192 && type <= 223));
  }
  LATCHKEY_CHECK(!input.empty() || kind == wire::DatagramKind::kUnknown);
}

}  // namespace latchkey::fuzz
