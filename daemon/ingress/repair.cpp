#include "daemon/ingress/repair.h"

#include <algorithm>

namespace latchkey::ingress {

Repair::Taken Repair::OnPacket(const gate::AuthenticPacket& packet, frames::Assembler& assembler,
                               Instant now) {
  Taken taken;
  if (packet.is_probe()) {
    taken.reason = assembler.Push(packet, now);
    return taken;
  }
  const auto noticed = assembler.MissingSince(packet.sequence());
  const std::size_t missing = assembler.missing();
  taken.asked = scheduler_.OnPacket(packet.sequence(), noticed, packet.is_retransmission(), now);
  taken.reason = assembler.Push(packet, now);
  if (assembler.missing() > missing) scheduler_.OnGap(now);
  return taken;
}

void Repair::UpdateDepth(const frames::Assembler& assembler, const Reception& reception, Instant now) {
  if (updated_ && now - *updated_ < kUpdateInterval) return;
  updated_ = now;
  const Duration wait = scheduler_.ReorderWait(reception.jitter(wire::ClockRate(assembler.codec())), now);
  frames::PlayoutDepth::Measured measured;
  measured.reorder_wait = wait;
  measured.repair_timeout = scheduler_.round_trip().Timeout();
  measured.expected = static_cast<std::uint64_t>(reception.expected());
  measured.asked = scheduler_.asked();
  depth_.Update(measured, now);
  hold_ = nack_ ? depth_.depth() : std::clamp(2 * wait, limits_.least, limits_.most);
}

const std::vector<std::uint16_t>& Repair::Update(frames::Assembler& assembler, const Reception& reception,
                                                 Instant now) {
  sequences_.clear();
  UpdateDepth(assembler, reception, now);
  assembler.SetHold(hold_);
  const auto due = scheduler_.NextDeadline();
  if (!nack_ || !due || now < *due) return sequences_;
  assembler.ListMissing(missing_);
  frames::NackScheduler::Limits limits;
  limits.hold = hold_;
  limits.jitter = reception.jitter(wire::ClockRate(assembler.codec()));
  limits.useful_from = assembler.UsefulFrom().value;
  limits.in_pairs = depth_.in_pairs();
  scheduler_.Poll(missing_, limits, now, sequences_);
  return sequences_;
}

std::optional<Instant> Repair::NextDeadline() const {
  return nack_ ? scheduler_.NextDeadline() : std::nullopt;
}

std::optional<Duration> Repair::round_trip() const {
  const frames::RoundTrip& round_trip = scheduler_.round_trip();
  return round_trip.measured() ? std::optional(round_trip.smoothed()) : std::nullopt;
}

}  // namespace latchkey::ingress
