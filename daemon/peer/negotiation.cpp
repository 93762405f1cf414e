#include "daemon/peer/negotiation.h"

#include <limits>
#include <utility>

#include "daemon/base/check.h"
#include "daemon/peer/negotiation_answer.h"
#include "daemon/peer/negotiation_offer.h"
#include "daemon/peer/negotiation_sdes.h"

namespace latchkey::peer {
namespace {

using wire::Codec;
using wire::H264Profile;
using wire::StreamKind;

// High 4:4:4 Predictive: profile_idc 244 without constraint_set3 (H.264 A.2.7).
bool IsPredictive444(const wire::H264ProfileLevel& p) {
  return p.profile_idc == 244 && (p.constraints & 0x10U) == 0;
}

// Smaller is better; nothing: not taken.
using Rank = std::optional<int>;
constexpr int kProfileRanks = 100;

// Constrained baseline is what every browser decodes, so it is asked for first.
int RankOfProfile(const std::optional<wire::H264ProfileLevel>& profile) {
  if (!profile) return 5;
  switch (wire::ProfileOf(*profile)) {
    case H264Profile::kConstrainedBaseline: return 0;
    case H264Profile::kBaseline: return 1;
    case H264Profile::kMain: return 2;
    case H264Profile::kConstrainedHigh: return 3;
    case H264Profile::kHigh: return 4;
    case H264Profile::kOther:
    case H264Profile::kCount: break;
  }
  return 6;
}

Rank RankForCamera(const OfferedFormat& format) {
  switch (format.codec) {
    case Codec::kH264:
      if (format.h264.packetization_mode > 1) return std::nullopt;
      return (1 - format.h264.packetization_mode) * kProfileRanks + RankOfProfile(format.h264.profile_level);
    case Codec::kVp8: return 2 * kProfileRanks;
    case Codec::kOpus: return 0;
    case Codec::kPcmu: return 1;
    case Codec::kPcma: return 2;
    case Codec::kCount: break;
  }
  return std::nullopt;
}

// What the camera sends of one kind, to be found among a viewer's formats.
struct Wanted {
  Codec codec;
  wire::H264ProfileLevel profile;
};

Rank RankForViewer(const OfferedFormat& format, const Wanted& wanted) {
  if (format.codec != wanted.codec) return std::nullopt;
  if (format.codec != Codec::kH264) return 0;
  // A receiver without a=fmtp sets no conditions (GStreamer's whepclientsrc). RFC 6184 would read it as mode
  // 0, which nobody means.
  if (!format.has_fmtp) return 2;
  const auto receiver = format.h264.profile_level.value_or(wire::kDefaultProfileLevel);
  if (format.h264.packetization_mode != 1 || !ReceiverDecodes(receiver, wanted.profile)) return std::nullopt;
  return wire::ProfileOf(receiver) == wire::ProfileOf(wanted.profile) ? 0 : 1;
}

// The best format of the first section of `kind` that has one.
template <class RankOf>
std::optional<Choice> Choose(const std::vector<OfferedSection>& sections, StreamKind kind, RankOf&& rank_of) {
  for (const OfferedSection& section : sections) {
    if (!section.usable() || section.kind != kind) continue;
    Choice best;
    int best_rank = std::numeric_limits<int>::max();
    for (const OfferedFormat& format : section.formats) {
      const Rank rank = rank_of(format);
      if (!rank || *rank >= best_rank) continue;
      best = {&section, &format};
      best_rank = *rank;
    }
    if (best.format != nullptr) return best;
  }
  return std::nullopt;
}

constexpr std::string_view kCameraAdvice =
    "offer one section that sends H264 (packetization-mode 0 or 1), VP8, Opus, PCMU or PCMA";
constexpr std::string_view kViewerAdvice =
    "offer to receive H264 (packetization-mode=1), VP8, Opus, PCMU or PCMA";

std::string CannotTake(const CameraMedia& camera) {
  std::string text = "the camera sends ";
  if (camera.video) text += wire::CodecName(*camera.video);
  if (camera.video == Codec::kH264 && camera.h264_profile) {
    text +=
        " (profile-level-id " + wire::FormatProfileLevelId(*camera.h264_profile) + ", packetization-mode 1)";
  }
  if (camera.video && camera.audio) text += " and ";
  if (camera.audio) text += wire::CodecName(*camera.audio);
  return text + ", offer to receive that";
}

Negotiated<Answer> AnswerCamera(const wire::Sdp& sdp, const LocalTransport& local, bool sdes,
                                ports::Entropy& entropy) {
  std::vector<OfferedSection> sections = ReadSections(sdp);
  if (auto contradiction = FindContradiction(sdp, sections)) return tl::unexpected(*contradiction);
  JudgeDirections(sections, Sender::kPeer);
  const auto video = Choose(sections, StreamKind::kVideo, RankForCamera);
  const auto audio = Choose(sections, StreamKind::kAudio, RankForCamera);
  if (!video && !audio) return tl::unexpected(NothingUsable(sdp, sections, kCameraAdvice));
  const std::vector<Choice> choices = Together(sdp, video, audio);
  const auto keyed = ChooseSdes(sdp, choices, sdes, entropy);
  if (!keyed) return tl::unexpected(keyed.error());
  const SdesChoice* keys = *keyed ? &**keyed : nullptr;
  auto answer = Conclude(sdp, sections, choices, Sender::kPeer, wire::kWebProfileLevel, local, keys, entropy);
  if (answer && keys != nullptr) answer->sdes = KeysOf(*keys);
  return answer;
}

}  // namespace

bool ReceiverDecodes(const wire::H264ProfileLevel& receiver, const wire::H264ProfileLevel& stream) {
  if (wire::ProfileAccepts(receiver, stream)) return true;
  const H264Profile to = wire::ProfileOf(receiver);
  const H264Profile from = wire::ProfileOf(stream);
  if (from == H264Profile::kBaseline) return to != H264Profile::kOther || IsPredictive444(receiver);
  if (from == H264Profile::kOther) return false;
  return IsPredictive444(receiver) || (from == H264Profile::kHigh && to == H264Profile::kConstrainedHigh);
}

Negotiated<Answer> AnswerCameraOffer(std::string_view offer, const LocalTransport& local, bool sdes,
                                     ports::Entropy& entropy) {
  auto sdp = ReadSdp(offer);
  if (!sdp) return tl::unexpected(sdp.error());
  auto answer = AnswerCamera(*sdp, local, sdes, entropy);
  for (wire::SdpMedia& media : sdp->media) media.attributes.WipeValues("crypto");
  return answer;
}

Negotiated<ViewerOffer> ParseViewerOffer(std::string_view offer) {
  auto sdp = ReadSdp(offer);
  if (!sdp) return tl::unexpected(sdp.error());
  std::vector<OfferedSection> sections = ReadSections(*sdp);
  if (auto contradiction = FindContradiction(*sdp, sections)) return tl::unexpected(*contradiction);
  JudgeDirections(sections, Sender::kHub);
  std::vector<std::string_view> mids;
  const OfferedSection* first = nullptr;
  for (const OfferedSection& section : sections) {
    if (!section.usable()) continue;
    if (first == nullptr) first = &section;
    mids.emplace_back(section.mid);
  }
  if (first == nullptr) return tl::unexpected(NothingUsable(*sdp, sections, kViewerAdvice));
  const std::string_view tagged = Bundle(*sdp).Tagged(mids);
  for (const OfferedSection& section : sections) {
    if (section.usable() && !tagged.empty() && section.mid == tagged) first = &section;
  }
  auto transport = ReadTransport(*sdp, sdp->media[first->index]);
  if (!transport) return tl::unexpected(transport.error());
  return ViewerOffer{std::move(*transport), std::move(*sdp)};
}

Negotiated<Answer> AnswerViewerOffer(const ViewerOffer& offer, const CameraMedia& camera,
                                     const LocalTransport& local, ports::Entropy& entropy) {
  LATCHKEY_CHECK(camera.video || camera.audio);
  const auto profile = camera.h264_profile.value_or(wire::kWebProfileLevel);
  std::vector<OfferedSection> sections = ReadSections(offer.sdp);
  JudgeDirections(sections, Sender::kHub);
  const auto choose = [&](StreamKind kind, std::optional<Codec> codec) -> std::optional<Choice> {
    if (!codec) return std::nullopt;
    const Wanted wanted{*codec, profile};
    return Choose(sections, kind, [&](const OfferedFormat& format) { return RankForViewer(format, wanted); });
  };
  const auto video = choose(StreamKind::kVideo, camera.video);
  const auto audio = choose(StreamKind::kAudio, camera.audio);
  if (!video && !audio) return tl::unexpected(NothingUsable(offer.sdp, sections, CannotTake(camera)));
  auto answer = Conclude(offer.sdp, sections, Together(offer.sdp, video, audio), Sender::kHub, profile, local,
                         nullptr, entropy);
  // The wrap was bound to the fingerprint that ParseViewerOffer() reported: no other may slip in.
  if (answer && answer->plan.transport.remote_fingerprint != offer.transport.remote_fingerprint) {
    return tl::unexpected(
        Refusal{400, "the media sections name different certificates: use one a=fingerprint"});
  }
  return answer;
}

std::string WriteRestartAnswer(const TransportPlan& transport, const LocalTransport& local) {
  return wire::WriteTrickleFragment(local.ufrag, local.password, transport.tagged_kind, transport.tagged_mid,
                                    InOrder(local.candidates));
}

}  // namespace latchkey::peer
