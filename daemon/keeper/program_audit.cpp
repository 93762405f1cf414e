#include "daemon/keeper/program_audit.h"

#include <utility>

#include "daemon/audit/chain.h"
#include "daemon/base/check.h"

namespace latchkey::keeper {
namespace {

// Records that are read at once when the whole log is checked.
constexpr std::size_t kCheckBatch = 4096;
constexpr std::int64_t kMegabyte = 1'000'000;

}  // namespace

class AuditDisk::WriteTask final : public platform::Background::Task {
 public:
  WriteTask(AuditDisk& disk, AuditBatch batch) : disk_(disk), batch_(std::move(batch)) {}
  void Work() override { status_ = disk_.store_->Append(batch_.records, batch_.head); }
  void Done() override {
    if (!status_) disk_.log_.Error("the audit log can't be written", {{"error", status_.error().message}});
    disk_.handlers_.on_written(status_.has_value());
    disk_.WriteOn();
  }

 private:
  AuditDisk& disk_;
  AuditBatch batch_;
  Status status_;
};

// Looks for what is to go; once more with the checkpoint, then it goes.
class AuditDisk::CutTask final : public platform::Background::Task {
 public:
  CutTask(AuditDisk& disk, WallTime wall) : disk_(disk), wall_(wall) {}
  CutTask(AuditDisk& disk, const ports::AuditHead& checkpoint) : disk_(disk), checkpoint_(checkpoint) {}
  void Work() override {
    if (checkpoint_) {
      status_ = disk_.store_->Cut(checkpoint_->number + 1, *checkpoint_);
    } else {
      found_ = disk_.store_->FindCut(wall_ - disk_.config_.keep, disk_.config_.max_mb * kMegabyte);
    }
  }
  void Done() override {
    AuditDisk& disk = disk_;
    if (!status_) disk.log_.Error("the audit log can't be cut", {{"error", status_.error().message}});
    if (!found_) disk.log_.Error("the audit log can't be read", {{"error", found_.error().message}});
    if (!checkpoint_ && found_ && *found_)
      return disk.writing_->Run(std::make_unique<CutTask>(disk, disk.handlers_.on_overdue(**found_)));
    disk.WriteOn();
  }

 private:
  AuditDisk& disk_;
  WallTime wall_{};
  std::optional<ports::AuditHead> checkpoint_;
  Result<std::optional<ports::AuditRecord>> found_{std::optional<ports::AuditRecord>{}};
  Status status_;
};

class AuditDisk::AskTask final : public platform::Background::Task {
 public:
  AskTask(AuditDisk& disk, Asked asked) : disk_(disk), asked_(std::move(asked)) {}
  void Work() override {
    if (const auto log = platform::SqliteAudit::OpenToRead(disk_.path_)) text_ = asked_.question(**log);
  }
  void Done() override {
    asked_.answer(std::move(text_));
    disk_.ReadOn();
  }

 private:
  AuditDisk& disk_;
  Asked asked_;
  std::optional<std::string> text_;
};

class AuditDisk::CheckTask final : public platform::Background::Task {
 public:
  CheckTask(AuditDisk& disk, Progress progress) : disk_(disk), progress_(std::move(progress)) {}
  void Work() override { why_ = Check(); }
  void Done() override {
    if (why_) {
      disk_.check_.reset();
      disk_.handlers_.on_broken(*why_);
    } else if (progress_.from && progress_.from->number >= progress_.to) {
      disk_.check_.reset();
    } else {
      disk_.check_ = progress_;
    }
    disk_.ReadOn();
    disk_.WriteOn();  // a cut may have waited for this
  }

 private:
  std::optional<std::string> Check() {
    const auto log = platform::SqliteAudit::OpenToRead(disk_.path_);
    if (!log) return log.error().message;
    if (!progress_.from) {
      const auto checkpoint = (*log)->Checkpoint();
      if (!checkpoint) return checkpoint.error().message;
      progress_.from = checkpoint->value_or(ports::AuditHead());
    }
    audit::ChainReader reader(disk_.crypto_, *progress_.from);
    const auto records = (*log)->Read(progress_.from->number + 1, kCheckBatch);
    if (!records) return records.error().message;
    for (const ports::AuditRecord& record : *records) {
      if (auto wrong = reader.Take(record)) return wrong;
    }
    progress_.from->number = reader.number();
    progress_.from->hash = reader.hash();
    if (records->empty() && reader.number() < progress_.to)
      return "record " + std::to_string(reader.number() + 1) + " is missing";
    return std::nullopt;
  }

  AuditDisk& disk_;
  Progress progress_;
  std::optional<std::string> why_;
};

AuditDisk::AuditDisk(platform::Loop& loop, platform::Logger& log,
                     std::unique_ptr<platform::SqliteAudit> store, const std::string& path,
                     const Config::Audit& config, ports::Crypto& crypto, Handlers handlers)
    : log_(log),
      store_(std::move(store)),
      path_(path),
      config_(config),
      crypto_(crypto),
      handlers_(std::move(handlers)) {
  writing_.emplace(loop);
  reading_.emplace(loop);
}

AuditDisk::~AuditDisk() = default;

void AuditDisk::Write(AuditBatch batch) {
  LATCHKEY_CHECK(!batch_);  // the book gives out one at a time
  batch_ = std::move(batch);
  WriteOn();
}

Status AuditDisk::WriteNow(const AuditBatch& batch) {
  LATCHKEY_CHECK(!batch_ && !writing_->busy());
  return store_->Append(batch.records, batch.head);
}

void AuditDisk::WriteOn() {
  if (!writing_ || writing_->busy()) return;
  if (batch_) {
    writing_->Run(std::make_unique<WriteTask>(*this, *std::exchange(batch_, std::nullopt)));
  } else if (cut_at_ && !check_) {
    // Not while the log is read from its beginning, which would no longer be there.
    writing_->Run(std::make_unique<CutTask>(*this, *std::exchange(cut_at_, std::nullopt)));
  }
}

bool AuditDisk::Ask(Question question, Answer answer) {
  if (questions_.size() >= kMaxAuditQuestions) return false;
  questions_.push_back({std::move(question), std::move(answer)});
  ReadOn();
  return true;
}

void AuditDisk::ReadOn() {
  if (!reading_ || reading_->busy()) return;
  if (!questions_.empty()) {
    Asked asked = std::move(questions_.front());
    questions_.pop_front();
    reading_->Run(std::make_unique<AskTask>(*this, std::move(asked)));
  } else if (check_) {
    reading_->Run(std::make_unique<CheckTask>(*this, *check_));
  }
}

void AuditDisk::CheckAll() {
  const auto last = store_->Last();
  if (!last) return handlers_.on_broken(last.error().message);
  if (!*last) return;
  check_ = Progress{std::nullopt, (*last)->number};
  ReadOn();
}

void AuditDisk::Maintain(Instant now, WallTime wall) {
  if (looked_at_ && now - *looked_at_ < kAuditCutPeriod) return;
  looked_at_ = now;
  cut_at_ = wall;
  WriteOn();
}

platform::SqliteAudit& AuditDisk::Stop() {
  writing_.reset();
  reading_.reset();
  return *store_;
}

}  // namespace latchkey::keeper
