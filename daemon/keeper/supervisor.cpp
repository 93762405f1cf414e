#include "daemon/keeper/supervisor.h"

#include <algorithm>

namespace latchkey::keeper {
namespace {

// Before the start that follows the n-th end in a row, n from 1.
Duration DelayAfter(std::uint32_t ends) {
  if (ends <= 1) return Duration::zero();
  Duration delay = kFirstDelay;
  for (std::uint32_t i = 2; i < ends && delay < kLongestDelay; ++i) delay *= 2;
  return std::min(delay, kLongestDelay);
}

}  // namespace

void Supervisor::Add(ChildId child, Instant now) {
  children_[child].start_at = now;
}

void Supervisor::Remove(ChildId child) {
  children_.erase(child);
}

void Supervisor::HandleStart(ChildId child, Instant now) {
  const auto at = children_.find(child);
  if (at == children_.end()) return;
  at->second.start_at.reset();
  at->second.started_at = now;
}

void Supervisor::HandleEnd(ChildId child, Instant now) {
  const auto at = children_.find(child);
  if (at == children_.end()) return;
  Entry& entry = at->second;
  const bool stable = entry.started_at && now - *entry.started_at >= kStableAfter;
  if (stable || entry.expected) entry.early_ends = 0;
  if (!entry.expected) ++entry.early_ends;
  entry.expected = false;
  entry.started_at.reset();
  entry.start_at = now + DelayAfter(entry.early_ends);
}

void Supervisor::ExpectEnd(ChildId child) {
  const auto at = children_.find(child);
  if (at != children_.end()) at->second.expected = true;
}

std::vector<ChildId> Supervisor::TakeDue(Instant now) {
  std::vector<ChildId> due;
  for (auto& [child, entry] : children_) {
    if (!entry.start_at || *entry.start_at > now) continue;
    entry.start_at.reset();
    due.push_back(child);
  }
  return due;
}

std::optional<Instant> Supervisor::NextStart() const {
  std::optional<Instant> next;
  for (const auto& [child, entry] : children_) {
    if (entry.start_at && (!next || *entry.start_at < *next)) next = entry.start_at;
  }
  return next;
}

}  // namespace latchkey::keeper
