#include "daemon/peer/enrolled.h"

#include "daemon/base/check.h"

namespace latchkey::peer {
namespace {

StreamPlan Stream(wire::Codec codec, std::uint8_t payload_type, ports::Entropy& entropy) {
  StreamPlan stream;
  stream.kind = wire::StreamKindOf(codec);
  stream.codec = codec;
  stream.payload_type = payload_type;
  stream.clock_rate = wire::ClockRate(codec);
  while (stream.local_ssrc == 0) stream.local_ssrc = entropy.U32();
  return stream;
}

}  // namespace

MediaPlan EnrolledPlan(wire::Codec video, ports::Entropy& entropy) {
  LATCHKEY_CHECK(wire::StreamKindOf(video) == wire::StreamKind::kVideo);
  MediaPlan plan;
  plan.streams.push_back(Stream(video, kEnrolledVideoType, entropy));
  plan.streams.push_back(Stream(wire::Codec::kOpus, kEnrolledAudioType, entropy));
  return plan;
}

}  // namespace latchkey::peer
