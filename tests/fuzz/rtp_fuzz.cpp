// A packet's parts lie inside it and don't overlap; header and extensions survive being written again.
#include <array>

#include "daemon/wire/rtp.h"
#include "daemon/wire/rtp_extensions.h"
#include "tests/fuzz/fuzz.h"

namespace latchkey::fuzz {
namespace {

void CheckRewritten(const wire::RtpPacket& packet) {
  std::array<wire::RtpExtension, 14> elements;
  std::size_t count = 0;
  auto reader = packet.extensions();
  while (const auto element = reader.Next()) {
    const bool fits =
        element->id >= 1 && element->id <= 14 && !element->data.empty() && element->data.size() <= 16;
    if (fits && count < elements.size()) elements[count++] = *element;
    (void)wire::ReadTransportSequence(element->data);
    (void)wire::ReadAbsSendTime(element->data);
    (void)wire::ReadVideoRotation(element->data);
    if (const auto delay = wire::ReadPlayoutDelay(element->data)) {
      LATCHKEY_CHECK(Same(wire::PlayoutDelayBytes(*delay), element->data));
    }
  }
  std::array<std::uint8_t, wire::kRtpMaxWrittenHeader> buffer{};
  const std::size_t size = wire::WriteRtpHeader(packet.header, std::span(elements).first(count), buffer);
  LATCHKEY_CHECK(size > 0);
  const auto again = wire::ParseRtp(ByteView(buffer).first(size));
  LATCHKEY_CHECK(again && again->header == packet.header && again->payload.empty());
  auto kept = again->extensions();
  for (std::size_t i = 0; i < count; ++i) {
    const auto element = kept.Next();
    LATCHKEY_CHECK(element && element->id == elements[i].id && Same(element->data, elements[i].data));
  }
  LATCHKEY_CHECK(!kept.Next());
}

}  // namespace

void Fuzz(ByteView input) {
  const auto sealed = wire::ParseProtectedRtp(input);
  const auto packet = wire::ParseRtp(input);
  LATCHKEY_CHECK(sealed || !packet);
  if (!packet) return;
  LATCHKEY_CHECK(packet->header == sealed->header && packet->header_size == sealed->header_size);
  LATCHKEY_CHECK(packet->header_size + packet->payload.size() + packet->padding == input.size());
  LATCHKEY_CHECK(packet->csrcs.size() % 4 == 0 && packet->extension.size() % 4 == 0);
  ByteVector copy(input.begin(), input.end());
  wire::PatchRtpHeader(packet->header, copy);
  LATCHKEY_CHECK(Same(copy, input));
  CheckRewritten(*packet);
  if (const auto rtx = wire::ParseRtx(packet->payload)) {
    LATCHKEY_CHECK(rtx->payload.size() + wire::kRtxHeaderSize == packet->payload.size());
  }
}

}  // namespace latchkey::fuzz
