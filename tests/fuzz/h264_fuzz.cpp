// A payload's pieces lie inside it; a byte stream cut into payloads and put together again is the same NALs.
#include "daemon/wire/h264.h"
#include "daemon/wire/h264_pack.h"
#include "tests/fuzz/fuzz.h"

namespace latchkey::fuzz {
namespace {

void CheckPayload(ByteView input) {
  auto payload = wire::ParseH264Payload(input);
  const auto info = wire::InspectH264Payload(input);
  LATCHKEY_CHECK(payload.has_value() == info.has_value());
  if (!payload) return;
  std::size_t pieces = 0;
  std::size_t bytes = 0;
  bool vcl = false;
  while (const auto piece = payload->Next()) {
    ++pieces;
    bytes += piece->body.size() + 1;
    vcl = vcl || wire::IsVclNal(piece->type());
    LATCHKEY_CHECK(piece->type() >= 1 && piece->type() <= wire::nal::kLastSingle);
  }
  LATCHKEY_CHECK(pieces > 0 && bytes <= input.size() && vcl == info->vcl);
  LATCHKEY_CHECK(!info->starts_picture || info->vcl);
  LATCHKEY_CHECK(!info->starts_access_unit || info->begins_nal);
}

void CheckStream(ByteView input, std::size_t max_payload) {
  wire::H264Packetiser packetiser(input, max_payload);
  wire::H264Depacketiser depacketiser;
  ByteVector buffer(max_payload);
  bool last = false;
  while (const auto payload = packetiser.Next(buffer)) {
    LATCHKEY_CHECK(!last && payload->bytes.size() <= max_payload);
    LATCHKEY_CHECK(depacketiser.Push(payload->bytes));
    last = payload->last;
  }
  LATCHKEY_CHECK(last == depacketiser.Whole());
  // Packed once more, nothing changes: what RTP leaves out is out.
  wire::H264Packetiser again(depacketiser.unit(), max_payload);
  wire::H264Depacketiser twice;
  while (const auto payload = again.Next(buffer)) LATCHKEY_CHECK(twice.Push(payload->bytes));
  LATCHKEY_CHECK(Same(twice.unit(), depacketiser.unit()));
}

}  // namespace

void Fuzz(ByteView input) {
  CheckPayload(input);
  const std::size_t extra = input.empty() ? 0 : input.back();
  CheckStream(input, wire::H264Fragmenter::kMinPayload + extra);
  wire::H264Depacketiser depacketiser;
  if (depacketiser.Push(input)) (void)depacketiser.Push(input);
}

}  // namespace latchkey::fuzz
