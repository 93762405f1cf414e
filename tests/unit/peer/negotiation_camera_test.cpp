#include "tests/unit/peer/support.h"

namespace latchkey::peer {
namespace {

using wire::Codec;
using wire::StreamKind;

TEST_CASE("negotiation: a camera's bundled H264 and Opus are both taken on one transport") {
  const std::string offer = CameraOffer().Text();
  const auto answer = AnswerCamera(offer);
  REQUIRE(answer);
  CheckAnswerFits(offer, *answer);
  const MediaPlan& plan = answer->plan;
  REQUIRE(plan.streams.size() == 2);
  CHECK(plan.Find(StreamKind::kVideo)->codec == Codec::kH264);
  CHECK(plan.Find(StreamKind::kVideo)->payload_type == 96);
  CHECK(plan.Find(StreamKind::kVideo)->h264.packetization_mode == 1);
  CHECK(plan.Find(StreamKind::kVideo)->h264.profile_level == wire::kWebProfileLevel);
  CHECK(plan.Find(StreamKind::kAudio)->codec == Codec::kOpus);
  CHECK(plan.Find(StreamKind::kAudio)->clock_rate == 48000);
  CHECK(plan.transport.remote_ufrag == "abcd");
  CHECK(plan.transport.remote_password == "abcdefghijklmnopqrstuvwx");
  CHECK(wire::FormatFingerprint(plan.transport.remote_fingerprint) == TestFingerprint(0x11));
  CHECK(plan.transport.local_role == ports::DtlsRole::kServer);
  CHECK(plan.transport.tagged_mid == "0");
  CHECK(answer->sdp.find("a=setup:passive") != std::string::npos);
  CHECK(answer->sdp.find("a=recvonly") != std::string::npos);
  CHECK(answer->sdp.find("profile-level-id=42e01f") != std::string::npos);
}

TEST_CASE("negotiation: the real offers of cameras are understood") {
  struct Case {
    const char* name;
    Codec video;
    std::uint8_t payload_type;
    std::optional<std::uint8_t> rtx;
    bool audio;
    std::uint32_t ssrc;
    std::optional<std::uint32_t> rtx_ssrc;
    Feedback feedback;
  };
  const Case cases[] = {
      {"chromium-offer-sendonly",
       Codec::kH264,
       108,
       109,
       true,
       4181939429U,
       136318793U,
       {true, true, true, true}},
      {"firefox-offer-sendonly",
       Codec::kVp8,
       120,
       124,
       true,
       2146641417U,
       1529945352U,
       {true, true, true, true}},
      {"aiortc-offer", Codec::kH264, 101, {}, false, 677304531U, {}, {true, true, false, true}},
      {"gst-offer", Codec::kH264, 102, {}, false, 1911164929U, {}, {false, true, true, false}},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    const auto offer = RealOffer(c.name);
    if (!offer) return;
    const auto answer = AnswerCamera(*offer);
    REQUIRE(answer);
    CheckAnswerFits(*offer, *answer);
    const StreamPlan* video = answer->plan.Find(StreamKind::kVideo);
    REQUIRE(video != nullptr);
    CHECK(video->codec == c.video);
    CHECK(video->payload_type == c.payload_type);
    CHECK(video->rtx_payload_type == c.rtx);
    CHECK(video->feedback == c.feedback);
    REQUIRE(video->remote_sources.size() == 1);
    CHECK(video->remote_sources[0] == RemoteSource{c.ssrc, c.rtx_ssrc});
    CHECK((answer->plan.Find(StreamKind::kAudio) != nullptr) == c.audio);
    CHECK(answer->plan.transport.local_role == ports::DtlsRole::kServer);
  }
}

TEST_CASE("negotiation: sprop-parameter-sets are kept as NAL units, and the profile is answered as offered") {
  const auto offer = RealOffer("gst-offer");
  if (!offer) return;
  const auto answer = AnswerCamera(*offer);
  REQUIRE(answer);
  const H264Format& h264 = answer->plan.Find(StreamKind::kVideo)->h264;
  REQUIRE(h264.parameter_sets.size() == 2);
  CHECK((h264.parameter_sets[0][0] & 0x1fU) == 7);
  CHECK((h264.parameter_sets[1][0] & 0x1fU) == 8);
  CHECK(h264.parameter_sets[1] == ByteVector{0x68, 0xce, 0x3c, 0x80});
  CHECK(answer->sdp.find("profile-level-id=42c01e") != std::string::npos);
  CHECK(answer->plan.transport.tagged_mid == "video0");
}

// In the style of FFmpeg 8.0: passive, no feedback, a group that names a mid which isn't there, and seven
// digits in profile-level-id for a constrained profile.
TEST_CASE("negotiation: FFmpeg 8 gets a hub that is DTLS client") {
  const std::string tail =
      "a=setup:passive\r\na=mid:1\r\na=sendonly\r\na=msid:FFmpeg video\r\na=rtcp-mux\r\na=rtcp-rsize\r\n";
  const std::string offer =
      "v=0\r\no=FFmpeg 4489045141692799359 2 IN IP4 127.0.0.1\r\ns=FFmpegPublishSession\r\nt=0 0\r\n"
      "a=group:BUNDLE 0 1\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n"
      "m=video 9 UDP/TLS/RTP/SAVPF 106\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:d44a2f7b\r\n"
      "a=ice-pwd:5d0a1e0ba17ee3f85d0a1e0ba17ee3f8\r\na=fingerprint:" +
      TestFingerprint(0x22) + "\r\n" + tail +
      "a=rtpmap:106 H264/90000\r\n"
      "a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=422001f\r\n"
      "a=ssrc:3311 cname:FFmpeg\r\na=ssrc:3311 msid:FFmpeg video\r\n";
  const auto answer = AnswerCamera(offer);
  REQUIRE(answer);
  CheckAnswerFits(offer, *answer);
  CHECK(answer->plan.transport.local_role == ports::DtlsRole::kClient);
  CHECK(answer->sdp.find("a=setup:active") != std::string::npos);
  CHECK(answer->sdp.find("profile-level-id=42e01f") != std::string::npos);
  CHECK(answer->plan.streams[0].feedback == Feedback{});
  CHECK(answer->plan.streams[0].remote_sources == std::vector<RemoteSource>{{3311, {}}});
  CHECK(answer->sdp.find("rtcp-fb") == std::string::npos);
}

// libdatachannel's way: setup:active or actpass, no candidates, mids with names, rtcp-fb only for the video.
TEST_CASE("negotiation: OBS gets recvonly sections under its own mids") {
  const std::string transport =
      "a=ice-ufrag:Vn2s\r\na=ice-pwd:cNsDmLFGO0gDOoeE0PQ4yH\r\na=ice-options:ice2,trickle\r\na=fingerprint:" +
      TestFingerprint(0x33) + "\r\na=setup:actpass\r\n";
  const std::string offer =
      "v=0\r\no=rtc 3767197920 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE audio video\r\n"
      "a=group:LS audio video\r\na=msid-semantic:WMS *\r\n" +
      transport +
      "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:audio\r\na=sendonly\r\n"
      "a=ssrc:1 cname:obs\r\na=ssrc:1 msid:obs obs-audio\r\na=msid:obs obs-audio\r\na=rtcp-mux\r\n"
      "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 "
      "minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1;useinbandfec=1\r\n"
      "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:video\r\na=sendonly\r\n"
      "a=ssrc:2 cname:obs\r\na=ssrc:2 msid:obs obs-video\r\na=msid:obs obs-video\r\na=rtcp-mux\r\n"
      "a=rtpmap:96 H264/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 goog-remb\r\n"
      "a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1\r\n";
  const auto answer = AnswerCamera(offer);
  REQUIRE(answer);
  CheckAnswerFits(offer, *answer);
  CHECK(answer->plan.streams.size() == 2);
  CHECK(answer->plan.Find(StreamKind::kVideo)->mid == "video");
  CHECK(answer->plan.Find(StreamKind::kVideo)->feedback == Feedback{true, true, false, true});
  CHECK(answer->plan.transport.tagged_mid == "audio");
  CHECK(answer->plan.transport.remote_candidates.empty());
}

TEST_CASE("negotiation: the order is H264 mode 1 with constrained baseline first, mode 0, VP8") {
  const auto chosen = [](std::string_view formats) {
    OfferText offer = CameraOffer();
    offer.video =
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\na=rtcp-mux\na=mid:0\na=sendonly\n" + std::string(formats);
    const auto answer = AnswerCamera(offer.Text());
    REQUIRE(answer);
    return int{answer->plan.Find(StreamKind::kVideo)->payload_type};
  };
  const std::string vp8 = "a=rtpmap:96 VP8/90000\n";
  const std::string mode0 = "a=rtpmap:97 H264/90000\na=fmtp:97 profile-level-id=42e01f\n";
  const std::string high = "a=rtpmap:98 H264/90000\na=fmtp:98 packetization-mode=1;profile-level-id=64001f\n";
  const std::string web = "a=rtpmap:99 H264/90000\na=fmtp:99 packetization-mode=1;profile-level-id=42c01f\n";
  CHECK(chosen(vp8 + mode0 + high + web) == 99);
  CHECK(chosen(vp8 + mode0 + high) == 98);
  CHECK(chosen(vp8 + mode0) == 97);
  CHECK(chosen(vp8) == 96);
  CHECK(chosen(vp8 + "a=rtpmap:97 H264/90000\na=fmtp:97 packetization-mode=2\n") == 96);
}

TEST_CASE("negotiation: audio is taken as Opus, PCMU or PCMA, also without an rtpmap") {
  const auto codec = [](std::string_view section) {
    OfferText offer = CameraOffer();
    offer.video = "m=audio 9 UDP/TLS/RTP/SAVPF " + std::string(section);
    offer.audio.clear();
    offer.video += "a=rtcp-mux\na=mid:0\na=sendonly\n";
    const auto answer = AnswerCamera(offer.Text());
    REQUIRE(answer);
    CheckAnswerFits(offer.Text(), *answer);
    return answer->plan.streams.at(0).codec;
  };
  CHECK(codec("8 0 111\na=rtpmap:111 opus/48000/2\n") == Codec::kOpus);
  CHECK(codec("8 0\n") == Codec::kPcmu);
  CHECK(codec("9 8\n") == Codec::kPcma);
  CHECK(codec("111\na=rtpmap:111 OPUS/48000/1\n") == Codec::kOpus);  // FFmpeg with a mono source
}

TEST_CASE("negotiation: without BUNDLE one section is taken, the video") {
  OfferText offer = CameraOffer();
  offer.group.clear();
  std::swap(offer.video, offer.audio);  // the audio comes first
  const auto answer = AnswerCamera(offer.Text());
  REQUIRE(answer);
  CheckAnswerFits(offer.Text(), *answer);
  REQUIRE(answer->plan.streams.size() == 1);
  CHECK(answer->plan.streams[0].kind == StreamKind::kVideo);
  CHECK(answer->plan.transport.tagged_mid == "0");
  CHECK_FALSE(answer->plan.streams[0].extensions.mid);
}

TEST_CASE("negotiation: a second camera picture is rejected, the first stays") {
  OfferText offer = CameraOffer();
  offer.group = "a=group:BUNDLE 0 1 2\n";
  offer.audio += H264Section("2", "sendonly", "packetization-mode=1;profile-level-id=42e01f");
  const auto answer = AnswerCamera(offer.Text());
  REQUIRE(answer);
  CheckAnswerFits(offer.Text(), *answer);
  CHECK(answer->plan.Find(StreamKind::kVideo)->mid == "0");
  CHECK(Parsed(answer->sdp).media[2].port == 0);
}

TEST_CASE("negotiation: rejected sections echo one format, so that large offers have short answers") {
  OfferText offer = CameraOffer();
  std::string crowd = "m=video 9 UDP/TLS/RTP/SAVPF";
  for (int type = 0; type < 128; ++type) crowd += ' ' + std::to_string(type);
  for (int mid = 2; mid < 16; ++mid) offer.audio += crowd + "\na=mid:" + std::to_string(mid) + '\n';
  const auto answer = AnswerCamera(offer.Text());
  REQUIRE(answer);
  CheckAnswerFits(offer.Text(), *answer);
  CHECK(Parsed(answer->sdp).media.back().formats == std::vector<std::string>{"0"});
}

TEST_CASE("negotiation: an offer whose answer would be too long is refused, and says so") {
  OfferText offer = CameraOffer();
  for (int i = 0; i < 4; ++i) offer.audio += "m=" + std::string(2500, 'x') + " 9 UDP/TLS/RTP/SAVPF 96\n";
  const auto answer = AnswerCamera(offer.Text());
  REQUIRE_FALSE(answer);
  CHECK(answer.error().http_status == 413);
  CHECK(answer.error().detail.find("8192") != std::string::npos);
}

TEST_CASE("negotiation: simulcast is answered as one stream, the first layer's") {
  OfferText offer = CameraOffer();
  offer.video +=
      "a=rid:hi send\na=rid:lo send\na=simulcast:send hi;lo\na=extmap:10 "
      "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\n"
      "a=ssrc-group:SIM 10 20 30\na=ssrc-group:FID 10 11\na=ssrc-group:FID 20 21\n"
      "a=ssrc:10 cname:x\na=ssrc:11 cname:x\na=ssrc:20 cname:x\na=ssrc:21 cname:x\na=ssrc:30 cname:x\n";
  const auto answer = AnswerCamera(offer.Text());
  REQUIRE(answer);
  CheckAnswerFits(offer.Text(), *answer);
  CHECK(answer->sdp.find("a=rid") == std::string::npos);
  CHECK(answer->plan.Find(StreamKind::kVideo)->remote_sources == std::vector<RemoteSource>{{10, 11}});
}

TEST_CASE("negotiation: header extensions are agreed only where the camera sends them") {
  OfferText offer = CameraOffer();
  offer.video +=
      "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\na=extmap:5 "
      "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay\n";
  offer.audio += "a=extmap:4/recvonly urn:ietf:params:rtp-hdrext:sdes:mid\n";
  const auto answer = AnswerCamera(offer.Text());
  REQUIRE(answer);
  CHECK(answer->plan.Find(StreamKind::kVideo)->extensions.mid == 4);
  CHECK_FALSE(answer->plan.Find(StreamKind::kVideo)->extensions.playout_delay);
  CHECK_FALSE(answer->plan.Find(StreamKind::kAudio)->extensions.mid);
}

TEST_CASE("negotiation: names are never candidates, and literals are kept") {
  OfferText offer = CameraOffer();
  offer.video +=
      "a=candidate:1 1 udp 1 887bb4cf.local 5000 typ host\na=candidate:2 1 udp 1 10.1.2.3 5001 typ host\n"
      "a=candidate:3 1 tcp 1 10.1.2.3 9 typ host tcptype active\n";
  const auto answer = AnswerCamera(offer.Text());
  REQUIRE(answer);
  REQUIRE(answer->plan.transport.remote_candidates.size() == 1);
  CHECK(answer->plan.transport.remote_candidates[0].ToString() == "10.1.2.3:5001");
}

TEST_CASE("negotiation: our sources differ from the peer's and from each other in every session") {
  OfferText offer = CameraOffer();
  offer.video += "a=ssrc:5 cname:x\n";
  test::SeededEntropy entropy(1);
  const auto first = AnswerCameraOffer(offer.Text(), TestLocal(), false, entropy);
  const auto second = AnswerCameraOffer(offer.Text(), TestLocal(), false, entropy);
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->plan.streams[0].local_ssrc != first->plan.streams[1].local_ssrc);
  CHECK(first->plan.streams[0].local_ssrc != 0);
  CHECK(first->plan.streams[0].local_ssrc != second->plan.streams[0].local_ssrc);
  CHECK(first->plan.local_cname != second->plan.local_cname);
}

TEST_CASE("negotiation: what can't be a camera's offer is refused with a status and what to do") {
  const std::string good = CameraOffer().Text();
  const std::string other = "a=fingerprint:" + TestFingerprint(0x44) + "\n";
  struct Case {
    std::string offer;
    int status;
    const char* detail;
  };
  const Case cases[] = {
      {"hello", 400, "not a session description"},
      {"", 400, "v=0"},
      {good.substr(0, good.find("m=video")), 406, "no media section"},
      {"v=0\ns=" + std::string(70000, 'x'), 413, "bytes"},
      {ViewerOfferText().Text(), 406, "direction"},
      {Replaced(good, "a=ice-ufrag:abcd\n", ""), 406, "ice-ufrag"},
      {Replaced(good, "a=ice-ufrag:abcd\n", "a=ice-ufrag:a!\n"), 400, "ice-ufrag"},
      {Replaced(good, "a=ice-pwd:abcdefghijklmnopqrstuvwx\n", "a=ice-pwd:short\n"), 400, "ice-pwd"},
      {Replaced(good, "a=fingerprint:" + TestFingerprint(0x11) + "\n", ""), 406, "a=fingerprint"},
      {Replaced(good, TestFingerprint(0x11), "sha-1 00:11:22"), 406, "not sha-256"},
      {Replaced(good, TestFingerprint(0x11), "sha-256 00:11:22"), 400, "malformed"},
      {Replaced(good, "a=setup:actpass", "a=setup:holdconn"), 400, "a=setup"},
      {Replaced(good, "a=mid:1", "a=mid:0"), 400, "same a=mid"},
      {CameraOffer().Text() + other, 400, "different certificates"},
      {Replaced(good, "a=mid:0", "a=mid:0\na=ssrc:5 cname:x") + "a=ssrc:5 cname:x\n", 400, "same a=ssrc"},
      {Replaced(good, "a=mid:0", "a=mid:0\na=ssrc-group:FID 5 6\na=ssrc:5 cname:x") + "a=ssrc:6 cname:x\n",
       400, "same a=ssrc"},
      {Replaced(Replaced(good, "a=rtcp-mux\n", ""), "a=rtcp-mux\n", ""), 406, "rtcp-mux"},
      {Replaced(Replaced(good, "UDP/TLS/RTP/SAVPF", "RTP/AVP"), "UDP/TLS/RTP/SAVPF", "RTP/AVP"), 406,
       "DTLS-SRTP"},
      {Replaced(Replaced(good, "H264/90000", "H265/90000"), "opus/48000/2", "G722/8000"), 406, "H264"},
      {Replaced(Replaced(good, "m=video 9", "m=video 0"), "m=audio 9", "m=audio 0"), 406, "port is 0"},
      {Replaced(Replaced(good, "m=video", "m=application"), "m=audio", "m=text"), 406,
       "neither audio nor video"},
  };
  for (const Case& c : cases) {
    INFO(c.offer.substr(0, 1500));
    const auto answer = AnswerCamera(c.offer);
    REQUIRE_FALSE(answer);
    CHECK(int{answer.error().http_status} == c.status);
    INFO(answer.error().detail);
    CHECK(answer.error().detail.find(c.detail) != std::string::npos);
  }
}

TEST_CASE("negotiation: plain RTP is never accepted beside a section that is encrypted") {
  OfferText offer = CameraOffer();
  offer.audio = Replaced(offer.audio, "UDP/TLS/RTP/SAVPF", "RTP/AVP");
  const auto answer = AnswerCamera(offer.Text());
  REQUIRE(answer);
  CheckAnswerFits(offer.Text(), *answer);
  CHECK(answer->plan.streams.size() == 1);
  CHECK(Parsed(answer->sdp).media[1].port == 0);
}

TEST_CASE("negotiation: equal payload types of two sections can't share a transport") {
  OfferText offer = CameraOffer();
  offer.audio = Replaced(Replaced(offer.audio, "SAVPF 111", "SAVPF 96"), "rtpmap:111", "rtpmap:96");
  const auto answer = AnswerCamera(offer.Text());
  REQUIRE(answer);
  REQUIRE(answer->plan.streams.size() == 1);
  CHECK(answer->plan.streams[0].kind == StreamKind::kVideo);
}

TEST_CASE("negotiation: every seed is answered fittingly or refused with a status of HTTP") {
  for (const char* name : {"corpora/sdp", "corpora/sdp-cameras", "sdp"}) {
    const auto folder = test::SharedData(name);
    if (!folder) {
      WARN("skipped: no shared data for " << name << " (set LATCHKEY_SHARED_DATA)");
      continue;
    }
    for (const auto& path : test::FilesOf(*folder)) {
      INFO(path);
      const ByteVector bytes = test::ReadFile(path);
      for (const bool viewer : {false, true}) {
        const auto answer = viewer ? AnswerViewer(AsText(bytes), WebCamera()) : AnswerCamera(AsText(bytes));
        if (answer) {
          CheckAnswerFits(AsText(bytes), *answer);
        } else {
          const int status = answer.error().http_status;
          CHECK((status == 400 || status == 406 || status == 413));
          CHECK_FALSE(answer.error().detail.empty());
        }
      }
    }
  }
}

}  // namespace
}  // namespace latchkey::peer
