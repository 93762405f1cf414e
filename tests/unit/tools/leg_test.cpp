#include "tools/media/leg.h"

#include <memory>

#include "tests/platform/loop_until.h"
#include "tests/support/catch.h"
#include "tests/unit/tools/mini_hub.h"

namespace latchkey::media::test {

TEST_CASE("leg: an end that shows while something is sent is told, whatever else is sent in that round") {
  Tools hub_tools{1};
  Tools client_tools{2};
  platform::Loop loop;
  PublishMedia media;
  media.video = wire::Codec::kVp8;
  auto session = std::make_unique<RtcSession>(client_tools.ports(), media);
  const auto credentials = peer::MakeIceCredentials(hub_tools.entropy);
  const peer::LocalTransport hub{credentials.ufrag,
                                 credentials.password,
                                 hub_tools.dtls->LocalFingerprint(),
                                 {{IpAddress::V4({127, 0, 0, 1}), 9}}};
  const auto answer = peer::AnswerCameraOffer(session->MakeOffer({}), hub, false, hub_tools.entropy);
  REQUIRE(answer.has_value());
  // Long ago: by the loop's clock its patience is over.
  REQUIRE(session->HandleAnswer(answer->sdp, Instant{}).has_value());
  RtcSession& inside = *session;
  int told = 0;
  const auto leg = Leg::Open(loop, std::move(session), {}, true,
                             [&] { told += inside.state() == TransportState::kFailed ? 1 : 0; });
  REQUIRE(leg.has_value());
  for (int frames = 0; frames < 3; ++frames) (*leg)->Flush();
  CHECK(inside.state() == TransportState::kFailed);
  CHECK(platform::RunUntil(loop, [&] { return told > 0; }));
  CHECK(told == 1);
}

}  // namespace latchkey::media::test
