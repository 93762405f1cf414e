#include "daemon/peer/client_sdp.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "daemon/base/check.h"
#include "daemon/peer/negotiation_answer.h"
#include "daemon/peer/negotiation_offer.h"
#include "daemon/peer/negotiation_sdes.h"
#include "daemon/wire/rtp_extensions.h"

namespace latchkey::peer {
namespace {

using wire::Codec;
using wire::Sdp;
using wire::SdpMedia;
using wire::StreamKind;

constexpr std::string_view kProtocol = "UDP/TLS/RTP/SAVPF";
constexpr std::string_view kSdesProtocol = "RTP/SAVPF";  // RFC 5124: the keys come otherwise
constexpr std::uint8_t kMidId = 1;
constexpr std::uint8_t kPlayoutDelayId = 2;

// The H264 profiles that a receiver of ours offers: libavcodec decodes them all. Even numbers, rtx behind
// each.
struct OfferedProfile {
  std::uint8_t payload_type;
  wire::H264ProfileLevel profile;
};
constexpr std::array<OfferedProfile, 5> kReceivedProfiles{{
    {kClientH264, wire::kWebProfileLevel},
    {100, {0x42, 0x00, 0x1f}},
    {102, {0x4d, 0x00, 0x1f}},
    {104, {0x64, 0x00, 0x1f}},
    {106, {0xf4, 0x00, 0x1f}},
}};

std::uint8_t PayloadTypeOf(Codec codec) {
  switch (codec) {
    case Codec::kH264: return kClientH264;
    case Codec::kVp8: return kClientVp8;
    case Codec::kOpus: return kClientOpus;
    case Codec::kPcmu: return kClientPcmu;
    case Codec::kPcma: return kClientPcma;
    case Codec::kCount: break;
  }
  LATCHKEY_CHECK(codec < Codec::kCount);
  return 0;
}

Sdp SessionPart(std::uint64_t session_id, std::string_view mids) {
  LATCHKEY_CHECK((session_id >> 63U) == 0);
  Sdp sdp;
  sdp.lines = {{'o', "- " + std::to_string(session_id) + " 1 IN IP4 127.0.0.1"}, {'s', "-"}, {'t', "0 0"}};
  sdp.attributes.Add("group", "BUNDLE" + std::string(mids));
  return sdp;
}

SdpMedia Section(StreamKind kind, std::string_view mid, const LocalTransport& local, bool first,
                 const std::vector<wire::SdesCrypto>& sdes = {}) {
  SdpMedia media;
  media.kind = kind == StreamKind::kVideo ? "video" : "audio";
  media.port = 9;  // RFC 8829 5.2.1: the candidates tell
  media.protocol = sdes.empty() ? kProtocol : kSdesProtocol;
  media.lines.push_back({'c', "IN IP4 0.0.0.0"});
  media.attributes.Add("mid", mid);
  const bool with_candidates = first && !local.candidates.empty();
  if (sdes.empty()) {
    AddTransport(media, local, "actpass", with_candidates);
  } else {
    AddIce(media, local, with_candidates);
    for (const wire::SdesCrypto& crypto : sdes) AddCrypto(media, crypto);
  }
  media.attributes.Add("rtcp-mux");
  media.attributes.Add("extmap", std::to_string(kMidId) + ' ' + std::string(wire::kUriMid));
  return media;
}

void AddCodec(SdpMedia& media, Codec codec, std::uint8_t payload_type, std::string_view fmtp, bool rtx) {
  const wire::CodecTraits& traits = wire::TraitsOf(codec);
  const std::string type = std::to_string(payload_type);
  media.formats.push_back(type);
  std::string map = type + ' ' + std::string(traits.name) + '/' + std::to_string(traits.clock_rate);
  if (traits.channels > 1) map += '/' + std::to_string(traits.channels);
  media.attributes.Add("rtpmap", map);
  if (!fmtp.empty()) media.attributes.Add("fmtp", type + ' ' + std::string(fmtp));
  if (traits.kind != StreamKind::kVideo) return;
  for (const std::string_view feedback : {" nack", " nack pli", " ccm fir", " goog-remb"}) {
    media.attributes.Add("rtcp-fb", type + std::string(feedback));
  }
  if (!rtx) return;
  const std::string repair = std::to_string(payload_type + 1);
  media.formats.push_back(repair);
  media.attributes.Add("rtpmap", repair + " rtx/" + std::to_string(traits.clock_rate));
  media.attributes.Add("fmtp", repair + " apt=" + type);
}

std::string H264Fmtp(const wire::H264ProfileLevel& profile) {
  return "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" +
         wire::FormatProfileLevelId(profile);
}

std::string FmtpOf(Codec codec, const wire::H264ProfileLevel& profile) {
  if (codec == Codec::kH264) return H264Fmtp(profile);
  return codec == Codec::kOpus ? "minptime=10;useinbandfec=1" : "";
}

void AddSource(SdpMedia& media, std::uint32_t ssrc, std::string_view cname) {
  if (ssrc != 0) media.attributes.Add("ssrc", std::to_string(ssrc) + " cname:" + std::string(cname));
}

SdpMedia PublishSection(const PublishOffer& offer, const PublishOffer::Source& source, StreamKind kind,
                        std::string_view mid, bool first) {
  LATCHKEY_CHECK(wire::StreamKindOf(source.codec) == kind && source.ssrc != 0);
  SdpMedia media = Section(kind, mid, offer.local, first, offer.sdes);
  media.attributes.Add("sendonly");
  media.attributes.Add("msid", "latchkey-cam " + media.kind);
  const bool rtx = kind == StreamKind::kVideo && source.rtx_ssrc != 0;
  AddCodec(media, source.codec, PayloadTypeOf(source.codec), FmtpOf(source.codec, offer.h264_profile), rtx);
  if (rtx) {
    media.attributes.Add("ssrc-group",
                         "FID " + std::to_string(source.ssrc) + ' ' + std::to_string(source.rtx_ssrc));
  }
  AddSource(media, source.ssrc, offer.cname);
  if (rtx) AddSource(media, source.rtx_ssrc, offer.cname);
  return media;
}

tl::unexpected<Error> DoesNotFit(std::string_view what) {
  return Fail(ErrorCode::kInvalid, "the answer does not fit the offer: " + std::string(what));
}

// The format of the offer that the answer's section picked, and the answer's own reading of it.
Result<StreamPlan> ReadStream(const OfferedSection& offered, const OfferedSection& answered,
                              const SdpMedia& media) {
  const OfferedFormat& format = answered.formats.front();
  const auto known =
      std::find_if(offered.formats.begin(), offered.formats.end(), [&](const OfferedFormat& f) {
        return f.payload_type == format.payload_type && f.codec == format.codec;
      });
  if (known == offered.formats.end()) return DoesNotFit("it names a payload type that was not offered");
  StreamPlan stream;
  stream.kind = offered.kind;
  stream.codec = format.codec;
  stream.mid = offered.mid;
  stream.payload_type = format.payload_type;
  if (known->rtx_payload_type == format.rtx_payload_type) stream.rtx_payload_type = format.rtx_payload_type;
  stream.clock_rate = wire::ClockRate(format.codec);
  stream.remote_sources = answered.sources;
  if (!offered.sources.empty()) {
    stream.local_ssrc = offered.sources.front().ssrc;
    if (stream.rtx_payload_type) stream.local_rtx_ssrc = offered.sources.front().rtx_ssrc;
  }
  const bool hub_sends = wire::Sends(answered.direction);
  stream.extensions.mid = ExtensionId(media, wire::kUriMid, hub_sends);
  stream.extensions.playout_delay = ExtensionId(media, wire::kUriPlayoutDelay, hub_sends);
  stream.feedback = format.feedback;
  stream.h264 = format.h264;
  return stream;
}

}  // namespace

std::string WritePublishOffer(const PublishOffer& offer) {
  LATCHKEY_CHECK(offer.video || offer.audio);
  Sdp sdp = SessionPart(offer.session_id, offer.video && offer.audio ? " 0 1" : " 0");
  if (offer.video) sdp.media.push_back(PublishSection(offer, *offer.video, StreamKind::kVideo, "0", true));
  if (offer.audio) {
    const bool first = sdp.media.empty();
    sdp.media.push_back(PublishSection(offer, *offer.audio, StreamKind::kAudio, first ? "0" : "1", first));
  }
  return wire::WriteSdp(sdp);
}

std::string WriteReceiveOffer(const ReceiveOffer& offer) {
  LATCHKEY_CHECK(offer.video || offer.audio);
  Sdp sdp = SessionPart(offer.session_id, offer.video && offer.audio ? " 0 1" : " 0");
  if (offer.video) {
    SdpMedia media = Section(StreamKind::kVideo, "0", offer.local, true);
    media.attributes.Add("recvonly");
    media.attributes.Add("extmap",
                         std::to_string(kPlayoutDelayId) + ' ' + std::string(wire::kUriPlayoutDelay));
    for (const OfferedProfile& p : kReceivedProfiles) {
      AddCodec(media, Codec::kH264, p.payload_type, H264Fmtp(p.profile), true);
    }
    AddCodec(media, Codec::kVp8, kClientVp8, {}, true);
    AddSource(media, offer.video_ssrc, offer.cname);
    sdp.media.push_back(std::move(media));
  }
  if (offer.audio) {
    const bool first = sdp.media.empty();
    SdpMedia media = Section(StreamKind::kAudio, first ? "0" : "1", offer.local, first);
    media.attributes.Add("recvonly");
    AddCodec(media, Codec::kOpus, kClientOpus, FmtpOf(Codec::kOpus, {}), false);
    AddCodec(media, Codec::kPcmu, kClientPcmu, {}, false);
    AddCodec(media, Codec::kPcma, kClientPcma, {}, false);
    AddSource(media, offer.audio_ssrc, offer.cname);
    sdp.media.push_back(std::move(media));
  }
  return wire::WriteSdp(sdp);
}

Result<MediaPlan> ReadAnswer(std::string_view offer, std::string_view answer) {
  const auto asked = wire::ParseSdp(offer);
  if (!asked) return tl::unexpected(asked.error());
  const auto told = wire::ParseSdp(answer);
  if (!told) return tl::unexpected(told.error());
  const auto offered = ReadSections(*asked);
  const auto answered = ReadSections(*told);
  if (offered.size() != answered.size()) return DoesNotFit("it has another number of media sections");
  MediaPlan plan;
  for (std::size_t i = 0; i < answered.size(); ++i) {
    if (answered[i].mid != offered[i].mid || told->media[i].kind != asked->media[i].kind) {
      return DoesNotFit("its media sections are others");
    }
    if (!answered[i].usable()) continue;
    auto stream = ReadStream(offered[i], answered[i], told->media[i]);
    if (!stream) return tl::unexpected(stream.error());
    if (plan.streams.empty()) {
      auto transport = ReadTransport(*told, told->media[i], OffersSdes(*asked, asked->media[i]));
      if (!transport) return Fail(ErrorCode::kInvalid, transport.error().detail);
      plan.transport = std::move(*transport);
    }
    for (const SocketAddress& address : wire::CandidatesOf(told->media[i].attributes)) {
      auto& list = plan.transport.remote_candidates;
      if (std::find(list.begin(), list.end(), address) == list.end()) list.push_back(address);
    }
    plan.streams.push_back(std::move(*stream));
  }
  if (plan.streams.empty())
    return Fail(ErrorCode::kUnsupported, "the hub rejected every media section of the offer");
  return plan;
}

Result<SdesKeys> ReadSdesAnswer(const std::vector<wire::SdesCrypto>& ours, std::string_view answer) {
  auto told = wire::ParseSdp(answer);
  if (!told) return tl::unexpected(told.error());
  std::optional<wire::SdesCrypto> theirs;
  for (SdpMedia& media : told->media) {
    const auto value = media.attributes.Value("crypto");
    if (value && media.port != 0 && !theirs) theirs = wire::ParseCrypto(*value);
    media.attributes.WipeValues("crypto");
  }
  for (const wire::SdesCrypto& own : ours) {
    if (theirs && own.tag == theirs->tag && own.suite == theirs->suite)
      return SdesKeys{SrtpKeyOf(*theirs), SrtpKeyOf(own)};
  }
  return DoesNotFit("it takes none of the offered a=crypto");
}

}  // namespace latchkey::peer
