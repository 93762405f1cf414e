// The audit log's disk: what the keeper wants written, read, checked and cut, beside the loop.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "daemon/keeper/audit_book.h"
#include "daemon/keeper/config.h"
#include "platform/log/log.h"
#include "platform/loop/background.h"
#include "platform/loop/loop.h"
#include "platform/store/sqlite_audit.h"

namespace latchkey::keeper {

// The log is looked at so often for what is to be cut off.
constexpr Duration kAuditCutPeriod = hours(1);
// Questions that wait at once.
constexpr std::size_t kMaxAuditQuestions = 64;

// Reads on one thread and writes on another: a long question never holds up a record.
class AuditDisk {
 public:
  struct Handlers {
    std::function<void(bool written)> on_written;
    // The records up to this one are too old, or too many: the signed checkpoint for that.
    std::function<ports::AuditHead(const ports::AuditRecord& last)> on_overdue;
    // The log does not hold together.
    std::function<void(const std::string& why)> on_broken;
  };
  // With a connection of its own that only reads, on another thread. The text is for the asker.
  using Question = std::function<std::string(platform::SqliteAudit& log)>;
  // On the loop; nothing when the log could not be read.
  using Answer = std::function<void(std::optional<std::string> text)>;

  AuditDisk(platform::Loop& loop, platform::Logger& log, std::unique_ptr<platform::SqliteAudit> store,
            const std::string& path, const Config::Audit& config, ports::Crypto& crypto, Handlers handlers);
  ~AuditDisk();

  void Write(AuditBatch batch);
  // At once, from here; before anything else is written.
  Status WriteNow(const AuditBatch& batch);
  // False: too many wait.
  [[nodiscard]] bool Ask(Question question, Answer answer);
  // Reads the log as it is now from its beginning, in pieces between the questions.
  void CheckAll();
  // Cuts off what is to go, if it is time to look.
  void Maintain(Instant now, WallTime wall);
  // Ends what is under way, without telling; then the store may be used from here.
  [[nodiscard]] platform::SqliteAudit& Stop();

 private:
  class WriteTask;
  class CutTask;
  class AskTask;
  class CheckTask;
  struct Asked {
    Question question;
    Answer answer;
  };
  // How far the log was read.
  struct Progress {
    std::optional<ports::AuditHead> from;  // nothing: from the beginning, or its checkpoint
    std::uint64_t to = 0;
  };
  void ReadOn();
  void WriteOn();

  platform::Logger& log_;
  std::unique_ptr<platform::SqliteAudit> store_;
  std::string path_;
  Config::Audit config_;
  ports::Crypto& crypto_;
  Handlers handlers_;
  std::deque<Asked> questions_;
  std::optional<Progress> check_;
  std::optional<AuditBatch> batch_;
  std::optional<WallTime> cut_at_;  // the log is to be looked at for this moment
  std::optional<Instant> looked_at_;
  // Last, so that what is under way ends before anything that it uses.
  std::optional<platform::Background> writing_;
  std::optional<platform::Background> reading_;
};

}  // namespace latchkey::keeper
