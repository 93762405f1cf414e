// Numbers and values that the messages between the processes share. See daemon/PROTOCOL.md.
#pragma once

#include <array>
#include <cstdint>

#include "daemon/base/counters.h"
#include "daemon/base/ids.h"
#include "daemon/base/secret.h"
#include "daemon/base/time.h"
#include "daemon/wire/ipc.h"

namespace latchkey::wire {

// Numbers on the wire: append only, never reuse.
enum class IpcKind : std::uint8_t {
  // front -> keeper
  kFrontReady = 1,
  kPublishRequest = 2,
  kViewRequest = 3,
  kViewProof = 4,
  kPatchRequest = 5,
  kDeleteRequest = 6,
  kListRequest = 7,
  kSubscribe = 8,
  kUnsubscribe = 9,
  kCancel = 10,
  kMetricsRequest = 11,
  kTokenGuessed = 12,
  // keeper -> front
  kFrontConfig = 32,
  kAnswered = 33,
  kRefused = 34,  // also lane -> keeper
  kGranted = 35,
  kDone = 36,
  kCameraList = 37,
  kMetrics = 38,
  kShutdown = 39,  // also keeper -> lane
  // keeper -> lane
  kLaneConfig = 64,
  kPublishOffer = 65,
  kViewerOffer = 66,
  kViewerAdmit = 67,
  kWrapRenewal = 68,
  kEpochBegin = 69,
  kPatchOffer = 70,
  kSessionEnd = 71,
  kSuspend = 72,
  kKeyAdmitted = 73,
  kSdesBegin = 74,
  kIndexReserved = 75,
  // lane -> keeper
  kLaneReady = 96,
  kPublishAnswer = 97,
  kViewerParsed = 98,
  kViewerAnswer = 99,
  kPatchAnswer = 100,
  kSessionEnded = 101,
  kLaneStatus = 102,
  kEpochWanted = 103,
  kOpenFailed = 104,
  kKeyShown = 105,
  kSourcesSeen = 106,
  kIndexWanted = 107,
};

// What a person is told of a camera.
enum class CameraState : std::uint8_t {
  kUnavailable,  // no camera session, or no fresh frame: "currently unavailable"
  kConnecting,   // a camera session exists, no whole picture yet
  kLive,         // fresh frames
  kStale,        // the last picture is at most 2 s old
  kSuspended,
  kCount
};
// Why not live.
enum class UnavailableReason : std::uint8_t {
  kNone,
  kCameraOffline,     // no session: the camera is off or out of reach
  kNoMedia,           // session, but no packets
  kNoKeyframe,        // packets, but no decodable picture
  kUnsupportedMedia,  // B-frames or a codec that can't be shown
  kTooFast,           // far more than the camera was told to send; whole frames are dropped
  kTooLate,           // pictures arrive too late to be shown: the network, or a clock that stood still
  kLaneRestarting,
  kSuspended,
  kKeyRefused,  // the camera's key is another camera's, was used before, or is not the pinned one
  kUnrecorded,  // the audit log can't be written
  kReplayed,    // what comes under the camera's enrolled key was sent before
  kCount
};

// How a camera's session came by its SRTP key (DESIGN section 4a).
enum class Keying : std::uint8_t {
  kDtls,      // RFC 5764, under the certificate of the authorised offer
  kSdes,      // RFC 4568, in the authorised offer
  kEnrolled,  // the hub made it and showed it to the owner once
  kCount
};

// A signed head of the audit log as text (audit/chain.h); empty: none.
using HeadText = BoundedText<320>;

// A certificate in PEM, and those that vouch for it.
constexpr std::size_t kMaxCertificate = 32 * 1024;

// {request, principal} of a question and of its reply.
struct Ticket {
  RequestId request;
  PrincipalId principal;
  friend bool operator==(const Ticket&, const Ticket&) = default;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.request, m.principal);
  }
};

// A wrapped content key: AES-256-GCM(derived key, CK), nonce in front. Additional data: WrapContext
// in access/grant.h.
constexpr std::size_t kWrapSize = 12 + 32 + 16;
using WrapBytes = std::array<std::uint8_t, kWrapSize>;

// Rights, as a bit set.
enum class Rights : std::uint8_t { kLive = 1, kStill = 2, kListen = 4, kTalk = 8, kCount = 16 };

// End cleanly: close sessions, then exit 0.
struct Shutdown {
  static constexpr auto kKind = IpcKind::kShutdown;
  template <class Self, class Visitor>
  static void Fields(Self&, Visitor&) {}
};

}  // namespace latchkey::wire
