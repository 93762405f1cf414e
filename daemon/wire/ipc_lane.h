// Messages of the channel between keeper and a lane. See daemon/PROTOCOL.md.
#pragma once

#include <array>
#include <cstdint>

#include "daemon/base/counters.h"
#include "daemon/base/ids.h"
#include "daemon/base/secret.h"
#include "daemon/base/time.h"
#include "daemon/wire/ipc_types.h"

namespace latchkey::wire {

// ---------------------------------------------------------------- keeper -> lane

// First message, once. A lane knows its camera by this and by nothing else.
struct LaneConfig {
  static constexpr auto kKind = IpcKind::kLaneConfig;
  CameraId camera;
  bool loopback = false;
  std::uint32_t cache_bytes = 0;  // bound of the sealed cache
  std::uint32_t cache_frames = 0;
  Duration cache_age{};
  std::uint32_t max_viewers = 0;
  std::uint32_t max_bitrate_kbit = 0;  // REMB ceiling towards the camera
  Duration hold_least{};               // bounds of how long a frame that isn't whole may hold the line
  Duration hold_most{};
  Duration stale_after{};        // live -> stale
  Duration unavailable_after{};  // stale -> unavailable (invariant 2)
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.camera, m.loopback, m.cache_bytes, m.cache_frames, m.cache_age, m.max_viewers, m.max_bitrate_kbit,
      m.hold_least, m.hold_most, m.stale_after, m.unavailable_after);
  }
};

// An authorised camera's offer and the epoch that its session begins.
struct PublishOffer {
  static constexpr auto kKind = IpcKind::kPublishOffer;
  Ticket ticket;
  SessionId session;
  Epoch epoch;
  Secret32 content_key;
  bool sdes = false;  // the camera may bring its key in the offer
  SdpText offer;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.session, m.epoch, m.content_key, m.sdes, m.offer);
  }
};

// An authorised viewer's offer. The lane parses it and says whose fingerprint it holds (ViewerParsed).
struct ViewerOffer {
  static constexpr auto kKind = IpcKind::kViewerOffer;
  Ticket ticket;
  SessionId session;
  GrantId grant;
  SdpText offer;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.session, m.grant, m.offer);
  }
};

// Both halves: keeper's wrap, front's key. The lane builds the additional data from what it knows and
// unwraps; only then does it answer the offer.
struct ViewerAdmit {
  static constexpr auto kKind = IpcKind::kViewerAdmit;
  Ticket ticket;
  SessionId session;
  Epoch epoch;
  std::uint8_t rights = 0;
  WallTime not_after{};
  WrapBytes wrap{};
  Secret32 derived_key;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.session, m.epoch, m.rights, m.not_after, m.wrap, m.derived_key);
  }
};

// For a session that stands: renewal within an epoch, or the wrap of a new epoch.
struct WrapRenewal {
  static constexpr auto kKind = IpcKind::kWrapRenewal;
  SessionId session;
  Epoch epoch;
  std::uint8_t rights = 0;
  WallTime not_after{};
  WrapBytes wrap{};
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.session, m.epoch, m.rights, m.not_after, m.wrap);
  }
};

// A new epoch without a new camera session (SSRC change, 24 h). The cache is emptied.
struct EpochBegin {
  static constexpr auto kKind = IpcKind::kEpochBegin;
  Epoch epoch;
  Secret32 content_key;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.epoch, m.content_key);
  }
};

// The key that the camera's session showed (KeyShown) may be used: it, and no other.
struct KeyAdmitted {
  static constexpr auto kKind = IpcKind::kKeyAdmitted;
  SessionId session;
  std::array<std::uint8_t, 32> stream_key{};
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.session, m.stream_key);
  }
};

struct PatchOffer {
  static constexpr auto kKind = IpcKind::kPatchOffer;
  Ticket ticket;
  SessionId session;
  ShortText if_match;
  SdpText fragment;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.session, m.if_match, m.fragment);
  }
};

