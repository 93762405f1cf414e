#include "daemon/gate/index_ledger.h"

#include <algorithm>

namespace latchkey::gate {

using ports::SrtpIndex;

const IndexLedger::Source* IndexLedger::Find(std::uint32_t ssrc) const {
  const auto at =
      std::find_if(sources_.begin(), sources_.end(), [ssrc](const Source& s) { return s.ssrc == ssrc; });
  return at == sources_.end() ? nullptr : &*at;
}

bool IndexLedger::Note(std::uint32_t ssrc, SrtpIndex index, Instant now) {
  auto source =
      std::find_if(sources_.begin(), sources_.end(), [ssrc](const Source& s) { return s.ssrc == ssrc; });
  if (source == sources_.end()) {
    if (sources_.size() == kMaxSources) return false;
    source = sources_.insert(source, Source());
    source->ssrc = ssrc;
  }
  source->highest = std::max(source->highest, index);
  // The next block is asked for when half of this one is used up.
  if (source->asked <= source->highest + source->block / 2 && source->asked != ports::kSrtpMaxIndex)
    Want(*source, now);
  return index < source->reserved;
}

void IndexLedger::Want(Source& source, Instant now) {
  if (source.wanted) return;
  source.wanted = true;
  if (source.wanted_at) {
    const Duration half = now - *source.wanted_at;
    if (half < kBlockTime / 2) source.block = std::min(source.block * 2, kMostBlock);
    if (half > kBlockTime * 2) source.block = std::max(source.block / 2, kLeastBlock);
  }
  source.wanted_at = now;
}

void IndexLedger::Reserve(const IndexWish& reserved) {
  const auto source = std::find_if(sources_.begin(), sources_.end(),
                                   [&](const Source& s) { return s.ssrc == reserved.ssrc; });
  if (source != sources_.end()) source->reserved = std::max(source->reserved, reserved.up_to);
}

std::optional<IndexWish> IndexLedger::TakeWish() {
  const auto source =
      std::find_if(sources_.begin(), sources_.end(), [](const Source& s) { return s.wanted; });
  if (source == sources_.end()) return std::nullopt;
  source->wanted = false;
  // Further than before in any case: after a halving the new block may end where the old one did.
  const SrtpIndex further = std::max(source->highest + source->block, source->asked + source->block / 2);
  source->asked = std::min(further, ports::kSrtpMaxIndex);
  return IndexWish{source->ssrc, source->asked};
}

bool IndexLedger::Covers(std::uint32_t ssrc, SrtpIndex index) const {
  const Source* source = Find(ssrc);
  return source != nullptr && index < source->reserved;
}

bool IndexLedger::IsConsistent() const {
  return sources_.size() <= kMaxSources && std::all_of(sources_.begin(), sources_.end(), [](const Source& s) {
           return s.reserved <= ports::kSrtpMaxIndex && s.asked <= ports::kSrtpMaxIndex &&
                  s.block >= kLeastBlock && s.block <= kMostBlock;
         });
}

}  // namespace latchkey::gate
