#include "daemon/frames/packet_window.h"

#include <utility>

#include "daemon/base/check.h"
#include "daemon/base/secret.h"

namespace latchkey::frames {

PacketWindow::PacketWindow(std::size_t packets, std::size_t bytes) : slots_(packets), max_bytes_(bytes) {
  LATCHKEY_CHECK(packets > 0);
}

PacketWindow::~PacketWindow() {
  for (Slot& slot : slots_) Wipe(slot.packet.payload);
}

PacketWindow::Slot& PacketWindow::At(std::int64_t sequence) {
  return slots_[static_cast<std::uint64_t>(sequence) % slots_.size()];
}
const PacketWindow::Slot& PacketWindow::At(std::int64_t sequence) const {
  return slots_[static_cast<std::uint64_t>(sequence) % slots_.size()];
}

void PacketWindow::Free(Slot& slot) {
  if (slot.state == SlotState::kMissing) --missing_;
  bytes_ -= slot.packet.payload.size();
  Wipe(slot.packet.payload);
  slot = Slot{};
}

void PacketWindow::Restart(std::int64_t first) {
  if (started_) DropUntil(next_);
  first_ = first;
  next_ = first;
  started_ = true;
}

WindowResult PacketWindow::Store(std::int64_t sequence, std::uint32_t timestamp, PacketFacts facts,
                                 ByteView payload, Instant now) {
  LATCHKEY_CHECK(started_);
  if (sequence < first_) return WindowResult::kTooOld;
  if (sequence - first_ >= static_cast<std::int64_t>(slots_.size())) return WindowResult::kTooFar;
  if (sequence < next_ && At(sequence).state == SlotState::kPresent) return WindowResult::kDuplicate;
  if (bytes_ + payload.size() > max_bytes_) return WindowResult::kTooFar;
  for (; next_ <= sequence; ++next_) {
    Slot& slot = At(next_);
    slot.state = SlotState::kMissing;
    slot.packet.arrived = now;
    ++missing_;
  }
  Slot& slot = At(sequence);
  --missing_;
  slot.state = SlotState::kPresent;
  slot.packet.timestamp = timestamp;
  slot.packet.facts = facts;
  slot.packet.arrived = now;
  slot.packet.payload.assign(payload.begin(), payload.end());
  bytes_ += payload.size();
  return WindowResult::kStored;
}

bool PacketWindow::ExtendBack(std::int64_t first, Instant now) {
  LATCHKEY_CHECK(started_ && first <= first_);
  if (next_ - first > static_cast<std::int64_t>(slots_.size())) return false;
  while (first_ > first) {
    Slot& slot = At(--first_);
    slot.state = SlotState::kMissing;
    slot.packet.arrived = now;
    ++missing_;
  }
  return true;
}

const StoredPacket* PacketWindow::Find(std::int64_t sequence) const {
  if (sequence < first_ || sequence >= next_) return nullptr;
  const Slot& slot = At(sequence);
  return slot.state == SlotState::kPresent ? &slot.packet : nullptr;
}

void PacketWindow::DropUntil(std::int64_t first) {
  LATCHKEY_CHECK(first <= next_);
  for (; first_ < first; ++first_) Free(At(first_));
}

Instant PacketWindow::NoticedAt(std::int64_t sequence) const {
  LATCHKEY_CHECK(sequence >= first_ && sequence < next_);
  return At(sequence).packet.arrived;
}

void PacketWindow::ListMissing(std::vector<MissingPacket>& out) const {
  out.clear();
  for (std::int64_t s = first_; s < next_ && out.size() < missing_; ++s) {
    if (At(s).state == SlotState::kMissing) out.push_back({{s}, At(s).packet.arrived});
  }
}

bool PacketWindow::IsConsistent() const {
  if (first_ > next_ || next_ - first_ > static_cast<std::int64_t>(slots_.size())) return false;
  std::size_t used = 0;
  std::size_t missing = 0;
  std::size_t bytes = 0;
  for (const Slot& slot : slots_) {
    if (slot.state != SlotState::kFree) ++used;
    if (slot.state == SlotState::kMissing) ++missing;
    if (slot.state != SlotState::kPresent && !slot.packet.payload.empty()) return false;
    bytes += slot.packet.payload.size();
  }
  for (std::int64_t s = first_; s < next_; ++s) {
    if (At(s).state == SlotState::kFree) return false;
  }
  // What was seen last is there: nothing is missing at the end.
  if (next_ > first_ && At(next_ - 1).state != SlotState::kPresent) return false;
  return used == static_cast<std::size_t>(next_ - first_) && missing == missing_ && bytes == bytes_ &&
         bytes_ <= max_bytes_;
}

}  // namespace latchkey::frames
