#include "daemon/wire/rtcp_transport.h"

#include <algorithm>
#include <array>
#include <limits>

namespace latchkey::wire {
namespace {

constexpr std::uint8_t kFormat = 15;
constexpr std::size_t kFeedbackSize = 16;
constexpr unsigned kOneBitSymbols = 14;
constexpr unsigned kTwoBitSymbols = 7;
constexpr std::size_t kMaxRun = 0x1fff;

// Packet status symbols (3.1.1).
constexpr unsigned kNotReceived = 0;
constexpr unsigned kSmallDelta = 1;
constexpr unsigned kLargeDelta = 2;
constexpr unsigned kReserved = 3;

//   | 0 | symbol (2) | run length (13) |
//   | 1 | 0 | 14 symbols of one bit    |
//   | 1 | 1 | 7 symbols of two bits    |
constexpr bool IsRun(std::uint16_t chunk) {
  return (chunk & 0x8000U) == 0;
}
constexpr bool IsTwoBit(std::uint16_t chunk) {
  return (chunk & 0x4000U) != 0;
}
constexpr unsigned SymbolsOf(std::uint16_t chunk) {
  if (IsRun(chunk)) return chunk & kMaxRun;
  return IsTwoBit(chunk) ? kTwoBitSymbols : kOneBitSymbols;
}

// What one feedback will say: a symbol for each status, and how much of the list it covers.
struct Plan {
  std::array<std::uint8_t, kMaxTransportStatuses> symbols{};
  std::size_t statuses = 0;
  std::size_t covered = 0;
  std::size_t delta_bytes = 0;
  std::int64_t reference = 0;  // in kTransportReferenceTick
  [[nodiscard]] std::span<const std::uint8_t> used() const { return std::span(symbols).first(statuses); }
};

constexpr std::int64_t kTicksPerReference = kTransportReferenceTick / kTransportTick;

std::int64_t TickOf(const TransportArrival& arrival) {
  return arrival.arrival / kTransportTick;
}

bool IsSmall(std::int64_t delta) {
  return delta >= 0 && delta <= 0xff;
}

void FillPlan(std::span<const TransportArrival> arrivals, Plan& plan) {
  plan = Plan{};
  plan.reference = TickOf(arrivals[0]) / kTicksPerReference;
  std::int64_t previous = plan.reference * kTicksPerReference;
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    const auto at = static_cast<std::uint16_t>(arrivals[i].sequence - arrivals[0].sequence);
    const std::int64_t delta = TickOf(arrivals[i]) - previous;
    const bool ascends = i == 0 || at >= plan.statuses;
    if (!ascends || at >= kMaxTransportStatuses || delta < std::numeric_limits<std::int16_t>::min() ||
        delta > std::numeric_limits<std::int16_t>::max()) {
      return;
    }
    plan.symbols[at] = static_cast<std::uint8_t>(IsSmall(delta) ? kSmallDelta : kLargeDelta);
    plan.delta_bytes += IsSmall(delta) ? 1U : 2U;
    plan.statuses = at + std::size_t{1};
    plan.covered = i + 1;
    previous += delta;
  }
}

// The next chunk for `symbols`, and how many of them it takes.
struct Chunk {
  std::uint16_t value = 0;
  std::size_t taken = 0;
};
Chunk MakeChunk(std::span<const std::uint8_t> symbols) {
  std::size_t run = 1;
  while (run < symbols.size() && run < kMaxRun && symbols[run] == symbols[0]) ++run;
  if (run >= kOneBitSymbols || run == symbols.size()) {
    return {static_cast<std::uint16_t>((static_cast<unsigned>(symbols[0]) << 13U) | run), run};
  }
  const auto head = symbols.first(std::min<std::size_t>(symbols.size(), kOneBitSymbols));
  const bool two_bit = std::find(head.begin(), head.end(), kLargeDelta) != head.end();
  const std::size_t width = two_bit ? kTwoBitSymbols : kOneBitSymbols;
  const unsigned bits = two_bit ? 2 : 1;
  unsigned value = two_bit ? 3 : 2;
  for (std::size_t i = 0; i < width; ++i) {
    value = (value << bits) | (i < symbols.size() ? symbols[i] : kNotReceived);
  }
  return {static_cast<std::uint16_t>(value), std::min(width, symbols.size())};
}

std::size_t ChunkBytes(std::span<const std::uint8_t> symbols) {
  std::size_t bytes = 0;
  for (; !symbols.empty(); bytes += 2) symbols = symbols.subspan(MakeChunk(symbols).taken);
  return bytes;
}

void WriteDeltas(std::span<const TransportArrival> arrivals, const Plan& plan, ByteWriter& out) {
  std::int64_t previous = plan.reference * kTicksPerReference;
  for (const TransportArrival& arrival : arrivals.first(plan.covered)) {
    const std::int64_t delta = TickOf(arrival) - previous;
    previous += delta;
    if (IsSmall(delta)) {
      out.U8(static_cast<std::uint8_t>(delta));
    } else {
      out.U16(static_cast<std::uint16_t>(delta));
    }
  }
}

}  // namespace

