// Every message between the processes, by channel and direction. daemon/PROTOCOL.md tells the
// conversations; this file is what the compiler holds both ends to.
#pragma once

#include <array>
#include <cstdint>
#include <variant>

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
  kLaneRestarting,
  kSuspended,
  kCount
};

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

// ---------------------------------------------------------------- front -> keeper

struct FrontReady {
  static constexpr auto kKind = IpcKind::kFrontReady;
  std::uint16_t http_port = 0;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.http_port);
  }
};

// POST /whip/{camera}.
struct PublishRequest {
  static constexpr auto kKind = IpcKind::kPublishRequest;
  Ticket ticket;
  CameraId camera;
  Secret32 token;
  SdpText offer;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.camera, m.token, m.offer);
  }
};

// POST /whep/{camera}.
struct ViewRequest {
  static constexpr auto kKind = IpcKind::kViewRequest;
  Ticket ticket;
  CameraId camera;
  Secret32 token;
  SdpText offer;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.camera, m.token, m.offer);
  }
};

// The front's half of a grant: the key it derived from the token of this very request.
struct ViewProof {
  static constexpr auto kKind = IpcKind::kViewProof;
  Ticket ticket;
  SessionId session;
  WrapBytes wrap{};
  Secret32 derived_key;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.session, m.wrap, m.derived_key);
  }
};

// PATCH /session/{id}: trickle or restart (RFC 9725 4.3).
struct PatchRequest {
  static constexpr auto kKind = IpcKind::kPatchRequest;
  Ticket ticket;
  SessionId session;
  Secret32 token;
  ShortText if_match;  // as received; empty: the header is missing
  SdpText fragment;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.session, m.token, m.if_match, m.fragment);
  }
};

struct DeleteRequest {
  static constexpr auto kKind = IpcKind::kDeleteRequest;
  Ticket ticket;
  SessionId session;
  Secret32 token;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.session, m.token);
  }
};

// GET /api/v1/cameras.
struct ListRequest {
  static constexpr auto kKind = IpcKind::kListRequest;
  Ticket ticket;
  Secret32 token;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.token);
  }
};

// A page's WebSocket. Answered by CameraList under the same ticket, at once and after each change,
// until Unsubscribe. The token is checked again for each (invariant 4): the keeper keeps its hash.
struct Subscribe {
  static constexpr auto kKind = IpcKind::kSubscribe;
  Ticket ticket;
  Secret32 token;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.token);
  }
};
struct Unsubscribe {
  static constexpr auto kKind = IpcKind::kUnsubscribe;
  Ticket ticket;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket);
  }
};
// The client went away: whatever this question started is undone, its reply goes nowhere.
struct Cancel {
  static constexpr auto kKind = IpcKind::kCancel;
  Ticket ticket;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket);
  }
};
struct MetricsRequest {
  static constexpr auto kKind = IpcKind::kMetricsRequest;
  Ticket ticket;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket);
  }
};

// ---------------------------------------------------------------- keeper -> front

struct FrontConfig {
  static constexpr auto kKind = IpcKind::kFrontConfig;
  bool loopback = false;
  std::uint16_t http_port = 0;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.loopback, m.http_port);
  }
};

// 201 of a POST, 200 of a restart PATCH.
struct Answered {
  static constexpr auto kKind = IpcKind::kAnswered;
  Ticket ticket;
  SessionId session;
  ShortText etag;  // without quotes
  SdpText answer;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.session, m.etag, m.answer);
  }
};

// application/problem+json (RFC 9457). `detail` says what to do.
struct Refused {
  static constexpr auto kKind = IpcKind::kRefused;
  Ticket ticket;
  std::uint16_t http_status = 500;
  ShortText title;
  LongText detail;
  std::uint16_t retry_after_s = 0;  // 0: no Retry-After
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.http_status, m.title, m.detail, m.retry_after_s);
  }
};

// The keeper's half of a grant. The front derives the key from the request's token and `grant`, and
// sends both on as ViewProof.
struct Granted {
  static constexpr auto kKind = IpcKind::kGranted;
  Ticket ticket;
  SessionId session;
  GrantId grant;
  WrapBytes wrap{};
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.session, m.grant, m.wrap);
  }
};

// 204 of a trickle PATCH, 200 of a DELETE.
struct Done {
  static constexpr auto kKind = IpcKind::kDone;
  Ticket ticket;
  std::uint16_t http_status = 200;
  ShortText etag;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.http_status, m.etag);
  }
};

// One camera as a viewer sees it.
struct CameraView {
  CameraId id;
  BoundedText<64> name;
  CameraState state = CameraState::kUnavailable;
  UnavailableReason reason = UnavailableReason::kNone;
  LongText suspension;  // why it is suspended, in its owner's words; empty elsewhere
  std::uint32_t picture_age_ms = 0;  // of the newest whole frame in the cache; 0xffffffff: none
  std::uint32_t fps_milli = 0;
  std::uint32_t bitrate_kbit = 0;
  std::uint32_t loss_permille = 0;
  std::uint32_t hub_delay_us = 0;
  std::uint32_t viewers = 0;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.id, m.name, m.state, m.reason, m.suspension, m.picture_age_ms, m.fps_milli, m.bitrate_kbit,
      m.loss_permille, m.hub_delay_us, m.viewers);
  }
};

