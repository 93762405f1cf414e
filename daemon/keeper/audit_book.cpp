#include "daemon/keeper/audit_book.h"

#include <utility>

#include "daemon/audit/chain.h"
#include "daemon/base/check.h"

namespace latchkey::keeper {

AuditBook::AuditBook(ports::Crypto& crypto, ports::Signer& signer, const ports::AuditLogId& log,
                     const std::optional<ports::AuditRecord>& last)
    : crypto_(crypto), signer_(signer), log_(log) {
  if (!last) return;
  number_ = last->number;
  hash_ = last->hash;
}

void AuditBook::Add(audit::Kind kind, const About& about, std::string body, Instant now, WallTime wall) {
  if (waiting_.size() >= kMaxUnwritten) {
    ++lost_;
    return;
  }
  if (lost_ > 0) {
    const std::uint64_t lost = std::exchange(lost_, 0);
    Append(audit::Kind::kRecordsLost, {}, "{\"records\":" + std::to_string(lost) + "}", now, wall);
  }
  Append(kind, about, std::move(body), now, wall);
}

void AuditBook::Append(audit::Kind kind, const About& about, std::string body, Instant now, WallTime wall) {
  LATCHKEY_CHECK(body.size() <= audit::kMaxBody);
  ports::AuditRecord record;
  record.number = ++number_;
  record.at = wall;
  record.kind = static_cast<std::uint8_t>(kind);
  record.camera = about.camera;
  record.viewer = about.viewer;
  record.session = about.session;
  record.epoch = about.epoch;
  record.body = std::move(body);
  record.hash = hash_ = audit::HashOf(crypto_, hash_, record);
  waiting_.push_back({std::move(record), now});
}

std::optional<AuditBatch> AuditBook::TakeBatch() {
  if (under_way_ > 0 || waiting_.empty()) return std::nullopt;
  AuditBatch batch;
  for (const Waiting& waiting : waiting_) batch.records.push_back(waiting.record);
  under_way_ = batch.records.size();
  const ports::AuditRecord& last = batch.records.back();
  batch.head.log = log_;
  batch.head.number = last.number;
  batch.head.hash = last.hash;
  batch.head.at = last.at;
  batch.head.signature = signer_.Sign(audit::HeadToSign(batch.head));
  batch_head_ = batch.head;
  return batch;
}

void AuditBook::HandleWritten(bool written, Instant /*now*/) {
  LATCHKEY_CHECK(under_way_ > 0);
  if (written) {
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(under_way_));
    head_ = batch_head_;
  }
  under_way_ = 0;
}

bool AuditBook::failing(Instant now) const {
  if (waiting_.empty()) return false;
  return waiting_.size() >= kMaxUnwritten || now - waiting_.front().since >= kAuditPatience;
}

std::optional<Instant> AuditBook::NextDeadline() const {
  if (waiting_.empty()) return std::nullopt;
  return waiting_.front().since + kAuditPatience;
}

bool AuditBook::IsConsistent() const {
  if (under_way_ > waiting_.size() || waiting_.size() > kMaxUnwritten) return false;
  return waiting_.empty() || waiting_.back().record.number == number_;
}

}  // namespace latchkey::keeper