TransportStatusReader::TransportStatusReader(std::uint16_t base, std::size_t count, Duration reference,
                                             ByteView chunks_and_deltas)
    : chunks_(chunks_and_deltas), deltas_(ByteView{}), next_(base), left_(count), time_(reference) {
  // The deltas begin where the chunks have named every status.
  ByteReader scan(chunks_and_deltas);
  for (std::size_t named = 0; named < count && scan.ok();) named += SymbolsOf(scan.U16());
  deltas_ = ByteReader(scan.Rest());
}

void TransportStatusReader::LoadChunk() {
  while (chunk_left_ == 0 && chunks_.ok()) {  // a run of length 0 is skipped
    chunk_ = chunks_.U16();
    chunk_left_ = SymbolsOf(chunk_);
  }
  ok_ = ok_ && chunks_.ok();
}

unsigned TransportStatusReader::NextSymbol() {
  if (chunk_left_ == 0) LoadChunk();
  if (!ok_) return kNotReceived;
  --chunk_left_;
  const unsigned chunk = chunk_;
  if (IsRun(chunk_)) return (chunk >> 13U) & 3U;
  return IsTwoBit(chunk_) ? (chunk >> (2 * chunk_left_)) & 3U : (chunk >> chunk_left_) & 1U;
}

std::optional<TransportStatus> TransportStatusReader::Next() {
  if (left_ == 0 || !ok_) return std::nullopt;
  const unsigned symbol = NextSymbol();
  TransportStatus status{next_, std::nullopt};
  if (symbol == kSmallDelta) time_ += kTransportTick * deltas_.U8();
  if (symbol == kLargeDelta) time_ += kTransportTick * static_cast<std::int16_t>(deltas_.U16());
  ok_ = ok_ && symbol != kReserved && deltas_.ok();
  if (!ok_) return std::nullopt;
  if (symbol != kNotReceived) status.arrival = time_;
  ++next_;
  --left_;
  return status;
}

TransportStatusReader TransportFeedback::statuses() const {
  return {base_sequence, status_count, kTransportReferenceTick * reference_time, chunks_and_deltas};
}

std::optional<TransportFeedback> ParseTransportFeedback(const RtcpBlock& block) {
  if (block.kind != RtcpKind::kTransportFeedback) return std::nullopt;
  ByteReader reader(block.body);
  TransportFeedback feedback;
  feedback.sender_ssrc = reader.U32();
  feedback.media_ssrc = reader.U32();
  feedback.base_sequence = reader.U16();
  feedback.status_count = reader.U16();
  feedback.reference_time = SignExtend24(reader.U24());
  feedback.feedback_count = reader.U8();
  feedback.chunks_and_deltas = reader.Rest();
  if (!reader.ok() || feedback.status_count == 0 || feedback.status_count > kMaxTransportStatuses) {
    return std::nullopt;
  }
  TransportStatusReader statuses = feedback.statuses();
  while (statuses.Next()) {
  }
  if (!statuses.ok()) return std::nullopt;
  return feedback;
}

std::size_t WriteTransportFeedback(std::uint32_t sender_ssrc, std::uint32_t media_ssrc,
                                   std::uint8_t feedback_count, std::span<const TransportArrival> arrivals,
                                   ByteWriter& out) {
  Plan plan;
  std::size_t padded = 0;
  // Less and less of the list, until it fits.
  for (;; arrivals = arrivals.first(plan.covered - (plan.covered + 3) / 4)) {
    if (arrivals.empty()) return 0;
    FillPlan(arrivals, plan);
    if (plan.covered == 0) return 0;
    const std::size_t bytes = kFeedbackSize + ChunkBytes(plan.used()) + plan.delta_bytes;
    padded = (bytes + 3) / 4 * 4;
    if (out.ok() && kRtcpHeaderSize + padded <= out.room()) break;
  }
  const std::size_t end = out.size() + kRtcpHeaderSize + padded;
  WriteRtcpHeader(kFormat, kRtcpTransportFeedback, padded, out);
  out.U32(sender_ssrc);
  out.U32(media_ssrc);
  out.U16(arrivals[0].sequence);
  out.U16(static_cast<std::uint16_t>(plan.statuses));
  out.U24(static_cast<std::uint32_t>(plan.reference) & 0xffffffU);
  out.U8(feedback_count);
  for (auto rest = plan.used(); !rest.empty();) {
    const Chunk chunk = MakeChunk(rest);
    out.U16(chunk.value);
    rest = rest.subspan(chunk.taken);
  }
  WriteDeltas(arrivals, plan, out);
  while (out.size() < end) out.U8(0);
  return plan.covered;
}

}  // namespace latchkey::wire
