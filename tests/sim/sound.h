// Sound that says whose it is, and what a lane sends of it to one viewer.
//
//   | mark (32) | boot (32) | number (32) | mark again (32) |
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "daemon/base/bytes.h"
#include "daemon/base/seq.h"
#include "daemon/wire/rtp.h"

namespace latchkey::sim {

constexpr std::size_t kSoundBytes = 16;

struct Sound {
  std::uint32_t mark = 0;    // of the camera
  std::uint32_t boot = 0;    // of the camera: its sound has one source from one to the next
  std::uint32_t number = 0;  // counts through all boots
};

std::array<std::uint8_t, kSoundBytes> WriteSound(const Sound& sound);
// Nothing: it is none of a camera's.
std::optional<Sound> ReadSound(ByteView payload);

// Throws Violation at the first packet that goes to somebody without the right, is not the camera's, is of a
// boot that no grant named, or not in order.
class SoundAudit {
 public:
  explicit SoundAudit(std::uint32_t mark) : mark_(mark) {}

  // The viewer's grant covers this boot of the camera now, and sound or not.
  void Grant(std::uint32_t boot, bool listen);
  // A packet as it leaves, opened. True: new.
  bool OnRtp(const wire::RtpPacket& packet);
  [[nodiscard]] const std::optional<Sound>& newest() const { return newest_; }

 private:
  std::uint32_t mark_;
  std::vector<std::uint32_t> boots_;
  bool listen_ = false;
  Unwrapper<std::uint16_t> sequence_;
  std::optional<std::uint32_t> timestamp_;
  std::optional<Sound> newest_;
};

}  // namespace latchkey::sim