struct SessionEnd {
  static constexpr auto kKind = IpcKind::kSessionEnd;
  SessionId session;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.session);
  }
};

// Erase the content key and every picture, end every session, take no more until restarted.
struct Suspend {
  static constexpr auto kKind = IpcKind::kSuspend;
  template <class Self, class Visitor>
  static void Fields(Self&, Visitor&) {}
};

// ---------------------------------------------------------------- lane -> keeper

// SSRCs of one camera's session: two streams, each with its RTX.
constexpr std::size_t kMaxSources = 8;
using SourceIds = BoundedList<std::uint32_t, kMaxSources>;

struct LaneReady {
  static constexpr auto kKind = IpcKind::kLaneReady;
  std::uint16_t udp_port = 0;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.udp_port);
  }
};

// The camera's session exists in `epoch`. Viewers of the session before stay attached: the keeper
// renews the wrap of each.
struct PublishAnswer {
  static constexpr auto kKind = IpcKind::kPublishAnswer;
  Ticket ticket;
  SessionId session;
  Epoch epoch;
  ShortText etag;
  SdpText answer;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.session, m.epoch, m.etag, m.answer);
  }
};

// The handshake with the camera is over, and its end is held back until KeyAdmitted or SessionEnd.
struct KeyShown {
  static constexpr auto kKind = IpcKind::kKeyShown;
  SessionId session;
  Keying keying = Keying::kDtls;
  std::array<std::uint8_t, 32> public_key{};  // SHA-256 of its certificate's (ports/dtls.h); zeros: SDES
  std::array<std::uint8_t, 32> stream_key{};  // gate::DigestOf the key that it sends with
  SourceIds sources;                          // SSRCs that its offer declared
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.session, m.keying, m.public_key, m.stream_key, m.sources);
  }
};

// The SSRCs under which the camera's session sends, as they stand now: at each change.
struct SourcesSeen {
  static constexpr auto kKind = IpcKind::kSourcesSeen;
  SessionId session;
  SourceIds sources;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.session, m.sources);
  }
};

struct ViewerParsed {
  static constexpr auto kKind = IpcKind::kViewerParsed;
  Ticket ticket;
  SessionId session;
  std::array<std::uint8_t, 32> fingerprint{};
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.session, m.fingerprint);
  }
};

struct ViewerAnswer {
  static constexpr auto kKind = IpcKind::kViewerAnswer;
  Ticket ticket;
  SessionId session;
  ShortText etag;
  SdpText answer;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.session, m.etag, m.answer);
  }
};

// 204 (fragment empty) or 200 with the answering fragment.
struct PatchAnswer {
  static constexpr auto kKind = IpcKind::kPatchAnswer;
  Ticket ticket;
  SessionId session;
  ShortText etag;
  SdpText fragment;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.session, m.etag, m.fragment);
  }
};

enum class SessionEndReason : std::uint8_t {
  kAsked,           // DELETE, or the keeper said so
  kClosedByPeer,    // DTLS close_notify or BYE
  kConsentExpired,  // no authenticated check for 15 s
  kHandshakeFailed,
  kHandshakeTimeout,
  kReplaced,   // the camera published anew
  kGrantLost,  // no wrap for the current epoch
  kLimit,
  kTooLate,     // what the camera sends has arrived too late for 20 s
  kKeyRefused,  // the camera's key is none (a constant, a published one), or not the one vouched for
  kCount
};

struct SessionEnded {
  static constexpr auto kKind = IpcKind::kSessionEnded;
  SessionId session;
  SessionEndReason reason = SessionEndReason::kAsked;
  std::uint64_t frames = 0;  // taken from the camera, or given to the viewer
  std::uint64_t packets = 0;
  std::uint64_t lost = 0;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.session, m.reason, m.frames, m.packets, m.lost);
  }
};

// "[2001:db8::1%eth0]:65535" and shorter.
using AddressText = BoundedText<64>;

