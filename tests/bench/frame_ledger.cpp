#include "tests/bench/frame_ledger.h"

#include <algorithm>

namespace latchkey::bench {

void FrameLedger::Sent(bool keyframe, std::uint64_t fingerprint, Instant at) {
  frames_.push_back({at, fingerprint, keyframe, {}});
}

void FrameLedger::Arrived(std::optional<std::uint32_t> number, std::uint64_t fingerprint, Instant at) {
  if (!number || *number >= frames_.size() || frames_[*number].fingerprint != fingerprint) {
    torn_.push_back(at);
    return;
  }
  if (highest_ && *number < *highest_) backwards_.push_back(at);
  highest_ = std::max(highest_.value_or(0), *number);
  Entry& entry = frames_[*number];
  if (!entry.whole_at) entry.whole_at = at;
}

bool FrameLedger::IsDecodable(std::uint32_t number) const {
  if (number >= frames_.size()) return false;
  for (std::uint32_t n = number; frames_[n].whole_at; --n) {
    if (frames_[n].keyframe) return true;
    if (n == 0) return false;
  }
  return false;
}

std::vector<std::optional<Instant>> FrameLedger::DecodableAt() const {
  std::vector<std::optional<Instant>> at(frames_.size());
  for (std::size_t n = 0; n < frames_.size(); ++n) {
    const Entry& entry = frames_[n];
    if (!entry.whole_at) continue;
    if (entry.keyframe) {
      at[n] = entry.whole_at;
    } else if (n > 0 && at[n - 1]) {
      at[n] = std::max(*entry.whole_at, *at[n - 1]);
    }
  }
  return at;
}

LedgerFigures FrameLedger::Between(Instant from, Instant to) const {
  LedgerFigures figures;
  const auto decodable_at = DecodableAt();
  for (std::size_t n = 0; n < frames_.size(); ++n) {
    const Entry& entry = frames_[n];
    if (entry.sent < from || entry.sent >= to) continue;
    ++figures.sent;
    if (entry.whole_at) {
      ++figures.whole;
      figures.whole_delay.Add(*entry.whole_at - entry.sent);
    }
    if (!decodable_at[n]) continue;
    ++figures.decodable;
    figures.delay.Add(*decodable_at[n] - entry.sent);
    if (OnTime(entry, decodable_at[n])) ++figures.on_time;
  }
  const auto within = [&](Instant at) { return at >= from && at < to; };
  figures.torn = static_cast<std::uint64_t>(std::count_if(torn_.begin(), torn_.end(), within));
  figures.backwards = static_cast<std::uint64_t>(std::count_if(backwards_.begin(), backwards_.end(), within));
  CountFreezes(from, to, figures);
  return figures;
}

void FrameLedger::CountFreezes(Instant from, Instant to, LedgerFigures& figures) const {
  const auto decodable_at = DecodableAt();
  // What was seen last before, so that the first gap is measured from a picture.
  Instant last = from;
  std::vector<Instant> shown;
  for (std::size_t n = 0; n < frames_.size() && frames_[n].sent < to; ++n) {
    if (!OnTime(frames_[n], decodable_at[n])) continue;
    if (frames_[n].sent < from) {
      last = *decodable_at[n];
    } else {
      shown.push_back(*decodable_at[n]);
    }
  }
  std::sort(shown.begin(), shown.end());
  if (shown.empty() || shown.back() < to) shown.push_back(to);
  for (const Instant at : shown) {
    if (at - last > kFreeze) {
      ++figures.freezes;
      figures.freeze_time += at - last;
    }
    last = std::max(last, at);
  }
}

std::optional<Duration> FrameLedger::LiveAfter(Instant when) const {
  const auto decodable_at = DecodableAt();
  std::optional<Duration> live;
  // From the end back: the sending of the first frame behind this one that is not on time, or of the last
  // one.
  Instant steady_until = frames_.empty() ? when : frames_.back().sent;
  for (std::size_t n = frames_.size(); n-- > 0;) {
    if (!OnTime(frames_[n], decodable_at[n])) {
      steady_until = frames_[n].sent;
      continue;
    }
    if (*decodable_at[n] < when) break;
    if (steady_until - frames_[n].sent >= kSteady) live = *decodable_at[n] - when;
  }
  return live;
}

}  // namespace latchkey::bench
