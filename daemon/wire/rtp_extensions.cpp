#include "daemon/wire/rtp_extensions.h"

#include <algorithm>

namespace latchkey::wire {
namespace {

constexpr std::int64_t kMaxPlayoutTicks = 0xfff;
constexpr std::int64_t kPlayoutTickMs = 10;
constexpr std::array<std::uint16_t, 4> kDegrees{0, 90, 180, 270};

std::uint32_t PlayoutTicks(milliseconds delay) {
  const std::int64_t ticks = delay.count() / kPlayoutTickMs;
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(ticks, 0, kMaxPlayoutTicks));
}

std::array<std::uint8_t, 3> Bytes24(std::uint32_t value) {
  std::array<std::uint8_t, 3> bytes{};
  ByteWriter writer(bytes);
  writer.U24(value & 0xffffffU);
  return bytes;
}

}  // namespace

std::optional<std::uint16_t> ReadTransportSequence(ByteView data) {
  ByteReader reader(data);
  const std::uint16_t sequence = reader.U16();
  return reader.AtEnd() ? std::optional(sequence) : std::nullopt;
}

std::array<std::uint8_t, 2> TransportSequenceBytes(std::uint16_t sequence) {
  return {static_cast<std::uint8_t>(sequence >> 8U), static_cast<std::uint8_t>(sequence & 0xffU)};
}

std::optional<std::uint32_t> ReadAbsSendTime(ByteView data) {
  ByteReader reader(data);
  const std::uint32_t time = reader.U24();
  return reader.AtEnd() ? std::optional(time) : std::nullopt;
}

std::array<std::uint8_t, 3> AbsSendTimeBytes(Duration since) {
  constexpr std::int64_t kWrap = 64'000'000'000;
  const auto within = static_cast<std::uint64_t>(((since.count() % kWrap) + kWrap) % kWrap);
  return Bytes24(static_cast<std::uint32_t>((within << 18U) / 1'000'000'000U));
}

std::optional<PlayoutDelay> ReadPlayoutDelay(ByteView data) {
  ByteReader reader(data);
  const std::uint32_t both = reader.U24();
  if (!reader.AtEnd()) return std::nullopt;
  return PlayoutDelay{milliseconds{(both >> 12U) * kPlayoutTickMs},
                      milliseconds{(both & 0xfffU) * kPlayoutTickMs}};
}

std::array<std::uint8_t, 3> PlayoutDelayBytes(const PlayoutDelay& delay) {
  return Bytes24((PlayoutTicks(delay.min) << 12U) | PlayoutTicks(delay.max));
}

//   | 0 0 0 0 C F R R |   R: quarter turns
std::optional<std::uint16_t> ReadVideoRotation(ByteView data) {
  if (data.size() != 1) return std::nullopt;
  return kDegrees[data[0] & 3U];
}

}  // namespace latchkey::wire
