#include "daemon/gate/index_ledger.h"

#include <algorithm>

namespace latchkey::gate {

using ports::SrtpIndex;

const IndexLedger::Source* IndexLedger::Find(std::uint32_t ssrc) const {
  const auto at =
      std::find_if(sources_.begin(), sources_.end(), [ssrc](const Source& s) { return s.ssrc == ssrc; });
  return at == sources_.end() ? nullptr : &*at;
}

IndexLedger::Source* IndexLedger::Find(std::uint32_t ssrc) {
  const auto at =
      std::find_if(sources_.begin(), sources_.end(), [ssrc](const Source& s) { return s.ssrc == ssrc; });
  return at == sources_.end() ? nullptr : &*at;
}

bool IndexLedger::Note(std::uint32_t ssrc, SrtpIndex index, Instant now) {
  Source* source = Find(ssrc);
  if (source == nullptr) {
    if (sources_.size() == kMaxSources) return false;
    source = &sources_.emplace_back();
    source->ssrc = ssrc;
    source->highest = index;
    source->block_from = index;
    source->block_since = now;
  }
  source->highest = std::max(source->highest, index);
  if (now - source->block_since >= kBlockTime) {
    source->block = std::clamp(source->highest - source->block_from, kLeastBlock, kMostBlock);
    source->block_from = source->highest;
    source->block_since = now;
  }
  return index < source->reserved;
}

void IndexLedger::Reserve(const IndexWish& reserved) {
  if (Source* source = Find(reserved.ssrc)) source->reserved = std::max(source->reserved, reserved.up_to);
}

std::optional<IndexWish> IndexLedger::TakeWish() {
  for (Source& source : sources_) {
    // The next block is asked for when half of this one is used up.
    if (source.asked == ports::kSrtpMaxIndex || source.asked > source.highest + source.block / 2) continue;
    source.asked = std::min(source.highest + source.block, ports::kSrtpMaxIndex);
    return IndexWish{source.ssrc, source.asked};
  }
  return std::nullopt;
}

bool IndexLedger::Covers(std::uint32_t ssrc, SrtpIndex index) const {
  const Source* source = Find(ssrc);
  return source != nullptr && index < source->reserved;
}

bool IndexLedger::IsConsistent() const {
  return sources_.size() <= kMaxSources && std::all_of(sources_.begin(), sources_.end(), [](const Source& s) {
           return s.reserved <= ports::kSrtpMaxIndex && s.asked <= ports::kSrtpMaxIndex &&
                  s.block_from <= s.highest;
         });
}

}  // namespace latchkey::gate
