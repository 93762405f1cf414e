// latchkeyd as a program: carries out what keeper and supervisor decide, with real processes and sockets.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/keeper/config.h"
#include "daemon/keeper/keeper.h"
#include "daemon/keeper/program_audit.h"
#include "daemon/keeper/program_child.h"
#include "daemon/keeper/program_control.h"
#include "daemon/keeper/program_identity.h"
#include "daemon/keeper/program_indices.h"
#include "daemon/keeper/supervisor.h"
#include "platform/log/log.h"
#include "platform/loop/loop.h"
#include "platform/loop/timer.h"

namespace latchkey::keeper {

// Children get so long to end by themselves; then they are killed.
constexpr Duration kShutdownGrace = milliseconds(1500);
// Lanes that are not ready by then don't keep the hub from saying that it is.
constexpr Duration kReadyPatience = seconds(10);
// `camera add` is answered when the new lane is ready, so that the camera may come at once; `suspend` when
// every lane that it means has stopped (one that does not is killed much sooner: kDarkPatience). Or after
// this.
constexpr Duration kAnswerPatience = seconds(2);

struct ProgramOptions {
  bool loopback = false;
  std::string run_folder;
  std::string audit_path;
  ProgramIdentity identity;
  Config config;
};

// Whether there is an address to be reached at, or what to do. To be asked before anything is made on disk.
[[nodiscard]] Status CheckReach(const ProgramOptions& options);

// Where the LAN reaches the hub: media.addresses, or this machine's local ones.
[[nodiscard]] std::vector<IpAddress> LanAddresses(const Config& config);

class Program {
 public:
  Program(platform::Loop& loop, platform::Logger& log, ProgramOptions options, Keeper& keeper,
          AuditBook& book, ports::Crypto& crypto, ports::RegistryStore& store,
          std::unique_ptr<platform::SqliteAudit> audit);
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Binds the control socket and starts the children.
  Status Start();
  // Clean end; the loop stops when all children are gone.
  void Shutdown();
  // When the loop has stopped: the last records go to the disk.
  void Finish();
  // Why the program ended by itself, or "" when that has been said; nothing: it was asked to.
  [[nodiscard]] const std::optional<std::string>& failure() const { return failure_; }

 private:
  struct Running {
    ChildId id;
    std::unique_ptr<Child> child;
    bool leaving = false;  // nothing it says counts any more
  };

  // A new camera's answer, waiting for its lane.
  struct Waiting {
    std::optional<CameraId> camera;  // that has just been added; nothing: for lanes to suspend
    Instant until{};
    std::string text;
    ControlServer::Reply reply;
  };

  [[nodiscard]] Status WriteBeginning();
  void OnCommand(std::string_view command, ControlServer::Reply reply);
  void AnswerWaiting();
  // Everything that was decided is done, and the next moment to decide is set.
  void CarryOut();
  void Do(ToFront& effect);
  void Do(ToLane& effect);
  void Do(const StartLane& effect);
  void Do(const StopLane& effect);
  void Do(const RestartLane& effect);
  void Do(const EndLane& effect);
  void Do(const EndFront& effect);
  void Do(const Notice& effect);
  void Do(const KeepSuspensions& effect);
  void Do(WriteAudit& effect);
  void Do(const ReserveIndex& effect);
  void Do(const ReadHead& effect);

  void StartDue();
  void StartChild(ChildId id);
  void OnRecord(std::uint64_t serial, ByteView record);
  void OnEnd(std::uint64_t serial, const platform::ChildExit& exit, const std::string& how);
  void OnTimer();
  void SayReady();
  void FailStart(const std::string& why);

  [[nodiscard]] std::vector<std::string> LaneArguments(CameraId camera);
  [[nodiscard]] std::uint16_t PortOf(CameraId camera);
  [[nodiscard]] std::string BaseUrl() const;
  void WarnOfAddresses();
  Child* Current(ChildId id);
  // Ends it; what it has said meanwhile is not heard any more.
  void Silence(ChildId id, const std::string& why);

  platform::Loop& loop_;
  platform::Logger& log_;
  ProgramOptions options_;
  Keeper& keeper_;
  AuditBook& book_;
  Supervisor supervisor_;
  std::map<std::uint64_t, Running> running_;
  std::map<ChildId, std::uint64_t> current_;
  std::map<CameraId, std::uint16_t> ports_;  // LAN: one for each camera while it is enrolled
  std::uint64_t next_serial_ = 1;
  std::unique_ptr<ControlServer> control_;
  std::vector<Waiting> waiting_;        // at most one for each camera, and for each suspension
  std::optional<CameraId> just_added_;  // by the command being carried out
  AuditDisk audit_;
  IndexDisk indices_;
  platform::Timer timer_;
  platform::Timer grace_;
  Instant started_{};
  bool said_ready_ = false;
  bool stopping_ = false;
  std::optional<std::string> failure_;
};

}  // namespace latchkey::keeper
