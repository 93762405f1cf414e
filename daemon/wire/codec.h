// The codecs that pass through the hub. None is decoded in a lane: a codec is a name, a clock and a
// payload format.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "daemon/base/check.h"

namespace latchkey::wire {

enum class Codec : std::uint8_t { kH264, kVp8, kOpus, kPcmu, kPcma, kCount };
enum class StreamKind : std::uint8_t { kVideo, kAudio, kCount };

constexpr std::size_t kCodecCount = static_cast<std::size_t>(Codec::kCount);
constexpr std::size_t kStreamKindCount = static_cast<std::size_t>(StreamKind::kCount);

struct CodecTraits {
  Codec codec;
  StreamKind kind;
  std::string_view name;     // encoding name of a=rtpmap, as its registration spells it
  std::uint32_t clock_rate;  // RTP clock, Hz
  std::uint8_t channels;     // of a=rtpmap; 0: video
};

// RFC 6184 8.1, RFC 7741 6.1, RFC 7587 7 (Opus is always 48000/2), RFC 3551 6.
inline constexpr std::array<CodecTraits, kCodecCount> kCodecTraits{{
    {Codec::kH264, StreamKind::kVideo, "H264", 90000, 0},
    {Codec::kVp8, StreamKind::kVideo, "VP8", 90000, 0},
    {Codec::kOpus, StreamKind::kAudio, "opus", 48000, 2},
    {Codec::kPcmu, StreamKind::kAudio, "PCMU", 8000, 1},
    {Codec::kPcma, StreamKind::kAudio, "PCMA", 8000, 1},
}};
static_assert([] {
  for (std::size_t i = 0; i < kCodecCount; ++i) {
    if (static_cast<std::size_t>(kCodecTraits[i].codec) != i) return false;
  }
  return true;
}());

constexpr const CodecTraits& TraitsOf(Codec codec) {
  LATCHKEY_CHECK(codec < Codec::kCount);
  return kCodecTraits[static_cast<std::size_t>(codec)];
}
constexpr StreamKind StreamKindOf(Codec codec) {
  return TraitsOf(codec).kind;
}
// Hz.
constexpr std::uint32_t ClockRate(Codec codec) {
  return TraitsOf(codec).clock_rate;
}
// As in a=rtpmap.
constexpr std::string_view CodecName(Codec codec) {
  return TraitsOf(codec).name;
}

// Encoding names compare without case (RFC 8866 6.6, RFC 4855 3). Anything unknown is nothing.
constexpr std::optional<Codec> CodecFromName(std::string_view name) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  for (const CodecTraits& traits : kCodecTraits) {
    bool same = name.size() == traits.name.size();
    for (std::size_t i = 0; same && i < name.size(); ++i) same = lower(name[i]) == lower(traits.name[i]);
    if (same) return traits.codec;
  }
  return std::nullopt;
}

}  // namespace latchkey::wire
