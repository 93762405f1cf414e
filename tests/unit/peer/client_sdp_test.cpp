#include "daemon/peer/client_sdp.h"

#include "tests/unit/peer/support.h"

namespace latchkey::peer {
namespace {

using wire::Codec;
using wire::StreamKind;

LocalTransport ClientTransport() {
  LocalTransport local;
  local.ufrag = "clientuf";
  local.password = "clientpasswordclientpass";
  local.fingerprint.fill(0x55);
  local.candidates = {{*IpAddress::Parse("192.168.1.20"), 50000}};
  return local;
}

PublishOffer Publish(Codec codec) {
  PublishOffer offer;
  offer.video = PublishOffer::Source{codec, 1001, 1002};
  offer.audio = PublishOffer::Source{Codec::kOpus, 1003, 0};
  offer.cname = "cam";
  offer.local = ClientTransport();
  offer.session_id = 42;
  return offer;
}

ReceiveOffer Receive() {
  ReceiveOffer offer;
  offer.cname = "view";
  offer.video_ssrc = 2001;
  offer.audio_ssrc = 2002;
  offer.local = ClientTransport();
  offer.session_id = 43;
  return offer;
}

TEST_CASE("client sdp: our camera and the hub agree on both ends' numbers") {
  for (const Codec codec : {Codec::kH264, Codec::kVp8}) {
    const std::string offer = WritePublishOffer(Publish(codec));
    const auto answer = AnswerCamera(offer);
    REQUIRE(answer);
    CheckAnswerFits(offer, *answer);
    const auto plan = ReadAnswer(offer, answer->sdp);
    REQUIRE(plan);
    REQUIRE(plan->streams.size() == 2);
    const StreamPlan& ours = *plan->Find(StreamKind::kVideo);
    const StreamPlan& hubs = *answer->plan.Find(StreamKind::kVideo);
    CHECK(ours.codec == codec);
    CHECK(ours.payload_type == hubs.payload_type);
    CHECK(ours.rtx_payload_type == hubs.rtx_payload_type);
    CHECK(ours.rtx_payload_type.has_value());
    CHECK(ours.local_ssrc == 1001);
    CHECK(ours.local_rtx_ssrc == 1002U);
    CHECK(hubs.remote_sources == std::vector<RemoteSource>{{1001, 1002}});
    CHECK(ours.feedback == Feedback{true, true, true, true});
    CHECK(ours.extensions.mid == hubs.extensions.mid);
    CHECK(ours.extensions.mid.has_value());
    CHECK(plan->transport.local_role == ports::DtlsRole::kClient);
    CHECK(answer->plan.transport.local_role == ports::DtlsRole::kServer);
    CHECK(plan->transport.remote_ufrag == "hubufrag");
    CHECK(plan->transport.remote_fingerprint == TestLocal().fingerprint);
    CHECK(answer->plan.transport.remote_fingerprint == ClientTransport().fingerprint);
    CHECK(answer->plan.transport.remote_candidates == ClientTransport().candidates);
    REQUIRE(plan->transport.remote_candidates.size() == 2);
    CHECK(plan->transport.remote_candidates[0].ToString() == "192.168.1.9:47000");
  }
}

TEST_CASE("client sdp: our viewer can take whatever a camera of the hub sends") {
  const std::string offer = WriteReceiveOffer(Receive());
  const wire::H264ProfileLevel profiles[] = {
      {0x42, 0xe0, 0x1f}, {0x42, 0x00, 0x28}, {0x4d, 0x00, 0x28}, {0x64, 0x00, 0x32}};
  for (const auto& profile : profiles) {
    for (const Codec audio : {Codec::kOpus, Codec::kPcmu, Codec::kPcma}) {
      CameraMedia camera{Codec::kH264, profile, audio};
      const auto answer = AnswerViewer(offer, camera);
      REQUIRE(answer);
      CheckAnswerFits(offer, *answer);
      const auto plan = ReadAnswer(offer, answer->sdp);
      REQUIRE(plan);
      const StreamPlan& ours = *plan->Find(StreamKind::kVideo);
      const StreamPlan& hubs = *answer->plan.Find(StreamKind::kVideo);
      REQUIRE(ours.remote_sources.size() == 1);
      CHECK(ours.remote_sources[0] == RemoteSource{hubs.local_ssrc, hubs.local_rtx_ssrc});
      CHECK(ours.local_ssrc == 2001);
      CHECK(ours.payload_type == hubs.payload_type);
      CHECK(ours.extensions.playout_delay == hubs.extensions.playout_delay);
      CHECK(ours.extensions.playout_delay.has_value());
      CHECK(plan->Find(StreamKind::kAudio)->codec == audio);
    }
  }
  const auto vp8 = AnswerViewer(offer, CameraMedia{Codec::kVp8, {}, {}});
  REQUIRE(vp8);
  const auto plan = ReadAnswer(offer, vp8->sdp);
  REQUIRE(plan);
  CHECK(plan->streams.size() == 1);
  CHECK(plan->streams[0].payload_type == kClientVp8);
}

TEST_CASE("client sdp: audio alone and video alone are offers as well") {
  PublishOffer publish = Publish(Codec::kH264);
  publish.video.reset();
  publish.audio->codec = Codec::kPcma;
  const auto audio = AnswerCamera(WritePublishOffer(publish));
  REQUIRE(audio);
  CHECK(audio->plan.streams.at(0).codec == Codec::kPcma);
  ReceiveOffer receive = Receive();
  receive.audio = false;
  const auto video = AnswerViewer(WriteReceiveOffer(receive), WebCamera());
  REQUIRE(video);
  CHECK(video->plan.streams.size() == 1);
}

TEST_CASE("client sdp: an answer that does not fit the offer is refused") {
  const std::string offer = WritePublishOffer(Publish(Codec::kH264));
  const std::string good = AnswerCamera(offer)->sdp;
  REQUIRE(ReadAnswer(offer, good));
  CHECK_FALSE(ReadAnswer(offer, "<html>"));
  CHECK_FALSE(ReadAnswer(offer, good.substr(0, good.find("m=audio"))));
  CHECK_FALSE(ReadAnswer(offer, Replaced(good, "a=mid:1", "a=mid:7")));
  CHECK_FALSE(ReadAnswer(offer, Replaced(good, "a=rtpmap:96 H264", "a=rtpmap:96 VP8")));
  CHECK_FALSE(ReadAnswer(offer, Replaced(good, "a=ice-ufrag:hubufrag\r\n", "")));
  CHECK_FALSE(ReadAnswer(offer, Replaced(good, TestFingerprint(0xAB), "sha-1 00")));
  const auto rejected =
      ReadAnswer(offer, Replaced(Replaced(good, "m=video 47000", "m=video 0"), "m=audio 47000", "m=audio 0"));
  REQUIRE_FALSE(rejected);
  CHECK(rejected.error().code == ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace latchkey::peer
