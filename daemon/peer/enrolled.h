// What a camera sends whose key was enrolled at the hub: it makes no offer, so both sides know it beforehand.
#pragma once

#include <cstdint>

#include "daemon/peer/media_plan.h"
#include "daemon/ports/entropy.h"

namespace latchkey::peer {

// What FFmpeg and GStreamer number video with unless told otherwise, and FFmpeg sound.
constexpr std::uint8_t kEnrolledVideoType = 96;
constexpr std::uint8_t kEnrolledAudioType = 97;

// `video` under kEnrolledVideoType, Opus under kEnrolledAudioType, no feedback: nothing is sent to it.
MediaPlan EnrolledPlan(wire::Codec video, ports::Entropy& entropy);

}  // namespace latchkey::peer
