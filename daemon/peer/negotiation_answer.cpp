#include "daemon/peer/negotiation_answer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "daemon/base/check.h"
#include "daemon/peer/negotiation_sdes.h"
#include "daemon/wire/rtp_extensions.h"

namespace latchkey::peer {
namespace {

using wire::Codec;
using wire::Sdp;
using wire::SdpMedia;
using wire::StreamKind;

constexpr std::size_t kCnameBytes = 12;  // 96 bits (RFC 7022 4.2)
// The stream that a viewer's page gets; one of it per session, so a fixed name tells nothing of the camera.
constexpr std::string_view kStreamName = "latchkey";

std::string RandomCname(ports::Entropy& entropy) {
  std::array<std::uint8_t, kCnameBytes> bytes{};
  entropy.Fill(bytes);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

bool IsUsed(const MediaPlan& plan, std::uint32_t ssrc) {
  for (const StreamPlan& stream : plan.streams) {
    if (stream.local_ssrc == ssrc || stream.local_rtx_ssrc == ssrc) return true;
    for (const RemoteSource& source : stream.remote_sources) {
      if (source.ssrc == ssrc || source.rtx_ssrc == ssrc) return true;
    }
  }
  return false;
}

std::uint32_t FreshSsrc(const MediaPlan& plan, ports::Entropy& entropy) {
  std::uint32_t ssrc = 0;
  do {
    ssrc = entropy.U32();
  } while (ssrc == 0 || IsUsed(plan, ssrc));
  return ssrc;
}

StreamPlan PlanStream(const SdpMedia& media, const Choice& choice, Sender sender, bool bundled,
                      const wire::H264ProfileLevel& profile) {
  const OfferedFormat& format = *choice.format;
  StreamPlan stream;
  stream.kind = choice.section->kind;
  stream.codec = format.codec;
  stream.mid = choice.section->mid;
  stream.payload_type = format.payload_type;
  stream.clock_rate = wire::ClockRate(format.codec);
  stream.remote_sources = choice.section->sources;
  stream.feedback = format.feedback;
  // A viewer's bandwidth estimate is not asked for: what the camera sends is what there is.
  if (sender == Sender::kHub) stream.feedback.remb = false;
  // Repair without NACK would never be used (RFC 4588 1).
  if (stream.feedback.nack && stream.kind == StreamKind::kVideo)
    stream.rtx_payload_type = format.rtx_payload_type;
  const bool peer_sends = sender == Sender::kPeer;
  if (bundled) stream.extensions.mid = ExtensionId(media, wire::kUriMid, peer_sends);
  if (sender == Sender::kHub && stream.kind == StreamKind::kVideo) {
    stream.extensions.playout_delay = ExtensionId(media, wire::kUriPlayoutDelay, peer_sends);
  }
  if (stream.codec == Codec::kH264) {
    stream.h264 = format.h264;
    if (!stream.h264.profile_level) stream.h264.profile_level = profile;
    // What leaves the hub is always mode 1; a viewer that set no condition is told so.
    if (sender == Sender::kHub) stream.h264.packetization_mode = 1;
  }
  return stream;
}

std::string FmtpOf(const StreamPlan& stream, const OfferedFormat& format) {
  if (stream.codec == Codec::kH264) {
    return "level-asymmetry-allowed=1;packetization-mode=" + std::to_string(stream.h264.packetization_mode) +
           ";profile-level-id=" + wire::FormatProfileLevelId(*stream.h264.profile_level);
  }
  if (stream.codec == Codec::kOpus && format.has_fmtp) return "minptime=10;useinbandfec=1";
  return {};
}

void AddExtension(SdpMedia& answer, const SdpMedia& offer, std::optional<std::uint8_t> id,
                  std::string_view uri, Sender sender) {
  if (!id) return;
  std::string number = std::to_string(*id);
  // A direction is answered by its reverse (RFC 8285 6), none by none.
  for (const std::string_view value : offer.attributes.Values("extmap")) {
    const auto map = wire::ParseExtMap(value);
    if (!map || map->id != *id || map->uri != uri || !map->direction) continue;
    number += sender == Sender::kHub ? "/sendonly" : "/recvonly";
    break;
  }
  answer.attributes.Add("extmap", number + ' ' + std::string(uri));
}

void AddFormat(SdpMedia& media, const StreamPlan& stream, const OfferedFormat& format) {
  const std::string type = std::to_string(stream.payload_type);
  media.formats.push_back(type);
  media.attributes.Add("rtpmap", type + ' ' + format.rtpmap);
  if (stream.feedback.nack) media.attributes.Add("rtcp-fb", type + " nack");
  if (stream.feedback.pli) media.attributes.Add("rtcp-fb", type + " nack pli");
  if (stream.feedback.fir) media.attributes.Add("rtcp-fb", type + " ccm fir");
  if (stream.feedback.remb) media.attributes.Add("rtcp-fb", type + " goog-remb");
  if (const std::string fmtp = FmtpOf(stream, format); !fmtp.empty())
    media.attributes.Add("fmtp", type + ' ' + fmtp);
  if (!stream.rtx_payload_type) return;
  const std::string rtx = std::to_string(*stream.rtx_payload_type);
  media.formats.push_back(rtx);
  media.attributes.Add("rtpmap", rtx + " rtx/" + std::to_string(stream.clock_rate));
  media.attributes.Add("fmtp", rtx + " apt=" + type);
}

// Our sources (RFC 5576) and their stream (RFC 8830), where we send.
void AddSources(SdpMedia& media, const StreamPlan& stream, std::string_view cname) {
  const std::string msid = std::string(kStreamName) + ' ' + media.kind;
  media.attributes.Add("msid", msid);
  std::vector<std::uint32_t> ssrcs{stream.local_ssrc};
  if (stream.local_rtx_ssrc) {
    ssrcs.push_back(*stream.local_rtx_ssrc);
    media.attributes.Add("ssrc-group", "FID " + std::to_string(ssrcs[0]) + ' ' + std::to_string(ssrcs[1]));
  }
  for (const std::uint32_t ssrc : ssrcs) {
    media.attributes.Add("ssrc", std::to_string(ssrc) + " cname:" + std::string(cname));
    media.attributes.Add("ssrc", std::to_string(ssrc) + " msid:" + msid);
  }
}

SdpMedia Rejected(const SdpMedia& offered, const OfferedSection& section) {
  SdpMedia media;
  media.kind = offered.kind;
  media.port = 0;
  media.protocol = offered.protocol;
  media.formats = {offered.formats.front()};  // RFC 3264 6: it means nothing, but there must be one
  media.lines.push_back({'c', "IN IP4 0.0.0.0"});
  if (!section.mid.empty()) media.attributes.Add("mid", section.mid);
  media.attributes.Add("inactive");
  return media;
}

SdpMedia Accepted(const SdpMedia& offered, const Choice& choice, const StreamPlan& stream,
                  const MediaPlan& plan, const LocalTransport& local, Sender sender, const SdesChoice* keys,
                  bool tagged) {
  SdpMedia media;
  media.kind = offered.kind;
  media.protocol = offered.protocol;
  const auto candidates = InOrder(local.candidates);
  const bool v6 = !candidates.empty() && !candidates.front().ip.is_v4();
  // The default destination is the first candidate (RFC 8839 4.2.1.2).
  media.port = candidates.empty() ? std::uint16_t{9} : candidates.front().port;
  media.lines.push_back({'c', std::string("IN ") + (v6 ? "IP6 " : "IP4 ") +
                                  (candidates.empty() ? "0.0.0.0" : candidates.front().ip.ToString())});
  if (!stream.mid.empty()) media.attributes.Add("mid", stream.mid);
  const bool client = plan.transport.local_role == ports::DtlsRole::kClient;
  if (keys != nullptr) {
    AddIce(media, local, tagged);
    AddCrypto(media, keys->ours);
  } else {
    AddTransport(media, local, client ? "active" : "passive", tagged);
  }
  media.attributes.Add(sender == Sender::kHub ? "sendonly" : "recvonly");
  media.attributes.Add("rtcp-mux");
  AddExtension(media, offered, stream.extensions.mid, wire::kUriMid, sender);
  AddExtension(media, offered, stream.extensions.playout_delay, wire::kUriPlayoutDelay, sender);
  AddFormat(media, stream, *choice.format);
  if (sender == Sender::kHub) AddSources(media, stream, plan.local_cname);
  return media;
}

Sdp SessionPart(const std::vector<Choice>& choices, const Bundle& bundle, Sender sender,
                ports::Entropy& entropy) {
  Sdp answer;
  // Below 2^63, for readers with signed numbers (RFC 8829 5.2.1).
  const std::uint64_t id = (std::uint64_t{entropy.U32() & 0x7fffffffU} << 32U) | entropy.U32();
  answer.lines = {{'o', "- " + std::to_string(id) + " 1 IN IP4 127.0.0.1"}, {'s', "-"}, {'t', "0 0"}};
  answer.attributes.Add("ice-lite");
  std::string mids;
  for (const Choice& choice : choices) {
    if (bundle.Contains(choice.section->mid)) mids += ' ' + choice.section->mid;
  }
  if (!mids.empty()) answer.attributes.Add("group", "BUNDLE" + mids);
  if (sender == Sender::kHub) answer.attributes.Add("msid-semantic", " WMS " + std::string(kStreamName));
  return answer;
}

const Choice& TaggedOf(const std::vector<Choice>& choices, const Bundle& bundle) {
  std::vector<std::string_view> mids;
  for (const Choice& choice : choices) mids.emplace_back(choice.section->mid);
  const std::string_view tagged = bundle.Tagged(mids);
  for (const Choice& choice : choices) {
    if (!tagged.empty() && choice.section->mid == tagged) return choice;
  }
  return choices.front();
}

void NumberSources(MediaPlan& plan, Sender sender, ports::Entropy& entropy) {
  plan.local_cname = RandomCname(entropy);
  for (StreamPlan& stream : plan.streams) {
    stream.local_ssrc = FreshSsrc(plan, entropy);
    if (sender == Sender::kHub && stream.rtx_payload_type) stream.local_rtx_ssrc = FreshSsrc(plan, entropy);
  }
}

}  // namespace

void JudgeDirections(std::vector<OfferedSection>& sections, Sender sender) {
  for (OfferedSection& section : sections) {
    const bool fits =
        sender == Sender::kPeer ? wire::Sends(section.direction) : wire::Receives(section.direction);
    if (section.usable() && !fits) section.fault = SectionFault::kDirection;
  }
}

std::vector<Choice> Together(const Sdp& offer, const std::optional<Choice>& video,
                             const std::optional<Choice>& audio) {
  if (!video || !audio) return {video ? *video : *audio};
  const Bundle bundle(offer);
  const std::uint8_t audio_type = audio->format->payload_type;
  const bool types_differ =
      video->format->payload_type != audio_type && video->format->rtx_payload_type != audio_type;
  if (!bundle.Together(video->section->mid, audio->section->mid) || !types_differ) return {*video};
  if (video->section->index < audio->section->index) return {*video, *audio};
  return {*audio, *video};
}

std::vector<SocketAddress> InOrder(std::vector<SocketAddress> candidates) {
  std::stable_sort(candidates.begin(), candidates.end(), [](const SocketAddress& a, const SocketAddress& b) {
    return a.ip.is_v4() && !b.ip.is_v4();
  });
  if (candidates.size() > kMaxLocalCandidates) candidates.resize(kMaxLocalCandidates);
  return candidates;
}

void AddTransport(SdpMedia& media, const LocalTransport& local, std::string_view setup,
                  bool with_candidates) {
  media.attributes.Add("fingerprint", wire::FormatFingerprint(local.fingerprint));
  media.attributes.Add("setup", setup);
  AddIce(media, local, with_candidates);
}

void AddCrypto(SdpMedia& media, const wire::SdesCrypto& crypto) {
  std::string text = wire::FormatCrypto(crypto);
  media.attributes.Add("crypto", text);
  WipeText(text);
}

void AddIce(SdpMedia& media, const LocalTransport& local, bool with_candidates) {
  media.attributes.Add("ice-ufrag", local.ufrag);
  media.attributes.Add("ice-pwd", local.password);
  if (!with_candidates) return;
  const auto candidates = InOrder(local.candidates);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    media.attributes.Add("candidate", wire::FormatCandidate(wire::HostCandidate(candidates[i], i)));
  }
  media.attributes.Add("end-of-candidates");
}

Negotiated<Answer> Conclude(const Sdp& offer, const std::vector<OfferedSection>& sections,
                            const std::vector<Choice>& choices, Sender sender,
                            const wire::H264ProfileLevel& profile, const LocalTransport& local,
                            const SdesChoice* keys, ports::Entropy& entropy) {
  LATCHKEY_CHECK(!choices.empty() && choices.size() <= kMaxStreams);
  const Bundle bundle(offer);
  const Choice& tagged = TaggedOf(choices, bundle);
  auto transport = ReadTransport(offer, offer.media[tagged.section->index], keys != nullptr);
  if (!transport) return tl::unexpected(transport.error());
  Answer answer;
  answer.plan.transport = std::move(*transport);
  for (const Choice& choice : choices) {
    const bool bundled = bundle.Contains(choice.section->mid);
    answer.plan.streams.push_back(
        PlanStream(offer.media[choice.section->index], choice, sender, bundled, profile));
  }
  NumberSources(answer.plan, sender, entropy);
  Sdp text = SessionPart(choices, bundle, sender, entropy);
  for (const OfferedSection& section : sections) {
    const SdpMedia& offered = offer.media[section.index];
    const auto chosen = std::find_if(choices.begin(), choices.end(),
                                     [&](const Choice& c) { return c.section->index == section.index; });
    if (chosen == choices.end()) {
      text.media.push_back(Rejected(offered, section));
      continue;
    }
    const StreamPlan& stream = *answer.plan.Find(section.kind);
    text.media.push_back(Accepted(offered, *chosen, stream, answer.plan, local, sender, keys,
                                  chosen->section == tagged.section));
  }
  answer.sdp = wire::WriteSdp(text);
  for (SdpMedia& media : text.media) media.attributes.WipeValues("crypto");
  if (answer.sdp.size() > kMaxAnswerBytes) {
    return tl::unexpected(Refusal{413, "the answer would be longer than " + std::to_string(kMaxAnswerBytes) +
                                           " bytes: offer fewer media sections, with shorter names"});
  }
  return answer;
}

Refusal NothingUsable(const Sdp& offer, const std::vector<OfferedSection>& sections, std::string_view what) {
  std::string detail = "nothing in the offer can be used";
  if (sections.empty()) return {406, detail + ": it has no media section, " + std::string(what)};
  for (const OfferedSection& section : sections) {
    detail += "; section " + std::to_string(section.index + 1);
    const auto& kind = offer.media[section.index].kind;
    if (kind.size() <= 16) detail += " (" + kind + ')';
    detail += ": " + std::string(section.usable() ? what : Explain(section.fault));
  }
  return {406, detail};
}

}  // namespace latchkey::peer
