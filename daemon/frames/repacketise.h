// Cuts payloads that are too long for a viewer's path (packetization-mode 0 cameras, IP fragments).
#pragma once

#include "daemon/base/bytes.h"
#include "daemon/frames/frame.h"
#include "daemon/wire/codec.h"

namespace latchkey::frames {

// Adds `payload` to the frame: as it is when it has at most kMaxPayload bytes, otherwise
//  - H264: each NAL of a STAP-A on its own, each NAL or FU-A piece that is still too long as FU-A (RFC 6184
//    5.8), which mode 1 allows everywhere;
//  - VP8: its first piece under the descriptor as it was, the rest under one without the S bit (RFC
//  7741 4.2).
// False, and nothing added, when it is too long and of another codec or malformed.
[[nodiscard]] bool AddPayload(wire::Codec codec, ByteView payload, FrameBuilder& frame);

}  // namespace latchkey::frames
