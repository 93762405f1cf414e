// Messages of the channel between front and keeper. See daemon/PROTOCOL.md.
#pragma once

#include <array>
#include <cstdint>

#include "daemon/base/counters.h"
#include "daemon/base/ids.h"
#include "daemon/base/secret.h"
#include "daemon/base/time.h"
#include "daemon/wire/ipc_types.h"

namespace latchkey::wire {

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
  HeadText head{};  // that the page kept
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.token, m.head);
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

// A token that the keeper refused with 401 came from there: for the audit log.
struct TokenGuessed {
  static constexpr auto kKind = IpcKind::kTokenGuessed;
  BoundedText<45> address;  // or the network that counts as one: its first 64 bits
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.address);
  }
};

// ---------------------------------------------------------------- keeper -> front

// What it answers to: names of the hub, as DNS names and IP literals in lower case. On the LAN with the
// certificate and its key in PEM; on loopback both are empty.
struct FrontConfig {
  static constexpr auto kKind = IpcKind::kFrontConfig;
  bool loopback = false;
  std::uint16_t http_port = 0;
  BoundedList<BoundedText<253>, 16> names;
  BoundedText<kMaxCertificate> certificate;
  SecretText key;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.loopback, m.http_port, m.names, m.certificate, m.key);
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
  LongText suspension;               // why it is suspended, in its owner's words; empty elsewhere
  std::uint32_t picture_age_ms = 0;  // of the newest whole frame in the cache; 0xffffffff: none
  std::uint32_t fps_milli = 0;
  std::uint32_t bitrate_kbit = 0;
  std::uint32_t loss_permille = 0;
  std::uint32_t hub_delay_us = 0;
  std::uint32_t viewers = 0;
  // Names of who else has a session with it, each once; of more, how many. Empty for who may not watch it.
  BoundedList<BoundedText<64>, 8> watched_by;
  std::uint32_t watched_by_more = 0;
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.id, m.name, m.state, m.reason, m.suspension, m.picture_age_ms, m.fps_milli, m.bitrate_kbit,
      m.loss_permille, m.hub_delay_us, m.viewers, m.watched_by, m.watched_by_more);
  }
};

// The cameras that this principal's grants name right now, and no other.
struct CameraList {
  static constexpr auto kKind = IpcKind::kCameraList;
  Ticket ticket;
  BoundedList<CameraView, 64> cameras;
  HeadText head{};  // of the audit log, to be kept by the page
  template <class Self, class Visitor>
  static void Fields(Self& m, Visitor& v) {
    v(m.ticket, m.cameras, m.head);
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

}  // namespace latchkey::wire
