// Messages about cameras whose key the hub made, between keeper and lane. See daemon/PROTOCOL.md.
#pragma once

#include <cstdint>

#include "daemon/base/ids.h"
#include "daemon/base/secret.h"
#include "daemon/wire/codec.h"
#include "daemon/wire/ipc_types.h"

namespace latchkey::wire {

// ---------------------------------------------------------------- keeper -> lane

// Senders that one enrolled key may have: each start of one takes another SSRC. At the limit the key is used
// up, and its owner has to make another.
constexpr std::size_t kMaxSdesSources = 4096;

struct SdesSource {
  std::uint32_t ssrc = 0;
  std::uint64_t from = 0;  // packets of a lower index came before (ports::SourceFloor)
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ssrc, m.from);
  }
};

// The session of a camera whose key was enrolled: it has no offer, it sends when it likes. KeyShown follows.
struct SdesBegin {
  static constexpr auto kKind = IpcKind::kSdesBegin;
  SessionId session;
  Epoch epoch;
  Secret32 content_key;
  Secret<30> key;              // of AES_CM_128_HMAC_SHA1_80: master key and salt
  Codec video = Codec::kH264;  // under payload type 96; sound is Opus under 97
  BoundedList<SdesSource, kMaxSdesSources> sources;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.session, m.epoch, m.content_key, m.key, m.video, m.sources);
  }
};

// It is on the disk that packets of this SSRC below `up_to` may have come.
struct IndexReserved {
  static constexpr auto kKind = IpcKind::kIndexReserved;
  SessionId session;
  std::uint32_t ssrc = 0;
  std::uint64_t up_to = 0;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.session, m.ssrc, m.up_to);
  }
};

// ---------------------------------------------------------------- lane -> keeper

// Packets under the camera's enrolled key are further on than the disk knows of; for IndexReserved.
struct IndexWanted {
  static constexpr auto kKind = IpcKind::kIndexWanted;
  SessionId session;
  std::uint32_t ssrc = 0;
  std::uint64_t up_to = 0;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.session, m.ssrc, m.up_to);
  }
};

}  // namespace latchkey::wire
