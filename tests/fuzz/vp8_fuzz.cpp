// A descriptor survives being written again; a frame cut into payloads comes back whole.
#include <array>

#include "daemon/wire/vp8.h"
#include "tests/fuzz/fuzz.h"

namespace latchkey::fuzz {

void Fuzz(ByteView input) {
  if (const auto payload = wire::ParseVp8Payload(input)) {
    std::array<std::uint8_t, wire::kVp8MaxDescriptor + 1> buffer{};
    const std::size_t size = wire::WriteVp8Descriptor(payload->descriptor, buffer);
    LATCHKEY_CHECK(size > 0 && size <= wire::kVp8MaxDescriptor);
    const auto again = wire::ParseVp8Payload(ByteView(buffer).first(size + 1));
    LATCHKEY_CHECK(again && again->descriptor == payload->descriptor);
    (void)payload->StartsKeyframe();
    (void)wire::ParseVp8Dimensions(payload->data);
  }
  if (const auto dimensions = wire::ParseVp8Dimensions(input)) {
    LATCHKEY_CHECK(dimensions->width <= 0x3fff && dimensions->height <= 0x3fff);
  }
  if (input.empty()) return;
  const std::size_t max = wire::Vp8Fragmenter::kMinPayload + input.back();
  wire::Vp8Fragmenter fragmenter(input, 7, max);
  wire::Vp8Depacketiser depacketiser;
  ByteVector buffer(max);
  while (const auto bytes = fragmenter.Next(buffer)) LATCHKEY_CHECK(depacketiser.Push(*bytes));
  LATCHKEY_CHECK(depacketiser.Whole() && Same(depacketiser.frame(), input));
}

}  // namespace latchkey::fuzz
