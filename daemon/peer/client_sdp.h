// The other end of negotiation.h, for our own tools: latchkey-cam publishes by WHIP, latchkey-view receives
// by WHEP.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/result.h"
#include "daemon/peer/media_plan.h"
#include "daemon/peer/transport.h"
#include "daemon/wire/sdes.h"

namespace latchkey::peer {

// Payload types of our offers. Fixed: nobody else numbers in them.
constexpr std::uint8_t kClientH264 = 96;
constexpr std::uint8_t kClientH264Rtx = 97;
constexpr std::uint8_t kClientVp8 = 98;
constexpr std::uint8_t kClientVp8Rtx = 99;
constexpr std::uint8_t kClientOpus = 111;
constexpr std::uint8_t kClientPcmu = 0;
constexpr std::uint8_t kClientPcma = 8;

// A camera's offer: sendonly, setup:actpass, BUNDLE, rtcp-mux, NACK, PLI, FIR, REMB, RTX, the mid extension.
struct PublishOffer {
  struct Source {
    wire::Codec codec = wire::Codec::kH264;
    std::uint32_t ssrc = 0;
    std::uint32_t rtx_ssrc = 0;  // video; 0: no RTX is offered
  };
  std::optional<Source> video;  // H264 (packetization-mode 1) or VP8
  wire::H264ProfileLevel h264_profile = wire::kWebProfileLevel;
  std::optional<Source> audio;  // Opus, PCMU or PCMA
  std::string cname;
  LocalTransport local;
  std::uint64_t session_id = 0;  // of o=: random, below 2^63 (RFC 8829 5.2.1)
  // Instead of DTLS: the lines of a=crypto, best first, alike in each section. The text is the caller's to
  // wipe.
  std::vector<wire::SdesCrypto> sdes;
};
std::string WritePublishOffer(const PublishOffer& offer);

// A viewer's offer: recvonly, everything the hub can pass on (H264 in all usual profiles, VP8, Opus, PCMU,
// PCMA).
struct ReceiveOffer {
  bool video = true;
  bool audio = true;
  std::string cname;
  std::uint32_t video_ssrc = 0;  // of our receiver reports
  std::uint32_t audio_ssrc = 0;
  LocalTransport local;
  std::uint64_t session_id = 0;
};
std::string WriteReceiveOffer(const ReceiveOffer& offer);

// What the hub's answer made of one of these offers. `offer` is the text that was sent. Rejected sections are
// not in the plan; kUnsupported when none is left, kInvalid when the answer doesn't fit the offer. local_role
// is kClient for setup:passive. In each stream local_ssrc is ours from the offer, remote_sources the hub's
// from the answer.
Result<MediaPlan> ReadAnswer(std::string_view offer, std::string_view answer);

// Of an offer with a=crypto: `ours` is the line that the answer took, and theirs protects what they send.
// kInvalid when it took none.
Result<SdesKeys> ReadSdesAnswer(const std::vector<wire::SdesCrypto>& ours, std::string_view answer);

}  // namespace latchkey::peer