// The cameras that this principal's grants name right now, and no other.
struct CameraList {
  static constexpr auto kKind = IpcKind::kCameraList;
  Ticket ticket;
  BoundedList<CameraView, 64> cameras;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.cameras);
  }
};

struct Metrics {
  static constexpr auto kKind = IpcKind::kMetrics;
  Ticket ticket;
  BoundedText<kMaxSdp> text;  // Prometheus exposition format, without names of cameras or people
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.text);
  }
};

// End cleanly: close sessions, then exit 0.
struct Shutdown {
  static constexpr auto kKind = IpcKind::kShutdown;
  template <class Self, class Visitor>
  static void Fields(Self&, Visitor&) {}
};

// ---------------------------------------------------------------- keeper -> lane

// First message, once. A lane knows its camera by this and by nothing else.
struct LaneConfig {
  static constexpr auto kKind = IpcKind::kLaneConfig;
  CameraId camera;
  bool loopback = false;
  std::uint32_t cache_bytes = 0;        // bound of the sealed cache
  std::uint32_t cache_frames = 0;
  Duration cache_age{};
  std::uint32_t max_viewers = 0;
  std::uint32_t max_bitrate_kbit = 0;   // REMB ceiling towards the camera
  Duration stale_after{};               // live -> stale
  Duration unavailable_after{};         // stale -> unavailable (invariant 2)
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.camera, m.loopback, m.cache_bytes, m.cache_frames, m.cache_age, m.max_viewers,
      m.max_bitrate_kbit, m.stale_after, m.unavailable_after);
  }
};

// An authorised camera's offer and the epoch that its session begins.
struct PublishOffer {
  static constexpr auto kKind = IpcKind::kPublishOffer;
  Ticket ticket;
  SessionId session;
  Epoch epoch;
  Secret32 content_key;
  SdpText offer;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.session, m.epoch, m.content_key, m.offer);
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
  kReplaced,        // the camera published anew
  kGrantLost,       // no wrap for the current epoch
  kLimit,
  kCount
};

struct SessionEnded {
  static constexpr auto kKind = IpcKind::kSessionEnded;
  SessionId session;
  SessionEndReason reason = SessionEndReason::kAsked;
  std::uint64_t frames = 0;   // taken from the camera, or given to the viewer
  std::uint64_t packets = 0;
  std::uint64_t lost = 0;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.session, m.reason, m.frames, m.packets, m.lost);
  }
};

// Twice a second, and at once when the state changes.
struct LaneStatus {
  static constexpr auto kKind = IpcKind::kLaneStatus;
  Epoch epoch;
  CameraState state = CameraState::kUnavailable;
  UnavailableReason reason = UnavailableReason::kNone;
  std::uint32_t picture_age_ms = 0xffffffff;
  std::uint32_t fps_milli = 0;
  std::uint32_t bitrate_kbit = 0;
  std::uint32_t loss_permille = 0;
  std::uint32_t hub_delay_us = 0;  // p99 of the last second: last packet in to last packet out
  std::uint32_t viewers = 0;
  std::uint64_t frames_in = 0;
  std::uint64_t packets_in = 0;
  std::uint64_t packets_out = 0;
  std::uint64_t cache_bytes = 0;
  std::uint64_t cache_frames = 0;
  std::uint64_t keyframe_requests = 0;
  std::array<std::uint64_t, kDropReasonCount> drops{};
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.epoch, m.state, m.reason, m.picture_age_ms, m.fps_milli, m.bitrate_kbit, m.loss_permille,
      m.hub_delay_us, m.viewers, m.frames_in, m.packets_in, m.packets_out, m.cache_bytes,
      m.cache_frames, m.keyframe_requests, m.drops);
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

// ---------------------------------------------------------------- the table: who may say what to whom

using FrontToKeeper = std::variant<FrontReady, PublishRequest, ViewRequest, ViewProof, PatchRequest,
                                   DeleteRequest, ListRequest, Subscribe, Unsubscribe, Cancel, MetricsRequest>;
using KeeperToFront = std::variant<FrontConfig, Answered, Refused, Granted, Done, CameraList, Metrics, Shutdown>;
using KeeperToLane = std::variant<LaneConfig, PublishOffer, ViewerOffer, ViewerAdmit, WrapRenewal, EpochBegin,
                                  PatchOffer, SessionEnd, Suspend, Shutdown>;
using LaneToKeeper = std::variant<LaneReady, PublishAnswer, ViewerParsed, ViewerAnswer, PatchAnswer, Refused,
                                  SessionEnded, LaneStatus, EpochWanted, OpenFailed>;

}  // namespace latchkey::wire
