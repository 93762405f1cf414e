#include <set>

#include "tests/unit/peer/support.h"

namespace latchkey::peer {
namespace {

using wire::Codec;
using wire::H264ProfileLevel;
using wire::StreamKind;

TEST_CASE("negotiation: a viewer gets what the camera sends, under its own payload types") {
  const std::string offer = ViewerOfferText().Text();
  const auto answer = AnswerViewer(offer, WebCamera());
  REQUIRE(answer);
  CheckAnswerFits(offer, *answer);
  REQUIRE(answer->plan.streams.size() == 2);
  const StreamPlan& video = *answer->plan.Find(StreamKind::kVideo);
  CHECK(video.payload_type == 96);
  CHECK(video.h264.packetization_mode == 1);
  const wire::Sdp sdp = Parsed(answer->sdp);
  const wire::SdpMedia* media = AcceptedOf(sdp, "video");
  REQUIRE(media != nullptr);
  CHECK(media->attributes.Has("sendonly"));
  CHECK(media->attributes.Value("ssrc") ==
        std::to_string(video.local_ssrc) + " cname:" + answer->plan.local_cname);
  CHECK(media->attributes.Value("msid") == "latchkey video");
}

TEST_CASE("negotiation: the real offers of viewers are understood") {
  struct Case {
    const char* name;
    Codec camera;
    std::uint8_t payload_type;
    std::uint8_t rtx;
    std::uint8_t mid;
    std::uint8_t playout_delay;
  };
  const Case cases[] = {
      {"chromium-offer-recvonly", Codec::kH264, 108, 109, 9, 5},
      {"chromium-offer-recvonly-mdns", Codec::kH264, 108, 109, 9, 5},
      {"chromium-offer-recvonly", Codec::kVp8, 96, 97, 9, 5},
      {"firefox-offer-recvonly", Codec::kVp8, 120, 124, 3, 6},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    const auto offer = RealOffer(c.name);
    if (!offer) return;
    CameraMedia camera = WebCamera();
    camera.video = c.camera;
    const auto answer = AnswerViewer(*offer, camera);
    REQUIRE(answer);
    CheckAnswerFits(*offer, *answer);
    const StreamPlan* video = answer->plan.Find(StreamKind::kVideo);
    REQUIRE(video != nullptr);
    CHECK(video->payload_type == c.payload_type);
    CHECK(video->rtx_payload_type == c.rtx);
    CHECK(video->extensions.mid == c.mid);
    CHECK(video->extensions.playout_delay == c.playout_delay);
    CHECK(video->feedback == Feedback{true, true, true, false});
    REQUIRE(video->local_rtx_ssrc);
    const std::string fid = "a=ssrc-group:FID " + std::to_string(video->local_ssrc) + " " +
                            std::to_string(*video->local_rtx_ssrc);
    CHECK(answer->sdp.find(fid) != std::string::npos);
    CHECK(answer->plan.streams.size() == 2);
    CHECK(answer->sdp.find("abs-send-time") == std::string::npos);
  }
}

TEST_CASE("negotiation: an extension offered as recvonly is answered as sendonly") {
  const auto offer = RealOffer("firefox-offer-recvonly");
  if (!offer) return;
  CameraMedia camera = WebCamera();
  camera.video = Codec::kVp8;
  const auto answer = AnswerViewer(*offer, camera);
  REQUIRE(answer);
  CHECK(answer->sdp.find("a=extmap:6/sendonly http://www.webrtc.org/experiments/rtp-hdrext/playout-delay") !=
        std::string::npos);
  CHECK(answer->sdp.find("a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid") != std::string::npos);
}

TEST_CASE(
    "negotiation: Firefox without H264 gets the audio of an H264 camera, and no picture it can't decode") {
  const auto offer = RealOffer("firefox-offer-recvonly");
  if (!offer) return;
  const auto answer = AnswerViewer(*offer, WebCamera());
  REQUIRE(answer);
  CheckAnswerFits(*offer, *answer);
  CHECK(answer->plan.Find(StreamKind::kVideo) == nullptr);
  CHECK(Parsed(answer->sdp).media[0].port == 0);
  // The rejected section was the tagged one: the transport is the next one's.
  CHECK(answer->plan.transport.tagged_mid == "1");
  CameraMedia silent = WebCamera();
  silent.audio.reset();
  const auto refused = AnswerViewer(*offer, silent);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().http_status == 406);
  CHECK(refused.error().detail.find("the camera sends H264 (profile-level-id 42e01f") != std::string::npos);
}

TEST_CASE("negotiation: a profile that the viewer can't decode is never sent") {
  const auto taken = [](std::string_view receiver, H264ProfileLevel stream) {
    OfferText offer = ViewerOfferText();
    offer.video =
        H264Section("0", "recvonly", "packetization-mode=1;profile-level-id=" + std::string(receiver));
    offer.audio.clear();
    CameraMedia camera = WebCamera();
    camera.h264_profile = stream;
    return AnswerViewer(offer.Text(), camera).has_value();
  };
  const H264ProfileLevel constrained{0x42, 0xe0, 0x28};
  const H264ProfileLevel baseline{0x42, 0x00, 0x28};
  const H264ProfileLevel main{0x4d, 0x00, 0x28};
  const H264ProfileLevel high{0x64, 0x00, 0x28};
  const H264ProfileLevel high10{0x6e, 0x00, 0x28};
  // Levels never matter: each of these streams has level 4.0.
  for (const char* any : {"42e01f", "42001f", "4d001f", "64001f", "640c1f", "f4001f"}) {
    INFO(any);
    CHECK(taken(any, constrained));
    CHECK(taken(any, baseline));
    CHECK_FALSE(taken(any, high10));
  }
  for (const char* some : {"4d001f", "64001f", "f4001f"}) CHECK(taken(some, main));
  for (const char* some : {"42e01f", "42001f", "640c1f"}) CHECK_FALSE(taken(some, main));
  for (const char* some : {"64001f", "640c1f", "f4001f"}) CHECK(taken(some, high));
  for (const char* some : {"42e01f", "42001f", "4d001f"}) CHECK_FALSE(taken(some, high));
}

TEST_CASE("negotiation: Chromium takes a High camera as High 4:4:4 Predictive") {
  const auto offer = RealOffer("chromium-offer-recvonly");
  if (!offer) return;
  CameraMedia camera = WebCamera();
  camera.h264_profile = H264ProfileLevel{0x64, 0x00, 0x1e};
  const auto answer = AnswerViewer(*offer, camera);
  REQUIRE(answer);
  CHECK(answer->plan.Find(StreamKind::kVideo)->payload_type == 41);
  CHECK(
      answer->sdp.find("a=fmtp:41 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=f4001f") !=
      std::string::npos);
  camera.h264_profile = H264ProfileLevel{0x4d, 0x40, 0x1e};
  const auto main = AnswerViewer(*offer, camera);
  REQUIRE(main);
  CHECK(main->plan.Find(StreamKind::kVideo)->payload_type == 116);
}

TEST_CASE("negotiation: H264 leaves with packetization-mode 1 alone, or to who sets no condition") {
  const auto offered = [](std::string_view fmtp) {
    OfferText offer = ViewerOfferText();
    offer.video = H264Section("0", "recvonly", fmtp);
    offer.audio.clear();
    return AnswerViewer(offer.Text(), WebCamera());
  };
  CHECK_FALSE(offered("packetization-mode=0;profile-level-id=42e01f"));
  CHECK_FALSE(offered("profile-level-id=42e01f"));
  CHECK(offered("packetization-mode=1"));
  const auto plain = offered("");  // GStreamer's whepclientsrc
  REQUIRE(plain);
  CHECK(plain->sdp.find("packetization-mode=1;profile-level-id=42e01f") != std::string::npos);
}

TEST_CASE("negotiation: a camera without audio leaves the viewer's audio section rejected") {
  CameraMedia camera = WebCamera();
  camera.audio.reset();
  const std::string offer = ViewerOfferText().Text();
  const auto answer = AnswerViewer(offer, camera);
  REQUIRE(answer);
  CheckAnswerFits(offer, *answer);
  CHECK(Parsed(answer->sdp).media[1].port == 0);
  CHECK(Parsed(answer->sdp).attributes.Value("group") == "BUNDLE 0");
}

TEST_CASE("negotiation: sendrecv of a viewer is answered sendonly, sendonly is refused") {
  OfferText offer = ViewerOfferText();
  offer.video = Replaced(offer.video, "recvonly", "sendrecv");
  const auto answer = AnswerViewer(offer.Text(), WebCamera());
  REQUIRE(answer);
  CheckAnswerFits(offer.Text(), *answer);
  const auto refused = ParseViewerOffer(CameraOffer().Text());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().http_status == 406);
  CHECK(refused.error().detail.find("direction") != std::string::npos);
}

