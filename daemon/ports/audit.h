// The audit log on disk: records are added at its end and never changed. Implemented with SQLite in
// platform/store.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "daemon/base/ids.h"
#include "daemon/base/result.h"
#include "daemon/base/time.h"
#include "daemon/ports/crypto.h"

namespace latchkey::ports {

using AuditLogId = Id<struct AuditLogTag>;
using AuditHash = Sha256Digest;
using Signature = std::array<std::uint8_t, 64>;

// Numbers on disk: append only, never reuse.
enum class AuditKind : std::uint8_t {
  kNone,
  kStarted,  // of the daemon: software and format versions, settings
  kStopped,
  kCameraAdded,
  kCameraRenamed,
  kCameraRemoved,
  kTokenRotated,
  kOwnerChanged,
  kPinChanged,
  kViewerAdded,
  kViewerRemoved,
  kGranted,
  kGrantRevoked,
  kKeyAdmitted,
  kKeyRefused,
  kEpochBegan,
  kPublisherEnded,
  kViewBegan,
  kViewMinute,  // of a view under way: packets, loss and jitter on each leg
  kViewEpoch,   // the view goes on in this epoch
  kViewEnded,
  kViewRefused,
  kSuspended,
  kResumed,
  kOpenFailed,
  kCheckFailed,  // an answer, a session or a wrap was somebody else's: a mix-up that was noticed
  kLaneEnded,    // by itself, or because it broke the protocol
  kFrontEnded,   // the same
  kTokensGuessed,
  kLogCut,       // by age or size: what the records before ended in
  kLogFailing,   // it could not be written for so long that views ended
  kRecordsLost,  // there was no room for so many while the disk could not be written
  kCount
};
// Of a view's way: the table of views is made of these, and of the daemon's start, which ends each.
[[nodiscard]] constexpr bool IsOfView(AuditKind kind) {
  return kind == AuditKind::kViewBegan || kind == AuditKind::kViewMinute || kind == AuditKind::kViewEpoch ||
         kind == AuditKind::kViewEnded;
}

// One record. `kind` is an AuditKind, or a number of a later version; ids that it is not about are null.
struct AuditRecord {
  std::uint64_t number = 0;  // from 1, without holes
  WallTime at{};
  std::uint8_t kind = 0;
  CameraId camera;
  ViewerId viewer;
  SessionId session;
  Epoch epoch;
  std::string body;  // JSON, one object
  AuditHash hash{};  // of this and, through it, of every record before (audit/chain.h)
};

// Where a log ends, or ended, signed by the log's own key.
struct AuditHead {
  AuditLogId log;
  std::uint64_t number = 0;  // 0: of an empty log
  AuditHash hash{};
  WallTime at{};
  Signature signature{};
};

// What a view's records come to.
struct AuditView {
  std::uint64_t number = 0;  // of its first record; orders views
  CameraId camera;
  ViewerId viewer;
  SessionId session;
  Epoch first_epoch;
  Epoch last_epoch;
  WallTime began{};
  std::optional<WallTime> ended;  // nothing: it goes on
  bool cut_short = false;         // the hub ended without a word meanwhile; it ended before `ended`
  std::uint64_t packets = 0;      // sent to the viewer
  // The worst of its minutes.
  std::uint32_t camera_loss_permille = 0;
  std::uint32_t viewer_loss_permille = 0;
  std::uint32_t camera_jitter_us = 0;
  std::uint32_t viewer_jitter_us = 0;
  std::string network;  // where the viewer was reached last: an address and a port

  friend bool operator==(const AuditView&, const AuditView&) = default;
};

// Errors: kLimit when the disk is full; kCorrupt for what can't be believed; kSystem for anything else of the
// disk's. After an error nothing has changed.
class AuditStore {
 public:
  AuditStore() = default;
  AuditStore(const AuditStore&) = delete;
  AuditStore& operator=(const AuditStore&) = delete;
  virtual ~AuditStore() = default;

  // The newest record, or nothing of an empty log.
  [[nodiscard]] virtual Result<std::optional<AuditRecord>> Last() = 0;
  [[nodiscard]] virtual Result<std::optional<AuditHead>> LastHead() = 0;
  // All of them and the head of the last, durably, or none.
  [[nodiscard]] virtual Status Append(std::span<const AuditRecord> records, const AuditHead& head) = 0;
  // Records before `first_kept` go; the head that was signed for the last of them stays as the checkpoint.
  [[nodiscard]] virtual Status Cut(std::uint64_t first_kept, const AuditHead& checkpoint) = 0;
};

// Ed25519 (RFC 8032) with one key.
class Signer {
 public:
  Signer() = default;
  Signer(const Signer&) = delete;
  Signer& operator=(const Signer&) = delete;
  virtual ~Signer() = default;

  using PublicKey = std::array<std::uint8_t, 32>;
  [[nodiscard]] virtual PublicKey public_key() const = 0;
  [[nodiscard]] virtual Signature Sign(ByteView data) = 0;
};

class Verifier {
 public:
  Verifier() = default;
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;
  virtual ~Verifier() = default;
  [[nodiscard]] virtual bool Verify(const Signer::PublicKey& key, ByteView data,
                                    const Signature& signature) = 0;
};

}  // namespace latchkey::ports
