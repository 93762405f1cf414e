#include "daemon/frames/payload_facts.h"

#include "daemon/wire/h264.h"
#include "daemon/wire/vp8.h"

namespace latchkey::frames {
namespace {

PacketFacts Malformed() {
  PacketFacts facts;
  facts.malformed = true;
  return facts;
}

PacketFacts InspectH264(ByteView payload) {
  const auto info = wire::InspectH264Payload(payload);
  if (!info) return Malformed();
  PacketFacts facts;
  facts.start = info->starts_access_unit || info->starts_picture;
  facts.picture_start = info->starts_picture;
  facts.picture = info->vcl;
  facts.keyframe = info->idr;
  facts.begins_unit = info->begins_nal;
  facts.ends_unit = info->ends_nal;
  facts.b_slice = info->b_slice;
  facts.has_sps = info->sps;
  facts.has_pps = info->pps;
  return facts;
}

// A frame is one unit: it begins where partition 0 does, and the marker or the next timestamp ends it.
PacketFacts InspectVp8(ByteView payload) {
  const auto parsed = wire::ParseVp8Payload(payload);
  if (!parsed) return Malformed();
  PacketFacts facts;
  facts.start = parsed->StartsFrame();
  facts.picture_start = facts.start;
  facts.picture = true;
  facts.keyframe = parsed->StartsKeyframe();
  return facts;
}

PacketFacts InspectSound() {
  PacketFacts facts;
  facts.start = true;
  facts.picture_start = true;
  facts.picture = true;
  return facts;
}

PacketFacts Inspect(wire::Codec codec, ByteView payload) {
  switch (codec) {
    case wire::Codec::kH264: return InspectH264(payload);
    case wire::Codec::kVp8: return InspectVp8(payload);
    case wire::Codec::kOpus:
    case wire::Codec::kPcmu:
    case wire::Codec::kPcma: return InspectSound();
    case wire::Codec::kCount: break;
  }
  return Malformed();
}

}  // namespace

PacketFacts InspectPayload(wire::Codec codec, ByteView payload, bool marker) {
  PacketFacts facts = Inspect(codec, payload);
  facts.marker = marker;
  return facts;
}

}  // namespace latchkey::frames
