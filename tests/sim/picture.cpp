#include "tests/sim/picture.h"

#include <algorithm>

#include "daemon/wire/h264.h"
#include "daemon/wire/vp8.h"

namespace latchkey::sim {
namespace {

// Frame tag, start code and 640x480 for a key frame (RFC 6386 9.1).
constexpr std::array<std::uint8_t, 10> kVp8Key{0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01};
constexpr std::array<std::uint8_t, 3> kVp8Delta{0x11, 0x02, 0x00};
// NAL header, then first_mb_in_slice 0 and slice_type 7 (I), 5 (P) or 6 (B), as Exp-Golomb codes.
constexpr std::array<std::uint8_t, 2> kH264Key{0x65, 0x88};
constexpr std::array<std::uint8_t, 2> kH264Delta{0x41, 0x9a};
constexpr std::array<std::uint8_t, 2> kH264B{0x41, 0x9e};

ByteView HeadOf(wire::Codec codec, bool keyframe) {
  if (codec == wire::Codec::kVp8) return keyframe ? ByteView(kVp8Key) : ByteView(kVp8Delta);
  return keyframe ? ByteView(kH264Key) : ByteView(kH264Delta);
}

void ReadWords(ByteView words, bool keyframe, PayloadFacts& facts) {
  ByteReader reader(words);
  Picture picture;
  picture.mark = reader.U32();
  picture.life = reader.U32();
  picture.number = reader.U32();
  picture.keyframe = keyframe;
  facts.all_bytes = reader.U32();
  if (reader.ok()) facts.picture = picture;
}

std::optional<PayloadFacts> ReadVp8(ByteView payload) {
  const auto parsed = wire::ParseVp8Payload(payload);
  if (!parsed) return std::nullopt;
  PayloadFacts facts;
  facts.slice = true;
  facts.starts = parsed->StartsFrame();
  facts.bytes = parsed->data.size();
  if (!facts.starts) return facts;
  const std::size_t head = HeadOf(wire::Codec::kVp8, parsed->StartsKeyframe()).size();
  if (parsed->data.size() < head) return std::nullopt;
  facts.bytes -= head;
  ReadWords(parsed->data.subspan(head), parsed->StartsKeyframe(), facts);
  return facts;
}

std::optional<PayloadFacts> ReadH264(ByteView payload) {
  auto parsed = wire::ParseH264Payload(payload);
  if (!parsed) return std::nullopt;
  PayloadFacts facts;
  while (const auto nal = parsed->Next()) {
    if (!wire::IsVclNal(nal->type())) {
      facts.starts = true;
      continue;
    }
    facts.slice = true;
    facts.bytes += nal->body.size() - (nal->first ? 1 : 0);
    if (!nal->first) continue;
    // A keyframe's slice follows its parameter sets.
    facts.starts |= nal->type() != wire::nal::kIdr;
    ReadWords(nal->body.subspan(1), nal->type() == wire::nal::kIdr, facts);
    if (facts.picture) facts.picture->b_slice = nal->body.front() == kH264B.back();
  }
  return facts;
}

}  // namespace

ByteVector WritePicture(const Picture& picture, wire::Codec codec, std::size_t bytes) {
  const ByteView head = HeadOf(codec, picture.keyframe);
  bytes = std::max(bytes, kPictureWords);
  ByteVector frame(head.size() + bytes, 0x55);
  std::copy(head.begin(), head.end(), frame.begin());
  if (picture.b_slice) std::copy(kH264B.begin(), kH264B.end(), frame.begin());
  ByteWriter writer(MutableByteView(frame).subspan(head.size()));
  for (const std::uint32_t word :
       {picture.mark, picture.life, picture.number, static_cast<std::uint32_t>(bytes)}) {
    writer.U32(word);
  }
  return frame;
}

std::optional<PayloadFacts> ReadPayload(ByteView payload, wire::Codec codec) {
  return codec == wire::Codec::kVp8 ? ReadVp8(payload) : ReadH264(payload);
}

}  // namespace latchkey::sim
