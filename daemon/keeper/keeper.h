// The keeper as one machine: messages of front and lanes, commands of the owner and time come in, effects go
// out. It owns no socket, process, clock or random source.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/keeper/admission_desk.h"
#include "daemon/keeper/books.h"
#include "daemon/keeper/control_desk.h"
#include "daemon/keeper/front_desk.h"
#include "daemon/keeper/key_desk.h"
#include "daemon/keeper/lane_desk.h"
#include "daemon/keeper/page_desk.h"
#include "daemon/keeper/sdes_desk.h"
#include "daemon/keeper/suspension_desk.h"

namespace latchkey::keeper {

// Sessions and lanes are looked at so often.
constexpr Duration kTick = seconds(1);

// After each call: TakeEffects(), all of them, in order; then NextTimeout().
class Keeper {
 public:
  // Asks for a lane for each camera there is.
  Keeper(Registry& registry, AuditBook& audit, ports::Crypto& crypto, ports::Entropy& entropy,
         const Settings& settings);
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  // What the front is started with from now on.
  void SetHttpIdentity(HttpIdentity identity) { books_.http = std::move(identity); }

  // The daemon's start (recorded, and yet to be written) and its end, for the audit log.
  void HandleStart(Instant now, WallTime wall);
  void HandleStop(Instant now, WallTime wall);
  // How WriteAudit went: all of the batch is on disk, or none of it.
  void HandleAuditWritten(bool written, Instant now, WallTime wall);
  // How ReserveIndex went.
  void HandleIndexReserved(const ReserveIndex& wanted, const Status& status, Instant now, WallTime wall);
  // What the log has where a page's head says that it had something else, or nothing.
  void HandleHeadRead(const ports::AuditHead& head, const std::optional<ports::AuditHash>& found, Instant now,
                      WallTime wall);
  // The log was read from its beginning, and does not hold together: `why`.
  void HandleLogBroken(const std::string& why, Instant now, WallTime wall);
  // The records up to this one are to be cut off: the signed checkpoint of that.
  [[nodiscard]] ports::AuditHead HandleAuditCut(const ports::AuditRecord& last, Instant now, WallTime wall);

  // Processes. A message is of the process started last; none comes after its end.
  void HandleFrontStart(Instant now);
  void HandleFront(wire::FrontToKeeper message, Instant now, WallTime wall);
  void HandleFrontEnd(Instant now);
  void HandleLaneStart(CameraId camera, Instant now);
  void HandleLane(CameraId camera, wire::LaneToKeeper message, Instant now, WallTime wall);
  void HandleLaneEnd(CameraId camera, Instant now);

  // The owner's orders; Settle() afterwards.
  ControlDesk& control() { return control_; }
  void SetTime(Instant now, WallTime wall) { books_.SetTime(now, wall); }
  // The effect of the same name.
  void KeepSuspensions(Instant now, WallTime wall);
  void Settle(Instant now, WallTime wall);

  void HandleTimeout(Instant now, WallTime wall);
  [[nodiscard]] Instant NextTimeout() const;
  [[nodiscard]] std::vector<Effect> TakeEffects();

  // The front and every lane have been ready.
  [[nodiscard]] bool AllReady() const;
  [[nodiscard]] bool LaneReady(CameraId camera) const;
  // As SuspensionDesk::NotDark().
  [[nodiscard]] std::optional<CameraId> NotDark() const { return suspensions_.NotDark(); }
  [[nodiscard]] bool front_ready() const { return books_.front_ready; }
  // What the front binds, or has bound.
  [[nodiscard]] std::uint16_t http_port() const { return books_.settings.http_port; }
  [[nodiscard]] const HttpIdentity& http() const { return books_.http; }
  [[nodiscard]] const KeeperCounters& counters() const { return books_.counters; }
  [[nodiscard]] const Registry& registry() const { return books_.registry; }
  [[nodiscard]] const AuditBook& audit() const { return books_.audit; }
  [[nodiscard]] bool unrecorded() const { return books_.unrecorded; }
  [[nodiscard]] std::size_t questions() const { return books_.questions.size(); }
  [[nodiscard]] std::size_t sessions() const { return books_.sessions.size(); }
  [[nodiscard]] Epoch epoch(CameraId camera) const;

  // Sessions stand only at ready lanes with an epoch, viewers' wraps are of that epoch, each names a grant
  // of its own viewer and camera, and no table is over its bound. Checked after every call in tests.
  [[nodiscard]] bool IsConsistent() const;

 private:
  void EndOverdue(Instant now);
  // Views end when what happens can't be recorded, and may begin again when it can.
  void FollowAudit();
  void WriteAudit();

  Books books_;
  KeyDesk keys_;
  PageDesk pages_;
  SuspensionDesk suspensions_;
  AdmissionDesk admissions_;
  SdesDesk sdes_;
  FrontDesk front_;
  LaneDesk lanes_;
  ControlDesk control_;
  std::optional<Instant> last_tick_;
};

}  // namespace latchkey::keeper
