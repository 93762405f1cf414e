#include "daemon/keeper/program.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "daemon/base/check.h"
#include "daemon/base/secret.h"
#include "daemon/keeper/control.h"
#include "daemon/keeper/program_questions.h"
#include "daemon/wire/ipc_exit.h"
#include "platform/loop/clock.h"
#include "platform/process/service_manager.h"

namespace latchkey::keeper {
namespace {

std::string NameOf(ChildId id) {
  return id ? "lane" : "front";
}

}  // namespace

Program::Program(platform::Loop& loop, platform::Logger& log, ProgramOptions options, Keeper& keeper,
                 AuditBook& book, ports::Crypto& crypto, ports::RegistryStore& store,
                 std::unique_ptr<platform::SqliteAudit> audit)
    : loop_(loop),
      log_(log),
      options_(std::move(options)),
      keeper_(keeper),
      book_(book),
      audit_(loop, log, std::move(audit), options_.audit_path, options_.config.audit, crypto,
             {[this](bool written) {
                keeper_.HandleAuditWritten(written, platform::MonotonicNow(), platform::WallNow());
                CarryOut();
              },
              // Its effects are carried out with the next ones: the disk is about to be used.
              [this](const ports::AuditRecord& last) {
                return keeper_.HandleAuditCut(last, platform::MonotonicNow(), platform::WallNow());
              },
              [this](const std::string& why) {
                keeper_.HandleLogBroken(why, platform::MonotonicNow(), platform::WallNow());
                CarryOut();
              }}),
      indices_(
          loop,
          [&store](const ReserveIndex& wanted) {
            return store.ReserveIndex(wanted.camera, wanted.key, wanted.source);
          },
          [this](const ReserveIndex& wanted, const Status& status) {
            keeper_.HandleIndexReserved(wanted, status, platform::MonotonicNow(), platform::WallNow());
            CarryOut();
          }),
      timer_(loop, [this] { OnTimer(); }),
      grace_(loop, [this] {
        for (auto& [serial, running] : running_) running.child->Kill("it did not end by itself");
      }) {}

// While the log ends in a stop, the registry may not change: a log that ends so and tells of fewer changes
// was put back from a backup (CheckTurn).
Status Program::WriteBeginning() {
  keeper_.HandleStart(started_, platform::WallNow());
  const auto batch = book_.TakeBatch(started_);
  LATCHKEY_CHECK(batch.has_value());
  if (auto written = audit_.WriteNow(*batch); !written) {
    return Fail(written.error().code, options_.audit_path + ": " + written.error().message +
                                          (written.error().code == ErrorCode::kLimit
                                               ? ": the disk is full; free some space and start again"
                                               : " (nothing was changed)"));
  }
  keeper_.HandleAuditWritten(true, started_, platform::WallNow());
  return {};
}

Status Program::Start() {
  started_ = platform::MonotonicNow();
  if (auto begun = WriteBeginning(); !begun) return begun;
  const std::string path = options_.run_folder + "/control.sock";
  auto control = ControlServer::Start(
      loop_, log_, path,
      [this](std::string_view command, ControlServer::Reply reply) { OnCommand(command, std::move(reply)); });
  if (!control) {
    Finish();  // else the next start would take this for a crash
    return tl::unexpected(control.error());
  }
  control_ = std::move(*control);
  WarnOfAddresses();
  supervisor_.Add(std::nullopt, started_);
  audit_.CheckAll();
  CarryOut();
  return {};
}

void Program::OnCommand(std::string_view command, ControlServer::Reply reply) {
  const Instant now = platform::MonotonicNow();
  // What the disk answers may come when the connections are gone already.
  const auto later = [this, reply](std::string text) {
    if (!stopping_) reply(std::move(text));
  };
  if (AnswerAudit(keeper_, book_.public_key(), audit_, command, later)) return;
  just_added_.reset();
  std::string text =
      AnswerControl(keeper_, command, BaseUrl(), now, platform::WallNow(), [this] { CarryOut(); });
  CarryOut();
  // A child that could not be started before all was ready has ended everything, the asker's connection too.
  if (stopping_) return WipeText(text);
  if (!just_added_ && !TellsOfSuspension(text)) return reply(std::move(text));
  // From now on: the disk may have taken long.
  waiting_.push_back(
      {just_added_, platform::MonotonicNow() + kAnswerPatience, std::move(text), std::move(reply)});
  CarryOut();
}

void Program::AnswerWaiting() {
  const Instant now = platform::MonotonicNow();
  std::erase_if(waiting_, [&](Waiting& w) {
    const auto not_dark = keeper_.NotDark();
    const bool done = w.camera ? keeper_.LaneReady(*w.camera) : !not_dark;
    if (now < w.until && !done) return false;
    const auto* camera = w.camera ? keeper_.registry().FindCamera(*w.camera) : nullptr;
    if (camera != nullptr && camera->enrolment)
      w.text = AddSdesPort(std::move(w.text), camera->enrolment->port);
    if (!done && !w.camera) w.text = NotDarkReply(w.text, keeper_.registry().FindCamera(*not_dark)->name);
    w.reply(std::move(w.text));
    return true;
  });
}

void Program::Shutdown() {
  if (stopping_) return;
  stopping_ = true;
  platform::NotifyServiceManager("STOPPING=1");
  for (Waiting& w : waiting_) WipeText(w.text);
  waiting_.clear();
  control_.reset();
  timer_.Stop();
  for (auto& [serial, running] : running_) {
    running.leaving = true;
    running.child->Send(wire::EncodeIpc(wire::Shutdown{}));
  }
  grace_.StartAfter(kShutdownGrace);
  if (running_.empty()) loop_.Stop();
}

void Program::FailStart(const std::string& why) {
  if (!failure_) failure_ = why;
  Shutdown();
}

void Program::CarryOut() {
  if (stopping_) return;
  StartDue();
  for (auto effects = keeper_.TakeEffects(); !effects.empty() && !stopping_;
       effects = keeper_.TakeEffects()) {
    for (Effect& effect : effects) {
      std::visit([this](auto& e) { Do(e); }, effect);
    }
    StartDue();
  }
  if (stopping_) return;
  SayReady();
  AnswerWaiting();
  Instant next = keeper_.NextTimeout();
  if (const auto start = supervisor_.NextStart()) next = std::min(next, *start);
  for (const Waiting& w : waiting_) next = std::min(next, w.until);
  timer_.StartAt(next);
}

void Program::OnTimer() {
  keeper_.HandleTimeout(platform::MonotonicNow(), platform::WallNow());
  audit_.Maintain(platform::MonotonicNow(), platform::WallNow());
  if (options_.identity.Refresh(log_, platform::MonotonicNow(), platform::WallNow())) {
    keeper_.SetHttpIdentity(options_.identity.Get());
    // Pages and cameras come back to the new one by themselves; who sends and who watches is not touched.
    supervisor_.ExpectEnd(std::nullopt);
    if (Child* front = Current(std::nullopt)) front->Kill("its certificate was renewed");
  }
  CarryOut();
}

void Program::StartDue() {
  for (const ChildId id : supervisor_.TakeDue(platform::MonotonicNow())) {
    if (!stopping_) StartChild(id);
  }
}

void Program::StartChild(ChildId id) {
  const std::uint64_t serial = next_serial_++;
  Child::Handlers handlers;
  handlers.on_record = [this, serial](ByteView record) { OnRecord(serial, record); };
  handlers.on_end = [this, serial](const platform::ChildExit& exit, const std::string& how) {
    OnEnd(serial, exit, how);
  };
  const std::string program = id ? "latchkey-lane" : "latchkey-front";
  auto child = Child::Start(loop_, program, id ? LaneArguments(*id) : std::vector<std::string>{},
                            // A lane without a channel can't be told to suspend: it goes at once.
                            id ? Duration() : kShutdownGrace, std::move(handlers));
  const Instant now = platform::MonotonicNow();
  if (!child) {
    if (!said_ready_) return FailStart("cannot start " + program + ": " + child.error().message);
    log_.Error("cannot start a child", {{"program", program}, {"error", child.error().message}});
    supervisor_.HandleEnd(id, now);
    return;
  }
  log_.Debug("started",
             {{"what", NameOf(id)}, {"pid", (*child)->pid()}, {"camera", id.value_or(CameraId())}});
  running_.emplace(serial, Running{id, std::move(*child), false});
  current_[id] = serial;
  supervisor_.HandleStart(id, now);
  if (id) {
    keeper_.HandleLaneStart(*id, now);
  } else {
    keeper_.HandleFrontStart(now);
  }
}

Child* Program::Current(ChildId id) {
  const auto at = current_.find(id);
  return at == current_.end() ? nullptr : running_.at(at->second).child.get();
}

void Program::OnRecord(std::uint64_t serial, ByteView record) {
  const auto at = running_.find(serial);
  // Its process has ended, but something that it left behind still holds the channel.
  if (at == running_.end()) return;
  Running& running = at->second;
  if (running.leaving) return;
  const Instant now = platform::MonotonicNow();
  const WallTime wall = platform::WallNow();
  bool understood = false;
  if (running.id) {
    auto message = wire::DecodeIpc<wire::LaneToKeeper>(record);
    understood = message.has_value();
    if (message) keeper_.HandleLane(*running.id, std::move(*message), now, wall);
  } else {
    auto message = wire::DecodeIpc<wire::FrontToKeeper>(record);
    understood = message.has_value();
    if (message) keeper_.HandleFront(std::move(*message), now, wall);
  }
  if (!understood) {
    running.leaving = true;
    running.child->Kill("it sent what the table does not allow");
  }
  CarryOut();
}

void Program::OnEnd(std::uint64_t serial, const platform::ChildExit& exit, const std::string& how) {
  const auto at = running_.find(serial);
  const ChildId id = at->second.id;
  loop_.DeleteLater(std::move(at->second.child));
  running_.erase(at);
  if (stopping_) {
    if (running_.empty()) loop_.Stop();
    return;
  }
  const auto current = current_.find(id);
  if (current == current_.end() || current->second != serial) return;
  current_.erase(current);
  if (!id && !said_ready_ && !keeper_.front_ready()) {
    // One that can't serve has told its reason; saying more would only bury it.
    const bool told = !exit.signalled && exit.code == wire::kFrontExitCannotServe;
    return FailStart(told ? "" : "the front could not start: " + how);
  }
  log_.Warning("a child ended", {{"what", NameOf(id)}, {"how", how}, {"camera", id.value_or(CameraId())}});
  const Instant now = platform::MonotonicNow();
  supervisor_.HandleEnd(id, now);
  if (id) {
    keeper_.HandleLaneEnd(*id, now);
  } else {
    keeper_.HandleFrontEnd(now);
  }
  CarryOut();
}

void Program::Do(ToFront& effect) {
  if (Child* child = Current(std::nullopt)) child->Send(wire::EncodeIpcVariant(effect.message));
}

void Program::Do(ToLane& effect) {
  if (Child* child = Current(effect.camera)) child->Send(wire::EncodeIpcVariant(effect.message));
}

void Program::Do(const KeepSuspensions&) {
  keeper_.KeepSuspensions(platform::MonotonicNow(), platform::WallNow());
}

void Program::Do(WriteAudit& effect) {
  audit_.Write(std::move(effect.batch));
}

void Program::Do(const ReserveIndex& effect) {
  indices_.Write(effect);
}

void Program::Do(const ReadHead& effect) {
  const auto question = [number = effect.head.number](platform::SqliteAudit& log) {
    const auto record = log.Find(number);
    return record && *record ? internal::HexEncode((*record)->hash) : std::string();
  };
  const auto answer = [this, head = effect.head](const std::optional<std::string>& text) {
    ports::AuditHash hash{};
    const bool found = text && internal::HexDecodeExact(*text, hash);
    keeper_.HandleHeadRead(head, found ? std::optional(hash) : std::nullopt, platform::MonotonicNow(),
                           platform::WallNow());
    CarryOut();
  };
  // A page that comes back asks again.
  (void)audit_.Ask(question, answer);
}

void Program::Finish() {
  // The log's end tells the registry's last turn.
  indices_.Stop();
  keeper_.HandleStop(platform::MonotonicNow(), platform::WallNow());
  platform::SqliteAudit& store = audit_.Stop();
  Status written;
  if (const auto last = store.Last(); !last) {
    written = tl::unexpected(last.error());
  } else if (const auto rest = book_.TakeRest(*last ? (*last)->number : 0)) {
    written = store.Append(rest->records, rest->head);
  }
  if (!written)
    log_.Error("the end of the audit log could not be written", {{"error", written.error().message}});
}

void Program::Do(const StartLane& effect) {
  supervisor_.Add(effect.camera, platform::MonotonicNow());
  just_added_ = effect.camera;
}

void Program::Do(const StopLane& effect) {
  supervisor_.Remove(effect.camera);
  ports_.erase(effect.camera);
  const auto at = current_.find(effect.camera);
  if (at == current_.end()) return;
  Running& running = running_.at(at->second);
  running.leaving = true;
  current_.erase(at);
  running.child->Kill("its camera was removed");
}

void Program::Do(const RestartLane& effect) {
  supervisor_.ExpectEnd(effect.camera);
  if (Child* child = Current(effect.camera)) child->Kill("restarted on purpose");
}

void Program::Do(const EndLane& effect) {
  log_.Error("a lane broke the protocol", {{"why", effect.why}, {"camera", effect.camera}});
  Silence(effect.camera, effect.why);
}

void Program::Do(const EndFront& effect) {
  log_.Error("the front broke the protocol", {{"why", effect.why}});
  Silence(std::nullopt, effect.why);
}

void Program::Silence(ChildId id, const std::string& why) {
  const auto at = current_.find(id);
  if (at == current_.end()) return;
  Running& running = running_.at(at->second);
  running.leaving = true;
  running.child->Kill(why);
}

void Program::Do(const Notice& effect) {
  log_.Warning(effect.text, {{"camera", effect.camera}});
}

void Program::SayReady() {
  if (said_ready_ || !keeper_.front_ready()) return;
  const bool patient = platform::MonotonicNow() - started_ < kReadyPatience;
  if (!keeper_.AllReady() && patient) return;
  if (!patient) log_.Warning("ready, but for some of the lanes");
  said_ready_ = true;
  std::printf("latchkeyd: ready %s\n", BaseUrl().c_str());
  (void)std::fflush(stdout);
  platform::NotifyServiceManager("READY=1");
}

}  // namespace latchkey::keeper