TEST_CASE("negotiation: the fingerprint is known before the answer, and stays the same in it") {
  const std::string offer = ViewerOfferText().Text();
  const auto parsed = ParseViewerOffer(offer);
  REQUIRE(parsed);
  CHECK(wire::FormatFingerprint(parsed->transport.remote_fingerprint) == TestFingerprint(0x11));
  const auto answer = AnswerViewer(offer, WebCamera());
  REQUIRE(answer);
  CHECK(answer->plan.transport.remote_fingerprint == parsed->transport.remote_fingerprint);
}

TEST_CASE("negotiation: an offer with two certificates is refused whichever section would be taken") {
  OfferText offer = ViewerOfferText();
  offer.audio += "a=fingerprint:" + TestFingerprint(0x44) + "\n";
  const auto parsed = ParseViewerOffer(offer.Text());
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().http_status == 400);
}

TEST_CASE("negotiation: a certificate in a section that looked unusable can't replace the reported one") {
  // The plan is made of the same offer that was parsed; a tampered copy is caught.
  auto parsed = ParseViewerOffer(ViewerOfferText().Text());
  REQUIRE(parsed);
  parsed->transport.remote_fingerprint.fill(0x99);
  test::SeededEntropy entropy(3);
  CHECK_FALSE(AnswerViewerOffer(*parsed, WebCamera(), TestLocal(), entropy));
}