// Twice a second, and at once when the state changes.
// How one viewer's leg does, as its own receiver reports say (RFC 3550 6.4.2).
struct ViewerLeg {
  SessionId session;
  std::uint32_t delivered_kbit = 0;  // what arrived lately; 0: not yet known
  std::uint32_t limit_kbit = 0;      // what it is thought to carry; 0: no limit has shown
  std::uint32_t round_trip_us = 0;   // 0: not measured
  std::uint32_t loss_permille = 0;   // of the last report
  std::uint32_t jitter_us = 0;       // the same
  std::uint64_t packets = 0;
  std::uint64_t resent = 0;
  std::uint64_t skipped = 0;  // frames, because the leg carries less than the stream
  AddressText network{};      // where the viewer is
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.session, m.delivered_kbit, m.limit_kbit, m.round_trip_us, m.loss_permille, m.jitter_us, m.packets,
      m.resent, m.skipped, m.network);
  }
};
// As many as the configuration may allow (camera.max_viewers).
constexpr std::size_t kMaxLegs = 256;

struct LaneStatus {
  static constexpr auto kKind = IpcKind::kLaneStatus;
  Epoch epoch;
  CameraState state = CameraState::kUnavailable;
  UnavailableReason reason = UnavailableReason::kNone;
  std::uint32_t picture_age_ms = 0xffffffff;
  std::uint32_t fps_milli = 0;
  std::uint32_t bitrate_kbit = 0;
  std::uint32_t loss_permille = 0;
  std::uint32_t jitter_us = 0;     // of the camera's pictures, or of its sound when there are none
  std::uint32_t hub_delay_us = 0;  // p99 of the last second: last packet in to last packet out
  std::uint32_t viewers = 0;
  std::uint64_t frames_in = 0;
  std::uint64_t packets_in = 0;
  std::uint64_t packets_out = 0;
  std::uint64_t cache_bytes = 0;
  std::uint64_t cache_frames = 0;
  std::uint64_t keyframe_requests = 0;
  // Repair of the camera's leg.
  std::uint32_t hold_ms = 0;        // how long a hole may hold the line at present
  std::uint32_t round_trip_us = 0;  // 0: not measured
  std::uint32_t told_kbit = 0;      // what the camera is told that it may send; 0: nothing is told
  std::uint64_t packets_asked = 0;  // numbers that were asked for again, in all
  std::uint64_t packets_lost = 0;   // numbers given up, in all
  std::uint64_t frames_too_fast = 0;
  // Repair of the viewers' legs, all together.
  std::uint64_t packets_resent = 0;
  std::uint64_t frames_skipped = 0;  // because a leg carries less than the stream
  std::array<std::uint64_t, kDropReasonCount> drops{};
  BoundedList<ViewerLeg, kMaxLegs> legs;  // of those who are connected
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.epoch, m.state, m.reason, m.picture_age_ms, m.fps_milli, m.bitrate_kbit, m.loss_permille, m.jitter_us,
      m.hub_delay_us, m.viewers, m.frames_in, m.packets_in, m.packets_out, m.cache_bytes, m.cache_frames,
      m.keyframe_requests, m.hold_ms, m.round_trip_us, m.told_kbit, m.packets_asked, m.packets_lost,
      m.frames_too_fast, m.packets_resent, m.frames_skipped, m.drops, m.legs);
  }
};

// The camera changed its SSRC under the same authenticated key.
struct EpochWanted {
  static constexpr auto kKind = IpcKind::kEpochWanted;
  Epoch current;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.current);
  }
};

// A sealed frame did not open: our own fault by definition. One is enough to suspend the camera.
struct OpenFailed {
  static constexpr auto kKind = IpcKind::kOpenFailed;
  SessionId session;
  Epoch epoch;
  FrameNumber frame;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.session, m.epoch, m.frame);
  }
};

}  // namespace latchkey::wire
