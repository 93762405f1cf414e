// Repair of one stream of the camera: what to ask for again, and how long a hole may hold the line.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "daemon/base/time.h"
#include "daemon/frames/assembler.h"
#include "daemon/frames/nack.h"
#include "daemon/frames/playout_depth.h"
#include "daemon/gate/authentic_packet.h"
#include "daemon/ingress/reception.h"

namespace latchkey::ingress {

class Repair {
 public:
  // The depth follows what was measured at least this often.
  static constexpr Duration kUpdateInterval = milliseconds(100);
  // `nack`: the camera agreed to repeat packets, `rtx`: as RTX. One that repeats nothing is waited for as
  // long as reordering may take: twice the wait that was measured, so that it can be found out to be longer.
  Repair(bool nack, bool rtx, const frames::DepthLimits& limits)
      : nack_(nack), limits_(limits), scheduler_(rtx), depth_(limits), hold_(limits.least) {}

  // Puts the packet into the assembler. True when it had been asked for.
  struct Taken {
    DropReason reason = DropReason::kNone;
    bool asked = false;
  };
  Taken OnPacket(const gate::AuthenticPacket& packet, frames::Assembler& assembler, Instant now);
  // After packets and at NextDeadline(): sets the assembler's hold, and returns what is to be asked for now,
  // valid until the next call.
  const std::vector<std::uint16_t>& Update(frames::Assembler& assembler, const Reception& reception,
                                           Instant now);
  [[nodiscard]] std::optional<Instant> NextDeadline() const;
  // Another epoch: numbers begin afresh, what was measured of the network stands.
  void BeginEpoch() { scheduler_.Reset(); }

  [[nodiscard]] Duration depth() const { return hold_; }
  // Round trip to the camera; nothing until one was measured.
  [[nodiscard]] std::optional<Duration> round_trip() const;
  // Requests sent, numbers counted each time.
  [[nodiscard]] std::uint64_t requests() const { return scheduler_.requests(); }
  // Numbers that had to be asked for.
  [[nodiscard]] std::uint64_t asked() const { return scheduler_.asked(); }
  [[nodiscard]] bool IsConsistent() const { return scheduler_.IsConsistent(); }

 private:
  void UpdateDepth(const frames::Assembler& assembler, const Reception& reception, Instant now);

  bool nack_;
  frames::DepthLimits limits_;
  frames::NackScheduler scheduler_;
  frames::PlayoutDepth depth_;
  Duration hold_;
  std::optional<Instant> updated_;
  std::vector<frames::MissingPacket> missing_;
  std::vector<std::uint16_t> sequences_;
};

}  // namespace latchkey::ingress
