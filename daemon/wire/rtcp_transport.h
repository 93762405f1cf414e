// Transport-wide feedback: which packets of a 5-tuple arrived, and when
// (draft-holmer-rmcat-transport-wide-cc-extensions-01 3.1).
//
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |  SSRC of packet sender                                        |
//   |  SSRC of media source                                         |
//   |  base sequence number         |  packet status count          |
//   |  reference time (24, signed, 64 ms)           | feedback count|
//   |  packet chunk (16)            |  packet chunk ...             |
//   |  receive deltas (8 or 16 bits, 250 us) ...    | zero padding  |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "daemon/base/bytes.h"
#include "daemon/base/time.h"
#include "daemon/wire/rtcp.h"

namespace latchkey::wire {

// A feedback about more packets than this is refused (a run-length chunk of 2 bytes could otherwise make
// us walk 8191 of them); our own writer stops there. 200 ms at 300 Mbit/s.
constexpr std::size_t kMaxTransportStatuses = 8192;
constexpr Duration kTransportTick = microseconds{250};
constexpr Duration kTransportReferenceTick = milliseconds{64};

// One packet of the feedback. `arrival` is in the reporter's clock (whose origin is its own and which
// wraps after 2^24 * 64 ms): only differences mean something. Absent: not received.
struct TransportStatus {
  std::uint16_t sequence = 0;
  std::optional<Duration> arrival;
};

// Walks the statuses in order; made by TransportFeedback::statuses() of a feedback that parsed, so it
// cannot run short.
class TransportStatusReader {
 public:
  TransportStatusReader(std::uint16_t base, std::size_t count, Duration reference,
                        ByteView chunks_and_deltas);
  std::optional<TransportStatus> Next();
  // False once chunks or deltas ran out or a reserved symbol came.
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  unsigned NextSymbol();
  void LoadChunk();

  ByteReader chunks_;
  ByteReader deltas_;
  std::uint16_t next_;
  std::size_t left_;
  Duration time_;
  std::uint16_t chunk_ = 0;
  unsigned chunk_left_ = 0;  // symbols of the chunk not yet given out
  bool ok_ = true;
};

struct TransportFeedback {
  std::uint32_t sender_ssrc = 0;
  std::uint32_t media_ssrc = 0;
  std::uint16_t base_sequence = 0;
  std::uint16_t status_count = 0;   // 1..kMaxTransportStatuses
  std::int32_t reference_time = 0;  // in kTransportReferenceTick
  std::uint8_t feedback_count = 0;
  ByteView chunks_and_deltas;
  [[nodiscard]] TransportStatusReader statuses() const;
};
// Nothing when short, when a status has the reserved symbol, or when the count is 0 or over the bound.
std::optional<TransportFeedback> ParseTransportFeedback(const RtcpBlock& block);

struct TransportArrival {
  std::uint16_t sequence = 0;
  Duration arrival{};  // our monotonic clock, >= 0
};
// Writes one feedback about the first arrivals of the list: sequences strictly ascend (modulo 2^16, gaps
// are reported as not received). Returns how many arrivals it covers: fewer than all when a gap in time
// is over the 16-bit delta (8.19 s), when a sequence does not ascend, when the statuses reach their bound,
// or when `out` has no room; 0, and nothing written, when not even one fits. The caller writes the rest
// with feedback_count + 1.
std::size_t WriteTransportFeedback(std::uint32_t sender_ssrc, std::uint32_t media_ssrc,
                                   std::uint8_t feedback_count, std::span<const TransportArrival> arrivals,
                                   ByteWriter& out);

}  // namespace latchkey::wire