TEST_CASE("negotiation: RTX needs NACK, and all our sources differ") {
  OfferText offer = ViewerOfferText();
  offer.video =
      "m=video 9 UDP/TLS/RTP/SAVPF 96 97\na=rtcp-mux\na=mid:0\na=recvonly\na=rtpmap:96 VP8/90000\n"
      "a=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\n";
  CameraMedia camera = WebCamera();
  camera.video = Codec::kVp8;
  const auto without = AnswerViewer(offer.Text(), camera);
  REQUIRE(without);
  CHECK_FALSE(without->plan.Find(StreamKind::kVideo)->rtx_payload_type);
  offer.video += "a=rtcp-fb:* nack\n";
  const auto with = AnswerViewer(offer.Text(), camera);
  REQUIRE(with);
  const StreamPlan& video = *with->plan.Find(StreamKind::kVideo);
  CHECK(video.rtx_payload_type == 97);
  const std::set<std::uint32_t> sources{video.local_ssrc, video.local_rtx_ssrc.value_or(0),
                                        with->plan.Find(StreamKind::kAudio)->local_ssrc};
  CHECK(sources.size() == 3);
  CHECK(sources.count(0) == 0);
}

TEST_CASE("negotiation: the answer to a restart names the tagged section") {
  const auto answer = AnswerViewer(ViewerOfferText().Text(), WebCamera());
  REQUIRE(answer);
  LocalTransport fresh = TestLocal();
  fresh.ufrag = "freshfrg";
  const auto fragment = wire::ParseTrickleFragment(WriteRestartAnswer(answer->plan.transport, fresh));
  REQUIRE(fragment);
  CHECK(fragment->ufrag == "freshfrg");
  CHECK(fragment->mids == std::vector<std::string>{"0"});
  REQUIRE(fragment->candidates.size() == 2);
  CHECK(fragment->candidates[0].ip.is_v4());
}

}  // namespace
}  // namespace latchkey::peer
