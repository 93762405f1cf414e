// What the keeper wants done: drained and carried out, in order, after each input.
#pragma once

#include <string>
#include <variant>

#include "daemon/base/ids.h"
#include "daemon/keeper/audit_book.h"
#include "daemon/ports/store.h"
#include "daemon/wire/ipc_messages.h"

namespace latchkey::keeper {

struct ToFront {
  wire::KeeperToFront message;
};
struct ToLane {
  CameraId camera;
  wire::KeeperToLane message;
};
// A camera was added: its lane is to run from now on.
struct StartLane {
  CameraId camera;
};
// A camera was removed: its lane ends and stays ended.
struct StopLane {
  CameraId camera;
};
// Ends and starts again on purpose, without back-off.
struct RestartLane {
  CameraId camera;
};
// It said what the table does not allow, or says nothing any more: ended, and started again with back-off.
struct EndLane {
  CameraId camera;
  std::string why;
};
struct EndFront {
  std::string why;
};
// Something a person should find in the log, without names and secrets.
struct Notice {
  std::string text;
  CameraId camera;  // null: none in particular
};

// Suspensions are to be written: Keeper::KeepSuspensions(). Whoever is told of them was told before this.
struct KeepSuspensions {};

// Onto the disk, and then Keeper::HandleAuditWritten(). One at a time.
struct WriteAudit {
  AuditBatch batch;
};

// How far a sender may have come under an enrolled key: onto the disk, in the order in which it is asked, and
// then Keeper::HandleIndexReserved(). Nobody waits for it meanwhile.
struct ReserveIndex {
  CameraId camera;
  SessionId session;
  ports::SealedSdesKey key{};
  ports::SourceFloor source;
};

// The log's record of this number is to be read, for Keeper::HandleHeadRead().
struct ReadHead {
  ports::AuditHead head;
};

using Effect = std::variant<ToFront, ToLane, StartLane, StopLane, RestartLane, EndLane, EndFront, Notice,
                            KeepSuspensions, WriteAudit, ReserveIndex, ReadHead>;

}  // namespace latchkey::keeper
