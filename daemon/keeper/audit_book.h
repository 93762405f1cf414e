// The audit log as the keeper keeps it: each record is a link of the chain when it is made, and waits here
// until the disk has it.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "daemon/audit/kinds.h"
#include "daemon/base/ids.h"
#include "daemon/base/time.h"
#include "daemon/ports/audit.h"
#include "daemon/ports/crypto.h"

namespace latchkey::keeper {

// So long may a record wait for the disk; then views end, until the log can be written again.
constexpr Duration kAuditPatience = seconds(10);
// So long after a failure the disk is tried again.
constexpr Duration kAuditRetry = milliseconds(500);
// Records that wait. At the limit views end at once, and what can't be kept is counted in the next record
// that can.
constexpr std::size_t kMaxUnwritten = 4096;

// What a record is about; null ids: nothing of the kind.
struct About {
  CameraId camera;
  ViewerId viewer;
  SessionId session;
  Epoch epoch;
};

// Records for the disk, and the head of the log with them.
struct AuditBatch {
  std::vector<ports::AuditRecord> records;
  ports::AuditHead head;
};

// What a head says of the log as it is now.
enum class HeadVerdict : std::uint8_t {
  kNotOurs,  // this log's key has not signed it
  kFits,     // the log goes on from there, as far as is known without reading it
  kAgrees,   // it is the newest
  kLacking,  // it was signed, and the log has no such record: it was cut, or is another one
};

class AuditBook {
 public:
  // `last`: the log's newest record.
  AuditBook(ports::Crypto& crypto, ports::Signer& signer, const ports::AuditLogId& log,
            const std::optional<ports::AuditRecord>& last);

  // `body`: one JSON object of at most audit::kMaxBody bytes. False: there was no room, and it is only
  // counted.
  bool Add(audit::Kind kind, const About& about, std::string body, Instant now, WallTime wall);
  // Everything that waits; nothing while a batch is on its way, or right after one that failed.
  [[nodiscard]] std::optional<AuditBatch> TakeBatch(Instant now);
  // The same at the end of everything, when the disk has the records up to this one: whatever is left.
  [[nodiscard]] std::optional<AuditBatch> TakeRest(std::uint64_t on_disk);
  // How the batch went: all of it is on disk, or none of it, and it will be taken again.
  void HandleWritten(bool written, Instant now);

  // Nothing that happens from now on could be shown to have been recorded.
  [[nodiscard]] bool failing(Instant now) const;
  // When that may change by time alone, or the disk is to be tried again; later than `now`, or at once.
  [[nodiscard]] std::optional<Instant> NextDeadline(Instant now) const;
  // The head of a log that ends in this record, of an earlier moment.
  [[nodiscard]] ports::AuditHead SignFor(const ports::AuditRecord& record);
  [[nodiscard]] HeadVerdict Judge(const ports::AuditHead& head);
  // The log ended without kStopped when it was used last.
  [[nodiscard]] bool unclean() const { return unclean_; }
  [[nodiscard]] const ports::AuditLogId& log() const { return log_; }
  [[nodiscard]] ports::Signer::PublicKey public_key() const { return signer_.public_key(); }
  // Of what is on disk; empty before the first record is.
  [[nodiscard]] const std::optional<ports::AuditHead>& head() const { return head_; }
  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] bool IsConsistent() const;

 private:
  struct Waiting {
    ports::AuditRecord record;
    Instant since;
  };
  [[nodiscard]] AuditBatch MakeBatch();
  void Append(audit::Kind kind, const About& about, std::string body, Instant now, WallTime wall);

  ports::Crypto& crypto_;
  ports::Signer& signer_;
  ports::AuditLogId log_;
  std::uint64_t number_ = 0;  // of the newest record
  ports::AuditHash hash_{};
  std::deque<Waiting> waiting_;
  std::size_t under_way_ = 0;  // of these, from the front, in a batch that was taken
  std::optional<ports::AuditHead> batch_head_;
  std::optional<ports::AuditHead> head_;
  Instant retry_at_{};
  bool unclean_ = false;
  std::uint64_t lost_ = 0;  // records for which there was no room
};

}  // namespace latchkey::keeper
