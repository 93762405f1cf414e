// One direction of a relayed leg: the network model (tools/media/impair.h), what it did to which kind of
// datagram, and how exactly the relay kept its times.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "daemon/base/address.h"
#include "daemon/base/bytes.h"
#include "daemon/base/result.h"
#include "daemon/base/time.h"
#include "tests/bench/rtp_watch.h"
#include "tools/media/figures.h"
#include "tools/media/impair.h"

namespace latchkey::bench {

// {"loss": 0.05, "burst": 1, "delay_ms": 50, "jitter_ms": 30, "keep_order": false, "reorder": 0, "duplicate":
// 0,
//  "rate_kbit": 0, "seed": 1}: what is left out is none. kInvalid when a name is unknown or a value out of
//  range.
Result<media::ImpairOptions> ReadImpairOptions(const nlohmann::json& json);

class RelayDirection {
 public:
  RelayDirection() : network_({}) {}

  // From the next datagram on; what is held leaves as it would have.
  void Change(const media::ImpairOptions& options);

  // `arrived`: when the kernel had it, so that the relay's own slowness is not added to the network's delay.
  void Offer(Instant arrived, const SocketAddress& client, ByteView bytes);
  // What is due at `now`; its address is the client that it came from or goes to.
  [[nodiscard]] std::optional<media::Impairment::Released> Poll(Instant now);
  [[nodiscard]] std::optional<Instant> NextTimeout() const { return network_.NextTimeout(); }

  // Sums since the start, and `late_us`: how long after its time each datagram left since the last call.
  [[nodiscard]] nlohmann::json TakeReport();

 private:
  media::Impairment network_;
  RtpWatch watch_;
  std::uint64_t rtp_lost_ = 0;  // of RTP packets, by chance or by a full queue
  media::Percentiles late_;
};

}  // namespace latchkey::bench
