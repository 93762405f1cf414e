#include "daemon/frames/assembler.h"

#include <algorithm>
#include <utility>

#include "daemon/base/check.h"
#include "daemon/frames/payload_facts.h"

namespace latchkey::frames {
namespace {

bool IsVideo(wire::Codec codec) {
  return wire::StreamKindOf(codec) == wire::StreamKind::kVideo;
}

}  // namespace

Assembler::Assembler(AssemblerConfig config)
    : config_(std::move(config)),
      window_(IsVideo(config_.codec) ? kVideoWindowPackets : kAudioWindowPackets,
              IsVideo(config_.codec) ? kVideoWindowBytes : kAudioWindowBytes) {
  BreakChain();
  for (const ByteVector& nal : config_.parameter_sets) parameter_sets_.Learn(nal);
}

DropReason Assembler::Push(const gate::AuthenticPacket& packet, Instant now) {
  LATCHKEY_CHECK(packet.codec() == config_.codec);
  if (packet.is_probe()) return DropReason::kNone;
  DropReason reason = Place(packet.sequence().value, now);
  if (reason == DropReason::kNone) reason = Store(packet, now);
  if (reason != DropReason::kNone) counters_.drops.Add(reason);
  if (reason == DropReason::kNone || reason == DropReason::kPayloadMalformed) Advance(now);
  return reason;
}

void Assembler::HandleTimeout(Instant now) {
  if (window_.started()) Advance(now);
}

std::optional<Instant> Assembler::NextDeadline() const {
  if (start_awaited_until_) return start_awaited_until_;
  if (scan_.next >= window_.next() || window_.Find(scan_.next) != nullptr) return std::nullopt;
  return window_.NoticedAt(scan_.next) + config_.hold;
}

std::optional<PlainFrame> Assembler::PollFrame() {
  if (ready_.empty()) return std::nullopt;
  PlainFrame frame = std::move(ready_.front());
  ready_.pop_front();
  return frame;
}

bool Assembler::KeyframeWanted() const {
  if (!is_video() || chained_ || unsupported_ != Unsupported::kNone) return false;
  // One that is coming in needs no asking for; if it is given up, it leaves the window.
  return !newest_keyframe_ || *newest_keyframe_ < window_.first();
}

std::optional<Instant> Assembler::MissingSince(ExtendedSequence sequence) const {
  const bool inside =
      window_.started() && sequence.value >= window_.first() && sequence.value < window_.next();
  if (!inside || window_.Find(sequence.value) != nullptr) return std::nullopt;
  return window_.NoticedAt(sequence.value);
}

ExtendedSequence Assembler::UsefulFrom() const {
  const bool coming = is_video() && !chained_ && newest_keyframe_ && *newest_keyframe_ >= window_.first();
  return {coming ? *newest_keyframe_ - kMaxParameterPackets : window_.first()};
}

void Assembler::BeginEpoch(Epoch epoch, bool renumbered) {
  config_.epoch = epoch;
  if (window_.started()) floor_ = window_.first();
  if (renumbered) floor_.reset();
  window_ = PacketWindow(window_.capacity(), is_video() ? kVideoWindowBytes : kAudioWindowBytes);
  timestamps_ = {};
  scan_ = {};
  ready_.clear();
  BreakChain();
  fresh_ = true;
  marker_ends_frame_ = true;
  group_reorders_ = false;
  last_timestamp_.reset();
  newest_keyframe_.reset();
  restart_expected_.reset();
  start_awaited_until_.reset();
  unsupported_ = Unsupported::kNone;
}

// Makes the window one that can hold `sequence`, or says why it is not wanted.
DropReason Assembler::Place(std::int64_t sequence, Instant now) {
  const auto reach = static_cast<std::int64_t>(window_.capacity());
  // Further below than a window reaches the camera has begun its numbers anew.
  if (floor_ && sequence < *floor_) {
    if (*floor_ - sequence <= reach) return DropReason::kTooOld;
    floor_.reset();
  }
  if (!window_.started() || sequence >= window_.next() + reach) {
    Resync(sequence, now);
    return DropReason::kNone;
  }
  if (sequence >= window_.first()) {
    restart_expected_.reset();
    return DropReason::kNone;
  }
  if (fresh_ && window_.first() - sequence <= kMaxEarlierStart && window_.ExtendBack(sequence, now)) {
    BeginAt(sequence);
    fresh_ = true;
    return DropReason::kNone;
  }
  // Two in a row from far behind: the camera began anew (RFC 3550 A.1). One alone is a straggler.
  if (window_.first() - sequence > reach && std::exchange(restart_expected_, sequence + 1) == sequence) {
    Resync(sequence, now);
    return DropReason::kNone;
  }
  return DropReason::kTooOld;
}

DropReason Assembler::Store(const gate::AuthenticPacket& packet, Instant now) {
  const std::int64_t sequence = packet.sequence().value;
  const bool padding = packet.payload().empty();
  const PacketFacts facts =
      padding ? PacketFacts{} : InspectPayload(config_.codec, packet.payload(), packet.header().marker);
  const ByteView kept = facts.malformed ? ByteView{} : packet.payload();
  for (;;) {
    switch (window_.Store(sequence, packet.header().timestamp, facts, kept, packet.arrived())) {
      case WindowResult::kStored:
        if (facts.keyframe && facts.picture_start) {
          newest_keyframe_ = std::max(newest_keyframe_.value_or(sequence), sequence);
        }
        return facts.malformed ? DropReason::kPayloadMalformed : DropReason::kNone;
      case WindowResult::kDuplicate: return DropReason::kDuplicate;
      case WindowResult::kTooOld: return DropReason::kTooOld;  // it made room itself
      case WindowResult::kTooFar: break;
    }
    MakeRoom(now);
  }
}

// The window is full: what is at the head of the line goes.
void Assembler::MakeRoom(Instant now) {
  const std::int64_t before = window_.first();
  if (Read(scan_) == Head::kGap) {
    GiveUp(scan_.next, now);
  } else {
    // One frame without an end fills all of it.
    ++counters_.too_large;
    BreakChain();
    BeginAt(window_.next());
  }
  LATCHKEY_CHECK(window_.first() > before);
  Advance(now);
}

void Assembler::Resync(std::int64_t sequence, Instant now) {
  if (window_.started()) ++counters_.resyncs;
  counters_.packets_lost += window_.missing();
  window_.Restart(sequence);
  BreakChain();
  BeginAt(sequence);
  fresh_ = true;
  fresh_since_ = now;
  newest_keyframe_.reset();
  restart_expected_.reset();
}

void Assembler::Advance(Instant now) {
  for (;;) {
    switch (Read(scan_)) {
      case Head::kOpen: return;
      case Head::kWhole: {
        const Scan whole = scan_;
        if (AwaitsStart(whole, now)) {
          if (JumpToKeyframe()) break;
          return;
        }
        Finish(whole, now);
        BeginAt(whole.next);
        last_timestamp_ = whole.timestamp;
        break;
      }
      case Head::kGap:
        if (!chained_ && JumpToKeyframe()) break;
        if (now < window_.NoticedAt(scan_.next) + config_.hold) return;
        GiveUp(scan_.next, now);
        break;
    }
  }
}

// The stream's first packets may have been overtaken: what looks like the rest of a frame gets the hold, too.
bool Assembler::AwaitsStart(const Scan& scan, Instant now) {
  const bool start = !scan.broken && (!scan.has_picture ||
                                      (scan.keyframe && scan.picture_start && !NeedsParameterSets(scan)));
  if (!fresh_ || !is_video() || start || now >= fresh_since_ + config_.hold) return false;
  BeginAt(window_.first());
  start_awaited_until_ = fresh_since_ + config_.hold;
  return true;
}

Assembler::Head Assembler::Read(Scan& scan) const {
  for (;; ++scan.next) {
    if (scan.next >= window_.next()) return Head::kOpen;
    const StoredPacket* packet = window_.Find(scan.next);
    if (packet == nullptr) return Head::kGap;
    // Padding fills a number, nothing more.
    if (packet->payload.empty() && !packet->facts.malformed) continue;
    if (BeginsNextFrame(scan, *packet)) return Head::kWhole;
    Absorb(scan, *packet);
    if (EndsFrame(scan, *packet)) {
      ++scan.next;
      return Head::kWhole;
    }
  }
}

bool Assembler::BeginsNextFrame(const Scan& scan, const StoredPacket& packet) const {
  if (!scan.has_payload) return false;
  if (packet.timestamp != scan.timestamp) return true;
  return config_.codec == wire::Codec::kVp8 && packet.facts.start;
}

void Assembler::Absorb(Scan& scan, const StoredPacket& packet) const {
  const PacketFacts& facts = packet.facts;
  if (!scan.has_payload) {
    scan.timestamp = packet.timestamp;
    scan.arrived_first = packet.arrived;
  }
  scan.has_payload = true;
  scan.arrived_first = std::min(scan.arrived_first, packet.arrived);
  scan.broken |= facts.malformed || facts.begins_unit == scan.unit_open;
  scan.unit_open = !facts.ends_unit;
  if (facts.picture && !scan.has_picture) {
    scan.has_picture = true;
    scan.picture_start = facts.picture_start;
  }
  scan.keyframe |= facts.keyframe;
  scan.b_slice |= facts.b_slice;
  scan.has_sps |= facts.has_sps;
  scan.has_pps |= facts.has_pps;
  scan.bytes += packet.payload.size();
}

bool Assembler::EndsFrame(const Scan& scan, const StoredPacket& packet) const {
  if (!is_video()) return true;
  // On parameter sets alone, or within a NAL, the marker can't mean what it should.
  return packet.facts.marker && marker_ends_frame_ && (scan.has_picture || scan.broken) && !scan.unit_open;
}

// What is missing at the head won't be waited for: the line goes on where a frame can begin, or at the next
// missing packet that may still come, because it may be just such a place.
void Assembler::GiveUp(std::int64_t blocked_at, Instant now) {
  std::int64_t at = blocked_at + 1;
  std::uint64_t lost = 1;
  for (; at < window_.next() && !CanBegin(at); ++at) {
    if (window_.Find(at) != nullptr) continue;
    if (now < window_.NoticedAt(at) + config_.hold) break;
    ++lost;
  }
  ++counters_.given_up;
  counters_.packets_lost += lost;
  BreakChain();
  BeginAt(at);
}

// May a frame begin at `at`, with something missing between it and the head of the line?
bool Assembler::CanBegin(std::int64_t at) const {
  const StoredPacket* packet = window_.Find(at);
  if (packet == nullptr || packet->payload.empty()) return false;
  if (!is_video()) return true;
  const StoredPacket* before = window_.Find(at - 1);
  if (before != nullptr && !before->payload.empty()) {
    return before->timestamp != packet->timestamp ||
           (before->facts.marker && marker_ends_frame_ && packet->facts.start);
  }
  if (!packet->facts.start) return false;
  // The same picture as the damaged one, unless all that is missing came before its first slice.
  const bool same = scan_.has_payload && packet->timestamp == scan_.timestamp;
  return !same || (!scan_.has_picture && packet->facts.picture_start);
}

// While nothing can leave, a whole keyframe further on needs nothing of what is missing before it.
bool Assembler::JumpToKeyframe() {
  if (!newest_keyframe_ || *newest_keyframe_ <= scan_.next) return false;
  const StoredPacket* packet = window_.Find(*newest_keyframe_);
  if (packet == nullptr) return false;
  std::int64_t begin = *newest_keyframe_;
  for (; begin > window_.first(); --begin) {
    const StoredPacket* before = window_.Find(begin - 1);
    if (before == nullptr || before->payload.empty() || before->timestamp != packet->timestamp) break;
  }
  if (begin <= scan_.next) return false;
  Scan scan;
  scan.begin = begin;
  scan.next = begin;
  if (Read(scan) != Head::kWhole || scan.broken || !scan.keyframe || NeedsParameterSets(scan)) return false;
  std::uint64_t lost = 0;
  for (std::int64_t at = window_.first(); at < begin; ++at) {
    if (window_.Find(at) == nullptr) ++lost;
  }
  counters_.packets_lost += lost;
  if (lost > 0) ++counters_.given_up;
  BeginAt(begin);
  return true;
}

void Assembler::BeginAt(std::int64_t at) {
  if (at > window_.first()) fresh_ = false;
  window_.DropUntil(at);
  scan_ = {};
  scan_.begin = at;
  scan_.next = at;
  last_timestamp_.reset();
  start_awaited_until_.reset();
}

bool Assembler::IsConsistent() const {
  if (!window_.IsConsistent()) return false;
  if (!window_.started()) return ready_.empty() && window_.bytes() == 0;
  // The head of the line is the window's first packet, and reading never runs past its end.
  if (scan_.begin != window_.first() || scan_.next < scan_.begin || scan_.next > window_.next()) return false;
  if (!is_video() && !chained_) return false;
  if (unsupported_ != Unsupported::kNone && is_video() && chained_) return false;
  return ready_.size() <= kMaxReadyFrames;
}

}  // namespace latchkey::frames
