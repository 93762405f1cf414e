#include "daemon/keeper/audit_book.h"

#include <algorithm>
#include <utility>

#include "daemon/audit/chain.h"
#include "daemon/base/check.h"
#include "daemon/base/secret.h"

namespace latchkey::keeper {

AuditBook::AuditBook(ports::Crypto& crypto, ports::Signer& signer, const ports::AuditLogId& log,
                     const std::optional<ports::AuditRecord>& last)
    : crypto_(crypto), signer_(signer), log_(log) {
  if (!last) return;
  unclean_ = last->kind != static_cast<std::uint8_t>(audit::Kind::kStopped);
  number_ = last->number;
  hash_ = last->hash;
}

bool AuditBook::Add(audit::Kind kind, const About& about, std::string body, Instant now, WallTime wall) {
  if (waiting_.size() >= kMaxUnwritten) {
    ++lost_;
    return false;
  }
  if (lost_ > 0) {
    const std::uint64_t lost = std::exchange(lost_, 0);
    Append(audit::Kind::kRecordsLost, {}, "{\"records\":" + std::to_string(lost) + "}", now, wall);
  }
  Append(kind, about, std::move(body), now, wall);
  return true;
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

ports::AuditHead AuditBook::SignFor(const ports::AuditRecord& record) {
  ports::AuditHead head;
  head.log = log_;
  head.number = record.number;
  head.hash = record.hash;
  head.at = record.at;
  head.signature = signer_.Sign(audit::HeadToSign(head));
  return head;
}

HeadVerdict AuditBook::Judge(const ports::AuditHead& head) {
  // Ed25519 gives one signature for each text: signing again is how its own key verifies.
  if (!ConstantTimeEqual(signer_.Sign(audit::HeadToSign(head)), head.signature)) return HeadVerdict::kNotOurs;
  if (head.log != log_ || head.number > number_) return HeadVerdict::kLacking;
  if (head_ && head.number == head_->number)
    return head.hash == head_->hash ? HeadVerdict::kAgrees : HeadVerdict::kLacking;
  return HeadVerdict::kFits;
}

std::optional<AuditBatch> AuditBook::TakeBatch(Instant now) {
  if (under_way_ > 0 || waiting_.empty() || now < retry_at_) return std::nullopt;
  return MakeBatch();
}

std::optional<AuditBatch> AuditBook::TakeRest(std::uint64_t on_disk) {
  while (!waiting_.empty() && waiting_.front().record.number <= on_disk) waiting_.pop_front();
  under_way_ = 0;
  if (waiting_.empty()) return std::nullopt;
  return MakeBatch();
}

AuditBatch AuditBook::MakeBatch() {
  AuditBatch batch;
  for (const Waiting& waiting : waiting_) batch.records.push_back(waiting.record);
  under_way_ = batch.records.size();
  batch.head = SignFor(batch.records.back());
  batch_head_ = batch.head;
  return batch;
}

void AuditBook::HandleWritten(bool written, Instant now) {
  LATCHKEY_CHECK(under_way_ > 0);
  if (written) {
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(under_way_));
    head_ = batch_head_;
  } else {
    retry_at_ = now + kAuditRetry;
  }
  under_way_ = 0;
}

bool AuditBook::failing(Instant now) const {
  if (waiting_.empty()) return false;
  return waiting_.size() >= kMaxUnwritten || now - waiting_.front().since >= kAuditPatience;
}

std::optional<Instant> AuditBook::NextDeadline(Instant now) const {
  if (waiting_.empty()) return std::nullopt;
  std::optional<Instant> next;
  if (under_way_ == 0) next = std::max(retry_at_, now);
  // Once it has passed there is nothing more to wait for.
  const Instant patience = waiting_.front().since + kAuditPatience;
  if (patience > now && (!next || patience < *next)) next = patience;
  return next;
}

bool AuditBook::IsConsistent() const {
  if (under_way_ > waiting_.size() || waiting_.size() > kMaxUnwritten) return false;
  return waiting_.empty() || waiting_.back().record.number == number_;
}

}  // namespace latchkey::keeper
