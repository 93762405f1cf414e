// A camera's sound: Opus packets at an even pace, beside the video and with a source of its own.
#pragma once

#include <cstdint>

#include "daemon/wire/rtcp_report.h"
#include "tests/sim/endpoint.h"
#include "tests/sim/reel.h"

namespace latchkey::sim {

class Microphone {
 public:
  // `interval` 0: there is none.
  Microphone(Machine& machine, std::uint32_t mark, Duration interval, Instant now);

  [[nodiscard]] bool present() const { return interval_ > Duration::zero(); }
  // The camera was off: another source.
  void Reboot();
  // A packet, if one is due; `elapsed` on the camera's clock.
  void Work(Instant now, Duration elapsed, Endpoint& endpoint);
  [[nodiscard]] Instant NextDeadline() const { return present() ? next_ : Instant::max(); }
  [[nodiscard]] wire::SenderInfo Report(Duration elapsed) const;

  [[nodiscard]] std::uint32_t ssrc() const { return ssrc_; }
  [[nodiscard]] std::uint32_t boot() const { return boot_; }
  // What was recorded, by packet.
  [[nodiscard]] const Reel& reel() const { return reel_; }

 private:
  [[nodiscard]] std::uint32_t TimestampAt(Duration elapsed) const;

  Machine& machine_;
  std::uint32_t mark_;
  Duration interval_;
  std::uint32_t boot_ = 0;
  std::uint32_t number_ = 0;
  std::uint32_t ssrc_ = 0;
  std::uint16_t sequence_ = 0;
  std::uint32_t timestamp_base_ = 0;
  std::uint32_t packets_ = 0;
  Instant next_;
  Reel reel_;
};

}  // namespace latchkey::sim
