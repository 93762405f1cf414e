// What a ViewerSession sends again: packets that its viewer asks for, and the start of a run for a player
// that was not ready for it.
#include <algorithm>
#include <utility>

#include "daemon/egress/viewer_session.h"

namespace latchkey::egress {
namespace {

// What the packet was made of is still there.
bool IsKept(const SentHistory::Entry& entry, const cache::JitterCache& cache) {
  return entry.epoch == cache.epoch() && cache.Find(entry.frame) != nullptr;
}

}  // namespace

// Somebody may still wait for it, and it is not under way already: a player asks again before the answer to
// its first request can have come.
bool ViewerSession::IsDue(const SentHistory::Entry& entry, Instant now) const {
  const Duration age = milliseconds{SentHistory::Milliseconds(now) - entry.sent_ms};
  if (age > kResendAge) return false;
  const Duration again =
      std::max<Duration>(kResendLeast, estimate_.round_trip().value_or(Duration::zero()) / 2);
  return entry.resent_ms == 0 || age - milliseconds{entry.resent_ms} >= again;
}

ViewerSession::Step ViewerSession::ServeNacks(const Leg& leg, const Turn& turn) {
  if (resends_.empty()) return Step::kSent;
  if (turn.now < resend_from_) {
    resend_due_ = resend_from_;
    return Step::kSent;
  }
  resend_from_ = turn.now + kResendInterval;
  // Packets of one frame side by side, so that it is opened once; each packet once.
  std::sort(resends_.begin(), resends_.end());
  resends_.erase(std::unique(resends_.begin(), resends_.end()), resends_.end());
  Reopened last;
  for (const ResendRequest& request : resends_) {
    if (pacer_.Available(turn.now, rate()) <= -kResendDebt) break;
    const auto entry = streams_[request.stream].Sent(request.sequence);
    if (!entry || !IsDue(*entry, turn.now) || !IsKept(*entry, turn.cache)) continue;
    if (!resend_budget_.TrySpend()) continue;
    if (!SendAgain(request, *entry, last, leg, turn)) return Step::kOpenFailed;
  }
  resends_.clear();
  return Step::kSent;
}

void ViewerSession::WantStartAgain() {
  if (!run_start_) return;
  repeat_ = std::exchange(run_start_, std::nullopt);
  const auto sent = static_cast<std::uint16_t>(streams_[repeat_->stream].next_sequence() - repeat_->first);
  repeat_->count = std::min(sent, static_cast<std::uint16_t>(kMaxRepeat));
}

// A leg that carries less than the stream has no room for that, and without its beginning the rest is worth
// nothing.
ViewerSession::Step ViewerSession::RepeatStart(const Leg& leg, const Turn& turn) {
  if (!repeat_) return Step::kSent;
  Reopened last;
  const std::int64_t pace = std::min(rate(), Pacer::kCatchUpRate);
  for (; repeat_->count > 0; ++repeat_->first, --repeat_->count) {
    const ResendRequest next{repeat_->stream, repeat_->first};
    const auto entry = streams_[next.stream].Sent(next.sequence);
    if (estimate_.limit() || !entry || !IsKept(*entry, turn.cache)) break;
    if (!IsDue(*entry, turn.now)) continue;
    if (turn.out.bytes() >= turn.batch_bytes) return Step::kBatchFull;
    const std::int64_t allowance = pacer_.Available(turn.now, pace);
    // As with a frame that goes on: it is opened again, and not for less than a run.
    if (allowance <= 0 || (last.number.value == 0 && allowance < Pacer::Run(pace))) {
      paused_until_ = pacer_.NextRun(pace);
      return Step::kPaused;
    }
    if (!SendAgain(next, *entry, last, leg, turn)) return Step::kOpenFailed;
  }
  repeat_.reset();
  return Step::kSent;
}

bool ViewerSession::SendAgain(const ResendRequest& request, const SentHistory::Entry& entry, Reopened& last,
                              const Leg& leg, const Turn& turn) {
  if (last.number != entry.frame) {
    last.opened = key_->Open(*turn.cache.Find(entry.frame), turn.buffer);
    if (last.opened.outcome != cache::OpenOutcome::kOpened) {
      position_.number = entry.frame;
      return false;
    }
    last.number = entry.frame;
  }
  OutboundStream& stream = streams_[request.stream];
  std::uint16_t index = 0;
  for (auto record = last.opened.payloads.begin(); record != last.opened.payloads.end(); ++record, ++index) {
    if (index != entry.record) continue;
    stream.Resend(entry, *record, record.IsLast(), leg);
    stream.NoteResent(request.sequence, turn.now);
    ++resent_;
    pacer_.Spend(1);
    break;
  }
  return true;
}

}  // namespace latchkey::egress
