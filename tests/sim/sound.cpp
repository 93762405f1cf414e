#include "tests/sim/sound.h"

#include <algorithm>

#include "tests/sim/violation.h"

namespace latchkey::sim {

std::array<std::uint8_t, kSoundBytes> WriteSound(const Sound& sound) {
  std::array<std::uint8_t, kSoundBytes> bytes{};
  ByteWriter writer(bytes);
  for (const std::uint32_t word : {sound.mark, sound.boot, sound.number, sound.mark}) writer.U32(word);
  return bytes;
}

std::optional<Sound> ReadSound(ByteView payload) {
  if (payload.size() != kSoundBytes) return std::nullopt;
  ByteReader reader(payload);
  Sound sound;
  sound.mark = reader.U32();
  sound.boot = reader.U32();
  sound.number = reader.U32();
  return reader.U32() == sound.mark ? std::optional(sound) : std::nullopt;
}

void SoundAudit::Grant(std::uint32_t boot, bool listen) {
  listen_ = listen;
  if (std::find(boots_.begin(), boots_.end(), boot) == boots_.end()) boots_.push_back(boot);
}

bool SoundAudit::OnRtp(const wire::RtpPacket& packet) {
  Demand(listen_, "sound reaches a viewer without the right to listen");
  const auto sound = ReadSound(packet.payload);
  Demand(sound && sound->mark == mark_, "sound that is not the camera's");
  const auto highest = sequence_.highest();
  const std::int64_t sequence = sequence_.Unwrap(packet.header.sequence);
  if (highest && sequence <= *highest) return false;
  Demand(!highest || sequence == *highest + 1, "numbers of sound are not contiguous");
  Demand(std::find(boots_.begin(), boots_.end(), sound->boot) != boots_.end(),
         "sound of a boot that no grant named");
  Demand(!newest_ || sound->number > newest_->number, "older sound after newer");
  Demand(!timestamp_ || packet.header.timestamp - *timestamp_ - 1U < 0x7fffffffU,
         "a viewer's clock of sound went back or stood");
  timestamp_ = packet.header.timestamp;
  newest_ = sound;
  return true;
}

}  // namespace latchkey::sim
