// What a payload says of its frame, codec by codec.
#pragma once

#include "daemon/base/bytes.h"
#include "daemon/frames/packet_window.h"
#include "daemon/wire/codec.h"

namespace latchkey::frames {

// `payload` is not empty. An unreadable one has `malformed` set and nothing else but the marker.
PacketFacts InspectPayload(wire::Codec codec, ByteView payload, bool marker);

}  // namespace latchkey::frames
