// What the tests of negotiation share: offers to vary, and what must hold of every answer.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/peer/negotiation.h"
#include "daemon/wire/sdp_media.h"
#include "daemon/wire/sdp_transport.h"
#include "tests/support/catch.h"
#include "tests/support/seeded_entropy.h"
#include "tests/support/shared_data.h"

namespace latchkey::peer {

inline LocalTransport TestLocal() {
  LocalTransport local;
  local.ufrag = "hubufrag";
  local.password = "hubpasswordhubpassword00";
  local.fingerprint.fill(0xAB);
  local.candidates = {{*IpAddress::Parse("fd00::9"), 47001}, {*IpAddress::Parse("192.168.1.9"), 47000}};
  return local;
}

inline std::string TestFingerprint(std::uint8_t byte) {
  ports::Fingerprint fingerprint{};
  fingerprint.fill(byte);
  return wire::FormatFingerprint(fingerprint);
}

// Lines are written with '\n' for reading; the parser takes both.
struct OfferText {
  std::string session = "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nt=0 0\n";
  std::string group = "a=group:BUNDLE 0 1\n";
  std::string transport =
      "a=ice-ufrag:abcd\na=ice-pwd:abcdefghijklmnopqrstuvwx\na=fingerprint:" + TestFingerprint(0x11) +
      "\na=setup:actpass\n";
  std::string video;
  std::string audio;
  [[nodiscard]] std::string Text() const { return session + group + transport + video + audio; }
};

inline std::string H264Section(std::string_view mid, std::string_view direction, std::string_view fmtp) {
  std::string text = "m=video 9 UDP/TLS/RTP/SAVPF 96\nc=IN IP4 0.0.0.0\na=rtcp-mux\na=rtpmap:96 H264/90000\n";
  text += "a=mid:" + std::string(mid) + "\na=" + std::string(direction) + "\n";
  if (!fmtp.empty()) text += "a=fmtp:96 " + std::string(fmtp) + "\n";
  return text;
}

inline std::string OpusSection(std::string_view mid, std::string_view direction) {
  return "m=audio 9 UDP/TLS/RTP/SAVPF 111\nc=IN IP4 0.0.0.0\na=rtcp-mux\na=rtpmap:111 opus/48000/2\na=mid:" +
         std::string(mid) + "\na=" + std::string(direction) + "\n";
}

inline OfferText CameraOffer() {
  OfferText offer;
  offer.video = H264Section("0", "sendonly", "packetization-mode=1;profile-level-id=42e01f");
  offer.audio = OpusSection("1", "sendonly");
  return offer;
}
inline OfferText ViewerOfferText() {
  OfferText offer;
  offer.video = H264Section("0", "recvonly", "packetization-mode=1;profile-level-id=42e01f");
  offer.audio = OpusSection("1", "recvonly");
  return offer;
}

inline Negotiated<Answer> AnswerCamera(std::string_view offer) {
  test::SeededEntropy entropy(7);
  return AnswerCameraOffer(offer, TestLocal(), false, entropy);
}

inline CameraMedia WebCamera() {
  CameraMedia camera;
  camera.video = wire::Codec::kH264;
  camera.h264_profile = wire::kWebProfileLevel;
  camera.audio = wire::Codec::kOpus;
  return camera;
}

inline Negotiated<Answer> AnswerViewer(std::string_view offer, const CameraMedia& camera) {
  test::SeededEntropy entropy(7);
  const auto parsed = ParseViewerOffer(offer);
  if (!parsed) return tl::unexpected(parsed.error());
  return AnswerViewerOffer(*parsed, camera, TestLocal(), entropy);
}

inline wire::Sdp Parsed(std::string_view text) {
  auto sdp = wire::ParseSdp(text);
  if (!sdp) {
    FAIL(sdp.error().message);
    return {};
  }
  return std::move(*sdp);
}

// The answer's section that is not rejected and of `kind`.
inline const wire::SdpMedia* AcceptedOf(const wire::Sdp& answer, std::string_view kind) {
  for (const wire::SdpMedia& media : answer.media) {
    if (media.kind == kind && media.port != 0) return &media;
  }
  return nullptr;
}

inline bool AllDiffer(std::vector<std::uint32_t> numbers) {
  std::sort(numbers.begin(), numbers.end());
  return std::adjacent_find(numbers.begin(), numbers.end()) == numbers.end();
}

// What holds of every answer whatever the offer was (RFC 3264 6, RFC 9143 7.3, RFC 8839, FFmpeg's reader).
inline void CheckAnswerFits(std::string_view offer_text, const Answer& answer) {
  const wire::Sdp offer = Parsed(offer_text);
  const wire::Sdp sdp = Parsed(answer.sdp);
  CHECK(answer.sdp.size() <= kMaxAnswerBytes);
  CHECK(answer.sdp.rfind("v=0\r\n", 0) == 0);
  CHECK(answer.sdp.find("transport-cc") == std::string::npos);
  CHECK(answer.sdp.find("transport-wide-cc") == std::string::npos);
  CHECK(answer.sdp.find("simulcast") == std::string::npos);
  CHECK(sdp.attributes.Has("ice-lite"));
  REQUIRE(sdp.media.size() == offer.media.size());
  std::string accepted_mids;
  std::size_t accepted = 0;
  std::size_t candidates = 0;
  for (std::size_t i = 0; i < sdp.media.size(); ++i) {
    const wire::SdpMedia& ours = sdp.media[i];
    const wire::SdpMedia& theirs = offer.media[i];
    CHECK(ours.kind == theirs.kind);
    CHECK(ours.protocol == theirs.protocol);
    CHECK(wire::MidOf(ours) == wire::MidOf(theirs));
    candidates += ours.attributes.Values("candidate").size();
    if (ours.port == 0) continue;
    ++accepted;
    accepted_mids += ' ' + wire::MidOf(ours).value_or("");
    CHECK(ours.attributes.Has("rtcp-mux"));
    CHECK(ours.attributes.Value("ice-ufrag") == "hubufrag");
    CHECK(ours.attributes.Value("ice-pwd") == "hubpasswordhubpassword00");
    CHECK(ours.attributes.Value("fingerprint") == TestFingerprint(0xAB));
    for (const std::string& format : ours.formats) {
      CHECK(std::find(theirs.formats.begin(), theirs.formats.end(), format) != theirs.formats.end());
    }
    const auto offered = wire::DirectionOf(offer, theirs);
    const auto answered = wire::DirectionOf(sdp, ours);
    CHECK((answered == wire::SdpDirection::kSendOnly || answered == wire::SdpDirection::kRecvOnly));
    if (wire::Sends(answered)) CHECK(wire::Receives(offered));
    if (wire::Receives(answered)) CHECK(wire::Sends(offered));
  }
  CHECK(accepted == answer.plan.streams.size());
  // What the gate insists on: each payload type and each source names one stream.
  std::vector<std::uint32_t> types;
  std::vector<std::uint32_t> sources;
  for (const StreamPlan& stream : answer.plan.streams) {
    types.push_back(stream.payload_type);
    if (stream.rtx_payload_type) types.push_back(*stream.rtx_payload_type);
    sources.push_back(stream.local_ssrc);
    if (stream.local_rtx_ssrc) sources.push_back(*stream.local_rtx_ssrc);
    for (const RemoteSource& source : stream.remote_sources) {
      sources.push_back(source.ssrc);
      if (source.rtx_ssrc) sources.push_back(*source.rtx_ssrc);
    }
  }
  CHECK(AllDiffer(types));
  CHECK(AllDiffer(sources));
  CHECK(accepted >= 1);
  CHECK(candidates == TestLocal().candidates.size());
  if (const auto group = sdp.attributes.Value("group")) {
    CHECK(*group == "BUNDLE" + accepted_mids);
  } else {
    CHECK(accepted == 1);
  }
  // The first candidate is UDP, host, IPv4: the only one that FFmpeg reads.
  const std::size_t first = answer.sdp.find("a=candidate:");
  REQUIRE(first != std::string::npos);
  CHECK(answer.sdp.substr(first, answer.sdp.find("\r\n", first) - first) ==
        "a=candidate:1 1 udp 2130706431 192.168.1.9 47000 typ host");
  CHECK(answer.sdp.find("a=end-of-candidates") != std::string::npos);
}

inline std::optional<std::string> RealOffer(std::string_view name) {
  const auto path = test::SharedData("sdp/" + std::string(name) + ".sdp");
  if (!path) {
    WARN("skipped: no shared data for sdp/" << name << " (set LATCHKEY_SHARED_DATA)");
    return std::nullopt;
  }
  const ByteVector bytes = test::ReadFile(*path);
  return std::string(AsText(bytes));
}

inline std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) {
    FAIL("nothing to replace: " << from);
    return text;
  }
  return text.replace(at, from.size(), to);
}

}  // namespace latchkey::peer
