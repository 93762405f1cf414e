// Offer in, plan and answer out (RFC 3264, RFC 8829), for the two sides of a hub: cameras that publish by
// WHIP (RFC 9725) and viewers that receive by WHEP. The hub is ICE-lite, answers with all its candidates at
// once, and carries everything on one transport: BUNDLE (RFC 9143) and rtcp-mux (RFC 5761).
//
// transport-cc is left out of every answer on purpose: with it agreed and no such feedback sent, a browser's
// encoder sinks to its minimum; with REMB alone it reaches its full rate.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/base/result.h"
#include "daemon/peer/media_plan.h"
#include "daemon/peer/transport.h"
#include "daemon/ports/entropy.h"
#include "daemon/wire/sdp.h"

namespace latchkey::peer {

// Why an offer is refused, for application/problem+json. `detail` says what to do.
//   400  not SDP, malformed, or contradicting itself      413  over a bound of wire/sdp.h
//   406  well-formed, but nothing in it can be used       or the answer would be over kMaxAnswerBytes
struct Refusal {
  std::uint16_t http_status = 400;
  std::string detail;
};
template <class T>
using Negotiated = tl::expected<T, Refusal>;
inline tl::unexpected<Refusal> Refuse(std::uint16_t http_status, std::string detail) {
  return tl::unexpected(Refusal{http_status, std::move(detail)});
}

// FFmpeg's WHIP client reads no more than this of an answer.
constexpr std::size_t kMaxAnswerBytes = 8192;

struct Answer {
  MediaPlan plan;
  std::string sdp;  // at most kMaxAnswerBytes, begins with "v="; may hold our key: the caller wipes it
  std::optional<SdesKeys> sdes;  // the keys that came with the offer instead of DTLS
};

// A camera's offer. Taken: at most one video (H264 packetization-mode 1, then mode 0, then VP8; constrained
// baseline first) and at most one audio (Opus, PCMU, PCMA, in this order). Other sections are rejected with
// port 0. Of several sections without BUNDLE one is taken, the video if there is one. Simulcast is answered
// as a single stream. With `sdes` an offer may bring its key as a=crypto (RFC 4568) where it offers no DTLS.
Negotiated<Answer> AnswerCameraOffer(std::string_view offer, const LocalTransport& local, bool sdes,
                                     ports::Entropy& entropy);

// What a viewer offers, before anything is promised: enough to report its fingerprint.
struct ViewerOffer {
  TransportPlan transport;
  wire::Sdp sdp;
};
// Refuses what no camera could ever satisfy: no receivable section, no sha-256 fingerprint, no ICE
// credentials.
Negotiated<ViewerOffer> ParseViewerOffer(std::string_view offer);

// What the camera sends right now. At least one is there.
struct CameraMedia {
  std::optional<wire::Codec> video;
  // Of the parameter set in use, or of the camera's offer. Nothing for H264: taken as constrained baseline.
  std::optional<wire::H264ProfileLevel> h264_profile;
  std::optional<wire::Codec> audio;
};

// The answer sends the camera's codecs under the viewer's payload types. A section whose codec the viewer
// can't take, or that the camera has nothing for, is rejected; if nothing is left the whole offer is refused
// with 406. H264 leaves with packetization-mode 1 alone, and only to a profile that can decode the camera's
// (RFC 6184 8.2.2); levels are not compared: what browsers offer is far below what they decode.
Negotiated<Answer> AnswerViewerOffer(const ViewerOffer& offer, const CameraMedia& camera,
                                     const LocalTransport& local, ports::Entropy& entropy);

// May a stream of profile `stream` go to a receiver that offered `receiver`? wire::ProfileAccepts, and in
// addition: High 4:4:4 Predictive decodes Main and High (H.264 A.2.7); Baseline goes where Constrained
// Baseline does (no camera uses FMO, ASO or redundant slices); High goes to Constrained High (the hub passes
// no B-frames, cameras no fields).
bool ReceiverDecodes(const wire::H264ProfileLevel& receiver, const wire::H264ProfileLevel& stream);

// Body of the 200 that answers a restart PATCH (RFC 9725 4.3.3).
std::string WriteRestartAnswer(const TransportPlan& transport, const LocalTransport& local);

}  // namespace latchkey::peer
