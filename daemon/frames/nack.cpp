#include "daemon/frames/nack.h"

#include <algorithm>

namespace latchkey::frames {
namespace {

void Sooner(std::optional<Instant>& next, Instant at) {
  if (!next || at < *next) next = at;
}

}  // namespace

bool NackScheduler::OnPacket(ExtendedSequence sequence, std::optional<Instant> noticed, bool retransmission,
                             Instant now) {
  credit_ = std::min(credit_ + 1, kMaxCredit);
  const auto at =
      std::lower_bound(entries_.begin(), entries_.end(), sequence.value,
                       [](const Entry& entry, std::int64_t value) { return entry.sequence < value; });
  const bool known = at != entries_.end() && at->sequence == sequence.value;
  if (!known || at->asks == 0) {
    if (noticed && !retransmission) reordering_.OnLate(now - *noticed, now);
  } else {
    Measure(*at, retransmission, now);
  }
  const bool asked = known && at->asks > 0;
  if (known) entries_.erase(at);
  return asked;
}

// What came is the repetition, or the original after all. Without RTX they look alike: then it counts as the
// original for as long as the jitter allows.
void NackScheduler::Measure(const Entry& entry, bool retransmission, Instant now) {
  const bool original = rtx_ ? !retransmission : now - entry.noticed <= Reordering::ByJitter(jitter_);
  if (original) {
    reordering_.OnLate(now - entry.noticed, now);
  } else if (entry.asks == 1) {
    round_trip_.Add(now - entry.last);
  } else if (entry.asks == 2 && entry.in_pairs) {
    // Of the pair, the first was answered, or the round trip is kEcho shorter.
    round_trip_.Add(now - entry.last + kEcho);
  }
}

void NackScheduler::OnGap(Instant now) {
  // Poll() finds out when it is really due.
  Sooner(next_, now);
}

std::optional<Instant> NackScheduler::DueAt(const Entry& entry, Duration wait) const {
  if (entry.given_up || entry.asks >= kMaxAsks) return std::nullopt;
  if (entry.asks == 0) return entry.noticed + wait;
  if (entry.echoes > 0) return entry.last + kEcho;
  // The second request of a go may be the one that is answered: in a sixth of all goes at 20 % loss, and a
  // packet asked for in vain then costs less than a longer line in all others.
  return std::max(entry.go_began + round_trip_.Timeout(), entry.last + kEcho);
}

void NackScheduler::Ask(Entry& entry, const Limits& limits, Instant now) {
  if (entry.asks++ == 0) {
    ++asked_;
    entry.in_pairs = limits.in_pairs;
  }
  ++requests_;
  entry.last = now;
  if (entry.echoes > 0) {
    --entry.echoes;
    return;
  }
  entry.go_began = now;
  ++entry.goes;
  entry.echoes = entry.goes == 1 && entry.in_pairs ? 1 : std::min<std::uint8_t>(entry.goes, kMostOfOneGo) - 1;
}

// Both lists ascend. What is in ours alone was given up: it is kept for a while, for its answer's sake.
void NackScheduler::Merge(const std::vector<MissingPacket>& missing, Instant now) {
  std::vector<Entry> merged;
  merged.reserve(std::max(entries_.size(), missing.size()));
  auto mine = entries_.begin();
  const auto keep_given_up = [&](std::int64_t below) {
    for (; mine != entries_.end() && mine->sequence < below; ++mine) {
      if (mine->asks == 0 || now - mine->last > kMemory) continue;
      mine->given_up = true;
      merged.push_back(*mine);
    }
  };
  for (const MissingPacket& packet : missing) {
    keep_given_up(packet.sequence.value);
    if (mine != entries_.end() && mine->sequence == packet.sequence.value) {
      merged.push_back(*mine++);
    } else {
      Entry entry;
      entry.sequence = packet.sequence.value;
      entry.noticed = packet.noticed;
      merged.push_back(entry);
    }
  }
  keep_given_up(std::int64_t{1} << 62U);
  if (merged.size() > kMaxEntries) {
    merged.erase(merged.begin(), merged.end() - static_cast<std::ptrdiff_t>(kMaxEntries));
  }
  entries_ = std::move(merged);
}

void NackScheduler::Poll(const std::vector<MissingPacket>& missing, const Limits& limits, Instant now,
                         std::vector<std::uint16_t>& out) {
  Merge(missing, now);
  next_.reset();
  jitter_ = limits.jitter;
  const Duration wait = reordering_.Wait(limits.jitter, now);
  const Duration half_way = round_trip_.smoothed() / 2;
  std::size_t count = 0;
  for (Entry& entry : entries_) {
    if (entry.sequence < limits.useful_from) continue;
    // An answer could not be here in time.
    if (now + half_way > entry.noticed + limits.hold) continue;
    auto due = DueAt(entry, wait);
    if (due && *due <= now + kGather && (*due <= now || entry.asks > 0)) {
      if (credit_ == 0 || count == kMaxPerMessage) {
        Sooner(next_, now + kGather);
        continue;
      }
      --credit_;
      ++count;
      out.push_back(static_cast<std::uint16_t>(entry.sequence));
      Ask(entry, limits, now);
      due = DueAt(entry, wait);
    }
    if (due) Sooner(next_, *due);
  }
}

void NackScheduler::Reset() {
  entries_.clear();
  next_.reset();
}

bool NackScheduler::IsConsistent() const {
  if (entries_.size() > kMaxEntries || credit_ < 0 || credit_ > kMaxCredit) return false;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].echoes >= kMostOfOneGo || entries_[i].goes > entries_[i].asks) return false;
    if (entries_[i].asks > kMaxAsks || (entries_[i].given_up && entries_[i].asks == 0)) return false;
    if (i > 0 && entries_[i - 1].sequence >= entries_[i].sequence) return false;
  }
  return requests_ >= asked_;
}

}  // namespace latchkey::frames
