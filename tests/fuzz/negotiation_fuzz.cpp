// Whatever an offer says: the answer is SDP with a section for each of the offer's, fits FFmpeg's 8192 bytes
// unless the offer itself is huge, and the plan has what the gate insists on.
#include <algorithm>
#include <vector>

#include "daemon/peer/negotiation.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/seeded_entropy.h"

namespace latchkey::fuzz {
namespace {

peer::LocalTransport Local() {
  peer::LocalTransport local;
  local.ufrag = "hubufrag";
  local.password = "hubpasswordhubpassword00";
  local.candidates = {{IpAddress::V4({192, 168, 1, 9}), 47000}};
  return local;
}

void CheckAnswer(std::string_view offer, const peer::Negotiated<peer::Answer>& answer) {
  if (!answer) {
    const int status = answer.error().http_status;
    LATCHKEY_CHECK(status == 400 || status == 406 || status == 413);
    LATCHKEY_CHECK(!answer.error().detail.empty());
    return;
  }
  const auto asked = wire::ParseSdp(offer);
  const auto told = wire::ParseSdp(answer->sdp);
  LATCHKEY_CHECK(asked && told && asked->media.size() == told->media.size());
  LATCHKEY_CHECK(answer->sdp.size() <= peer::kMaxAnswerBytes);
  LATCHKEY_CHECK(!answer->plan.streams.empty() && answer->plan.streams.size() <= peer::kMaxStreams);
  std::vector<std::uint8_t> types;
  for (const peer::StreamPlan& stream : answer->plan.streams) {
    types.push_back(stream.payload_type);
    if (stream.rtx_payload_type) types.push_back(*stream.rtx_payload_type);
    LATCHKEY_CHECK(stream.local_ssrc != 0 && stream.remote_sources.size() <= peer::kMaxDeclaredSources);
    LATCHKEY_CHECK(stream.codec != wire::Codec::kH264 || stream.h264.packetization_mode <= 1);
  }
  std::sort(types.begin(), types.end());
  LATCHKEY_CHECK(std::adjacent_find(types.begin(), types.end()) == types.end());
}

}  // namespace

void Fuzz(ByteView input) {
  test::SeededEntropy entropy(1);
  const std::string_view offer = AsText(input);
  CheckAnswer(offer, peer::AnswerCameraOffer(offer, Local(), true, entropy));
  const auto viewer = peer::ParseViewerOffer(offer);
  if (!viewer) return;
  for (const auto codec : {wire::Codec::kH264, wire::Codec::kVp8}) {
    const peer::CameraMedia camera{codec, wire::kWebProfileLevel, wire::Codec::kOpus};
    const auto answer = peer::AnswerViewerOffer(*viewer, camera, Local(), entropy);
    CheckAnswer(offer, answer);
    if (answer) {
      LATCHKEY_CHECK(answer->plan.transport.remote_fingerprint == viewer->transport.remote_fingerprint);
    }
  }
}

}  // namespace latchkey::fuzz
