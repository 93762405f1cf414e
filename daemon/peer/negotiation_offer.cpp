#include "daemon/peer/negotiation_offer.h"

#include <algorithm>
#include <array>
#include <memory>

#include "daemon/base/ascii.h"
#include "daemon/base/base64.h"
#include "daemon/peer/format_table.h"

namespace latchkey::peer {
namespace {

// The names that RFC 5764 8 and RFC 8829 5.1.2 allow for DTLS-SRTP. Never plain RTP.
constexpr std::array<std::string_view, 4> kProtocols{"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF",
                                                     "RTP/SAVP"};
// One-byte header form (RFC 8285 4.2).
constexpr std::uint16_t kMaxExtensionId = 14;

constexpr std::array<std::string_view, static_cast<std::size_t>(SectionFault::kCount)> kExplanations{
    "it can be used",
    "it is neither audio nor video",
    "its port is 0",
    "its protocol is not DTLS-SRTP (use UDP/TLS/RTP/SAVPF)",
    "it has no a=rtcp-mux (add it: RTP and RTCP share one port)",
    "it has no codec that is passed on (offer H264, VP8, Opus, PCMU or PCMA)",
    "its direction does not fit (a camera sends, a viewer receives)",
};

std::vector<ByteVector> DecodeParameterSets(std::string_view text);

std::optional<wire::StreamKind> KindFromName(std::string_view name) {
  if (name == "video") return wire::StreamKind::kVideo;
  if (name == "audio") return wire::StreamKind::kAudio;
  return std::nullopt;
}

std::optional<wire::Codec> CodecOf(const wire::SdpRtpMap& map, wire::StreamKind kind) {
  const auto codec = wire::CodecFromName(map.encoding);
  if (!codec || wire::StreamKindOf(*codec) != kind || map.clock_rate != wire::ClockRate(*codec))
    return std::nullopt;
  // Opus is always "/2" (RFC 7587 7), but FFmpeg writes "/1" for a mono source.
  if (kind == wire::StreamKind::kAudio && *codec != wire::Codec::kOpus && map.channels != 1)
    return std::nullopt;
  return codec;
}

std::string RtpMapText(const wire::SdpRtpMap& map) {
  std::string text = map.encoding + '/' + std::to_string(map.clock_rate);
  if (map.channels != 1 || EqualWithoutCase(map.encoding, "opus")) text += '/' + std::to_string(map.channels);
  return text;
}

H264Format H264Of(const wire::SdpFmtp* fmtp) {
  H264Format format;
  if (fmtp == nullptr) return format;
  // RFC 6184 8.1: absent means 0. Mode 2 (interleaved) and anything else is none of ours: kept as read.
  const auto mode = wire::ParseSdpNumber(fmtp->Find("packetization-mode").value_or("0"), 2);
  format.packetization_mode = static_cast<std::uint8_t>(mode.value_or(2));
  // FFmpeg 8.0 writes seven digits for constrained profiles: unknown, and not a reason to refuse.
  if (const auto text = fmtp->Find("profile-level-id"))
    format.profile_level = wire::ParseProfileLevelId(*text);
  if (const auto text = fmtp->Find("sprop-parameter-sets"))
    format.parameter_sets = DecodeParameterSets(*text);
  return format;
}

std::vector<OfferedFormat> FormatsOf(const wire::SdpMedia& media, wire::StreamKind kind) {
  std::vector<OfferedFormat> formats;
  const auto table = std::make_unique<FormatTable>(media);  // 13 kB
  for (const std::uint8_t payload_type : table->payload_types()) {
    const wire::SdpRtpMap* map = table->Map(payload_type);
    const auto codec = map != nullptr ? CodecOf(*map, kind) : std::nullopt;
    if (!codec) continue;
    OfferedFormat format;
    format.codec = *codec;
    format.payload_type = payload_type;
    format.rtx_payload_type = table->RtxOf(payload_type);
    format.feedback = table->FeedbackOf(payload_type);
    format.rtpmap = RtpMapText(*map);
    const wire::SdpFmtp* fmtp = table->Fmtp(payload_type);
    format.has_fmtp = fmtp != nullptr;
    if (*codec == wire::Codec::kH264) format.h264 = H264Of(fmtp);
    formats.push_back(std::move(format));
  }
  return formats;
}

// Declared sources without the partners of FID and FEC-FR groups; of a SIM group only the first.
std::vector<RemoteSource> SourcesOf(const wire::SdpMedia& media) {
  std::vector<std::uint32_t> secondary;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> repairs;
  for (const std::string_view value : media.attributes.Values("ssrc-group")) {
    const auto group = wire::ParseSsrcGroup(value);
    if (!group || group->ssrcs.size() < 2) continue;
    secondary.insert(secondary.end(), group->ssrcs.begin() + 1, group->ssrcs.end());
    if (group->semantics == "FID") repairs.emplace_back(group->ssrcs[0], group->ssrcs[1]);
  }
  std::sort(secondary.begin(), secondary.end());
  std::vector<RemoteSource> sources;
  for (const std::string_view value : media.attributes.Values("ssrc")) {
    const auto declared = wire::ParseSsrc(value);
    if (!declared || sources.size() >= kMaxDeclaredSources) continue;
    const auto is_it = [&](const RemoteSource& s) { return s.ssrc == declared->ssrc; };
    if (std::any_of(sources.begin(), sources.end(), is_it)) continue;
    if (std::binary_search(secondary.begin(), secondary.end(), declared->ssrc)) continue;
    RemoteSource source{declared->ssrc, std::nullopt};
    for (const auto& [primary, repair] : repairs) {
      if (primary == source.ssrc && repair != source.ssrc) source.rtx_ssrc = repair;
    }
    sources.push_back(source);
  }
  return sources;
}

SectionFault FaultOf(const wire::SdpMedia& media, bool kind_is_known, bool has_formats) {
  if (!kind_is_known) return SectionFault::kKind;
  // Port 0 with bundle-only is an offer, without it a refusal (RFC 9143 7.2).
  if (media.port == 0 && !media.attributes.Has("bundle-only")) return SectionFault::kRefusedByOfferer;
  if (std::find(kProtocols.begin(), kProtocols.end(), media.protocol) == kProtocols.end()) {
    return SectionFault::kProtocol;
  }
  if (!media.attributes.Has("rtcp-mux")) return SectionFault::kNoRtcpMux;
  return has_formats ? SectionFault::kNone : SectionFault::kNoKnownCodec;
}

// Comma-separated NAL units (RFC 6184 8.1). A damaged one is left out: the stream carries them as well.
std::vector<ByteVector> DecodeParameterSets(std::string_view text) {
  std::vector<ByteVector> sets;
  while (!text.empty() && sets.size() < kMaxParameterSets) {
    const std::size_t comma = std::min(text.find(','), text.size());
    auto bytes = Base64Decode(text.substr(0, comma));
    if (bytes && !bytes->empty()) sets.push_back(std::move(*bytes));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return sets;
}

}  // namespace

std::string_view Explain(SectionFault fault) {
  return kExplanations[static_cast<std::size_t>(fault)];
}

std::vector<OfferedSection> ReadSections(const wire::Sdp& sdp) {
  std::vector<OfferedSection> sections;
  for (std::size_t i = 0; i < sdp.media.size(); ++i) {
    const wire::SdpMedia& media = sdp.media[i];
    OfferedSection section;
    section.index = i;
    section.mid = wire::MidOf(media).value_or("");
    section.direction = wire::DirectionOf(sdp, media);
    const auto kind = KindFromName(media.kind);
    section.kind = kind.value_or(wire::StreamKind::kVideo);
    if (kind) section.formats = FormatsOf(media, *kind);
    section.sources = SourcesOf(media);
    section.fault = FaultOf(media, kind.has_value(), !section.formats.empty());
    sections.push_back(std::move(section));
  }
  return sections;
}

std::optional<std::uint8_t> ExtensionId(const wire::SdpMedia& media, std::string_view uri, bool peer_sends) {
  for (const std::string_view value : media.attributes.Values("extmap")) {
    const auto map = wire::ParseExtMap(value);
    if (!map || map->uri != uri || map->id > kMaxExtensionId) continue;
    const auto direction = map->direction.value_or(wire::SdpDirection::kSendRecv);
    if (peer_sends ? wire::Sends(direction) : wire::Receives(direction))
      return static_cast<std::uint8_t>(map->id);
  }
  return std::nullopt;
}

Bundle::Bundle(const wire::Sdp& sdp) {
  for (const std::string_view value : sdp.attributes.Values("group")) {
    auto group = wire::ParseGroup(value);
    if (group && group->semantics == "BUNDLE") groups_.push_back(std::move(*group));
  }
}

const wire::SdpGroup* Bundle::GroupOf(std::string_view mid) const {
  if (mid.empty()) return nullptr;
  for (const wire::SdpGroup& group : groups_) {
    if (std::find(group.mids.begin(), group.mids.end(), mid) != group.mids.end()) return &group;
  }
  return nullptr;
}

bool Bundle::Together(std::string_view a, std::string_view b) const {
  return GroupOf(a) != nullptr && GroupOf(a) == GroupOf(b);
}

std::string_view Bundle::Tagged(const std::vector<std::string_view>& mids) const {
  for (const std::string_view mid : mids) {
    const wire::SdpGroup* group = GroupOf(mid);
    if (group == nullptr) continue;
    for (const std::string& name : group->mids) {
      const auto given = std::find(mids.begin(), mids.end(), name);
      if (given != mids.end()) return *given;
    }
  }
  return {};
}

Negotiated<wire::Sdp> ReadSdp(std::string_view text) {
  auto sdp = wire::ParseSdp(text);
  if (sdp) return std::move(*sdp);
  const bool over = sdp.error().code == ErrorCode::kLimit;
  return tl::unexpected(
      Refusal{static_cast<std::uint16_t>(over ? 413 : 400),
              "the body is not a session description that can be read: " + sdp.error().message});
}

}  // namespace latchkey::peer
