// The second half of the assembler: what becomes of a frame that has all its packets.
#include <utility>

#include "daemon/base/check.h"
#include "daemon/frames/assembler.h"
#include "daemon/frames/repacketise.h"
#include "daemon/wire/h264.h"

namespace latchkey::frames {
namespace {

// What record lengths, parameter sets and fragment headers may add to the payloads of one window: 2048
// packets of a few bytes each, and 16 sets of 1200.
constexpr std::size_t kRecordRoom = 64 * 1024;
static_assert(kVideoWindowPackets * 16 + 2 * ParameterSets::kMaxSets * ParameterSets::kMaxSize < kRecordRoom);

}  // namespace

void Assembler::Finish(const Scan& scan, Instant now) {
  if (!scan.has_payload) return;
  if (config_.codec == wire::Codec::kH264 && !scan.broken) LearnParameterSets(scan);
  if (!scan.has_picture && !scan.broken) return;  // parameters or SEI alone
  if (MarkerMisled(scan)) marker_ends_frame_ = false;
  NoteReordering(scan);
  if (!Decodable(scan)) {
    BreakChain();
    return;
  }
  Emit(scan, now);
}

// The rest of a picture of which the marker had cut off the beginning: this camera sets it on each slice.
bool Assembler::MarkerMisled(const Scan& scan) const {
  return config_.codec == wire::Codec::kH264 && marker_ends_frame_ && last_timestamp_ == scan.timestamp &&
         scan.has_picture && !scan.picture_start;
}

bool Assembler::Decodable(const Scan& scan) {
  const bool sound = !scan.broken && !scan.unit_open && scan.picture_start;
  if (is_video() && !chained_ && !(sound && scan.keyframe)) {
    ++counters_.undecodable;
    return false;
  }
  if (!sound) {
    ++counters_.broken;
    return false;
  }
  if (unsupported_ != Unsupported::kNone) {
    ++counters_.unsupported;
    return false;
  }
  if (scan.bytes > kMaxFrame - kRecordRoom) {
    ++counters_.too_large;
    return false;
  }
  if (NeedsParameterSets(scan)) {
    ++counters_.undecodable;
    return false;
  }
  return true;
}

// A keyframe without its own, and none known to give it.
bool Assembler::NeedsParameterSets(const Scan& scan) const {
  return config_.codec == wire::Codec::kH264 && scan.keyframe && !(scan.has_sps && scan.has_pps) &&
         !parameter_sets_.complete();
}

void Assembler::LearnParameterSets(const Scan& scan) {
  if (!scan.has_sps && !scan.has_pps) return;
  for (std::int64_t at = scan.begin; at < scan.next; ++at) {
    const StoredPacket* packet = window_.Find(at);
    if (packet == nullptr || !(packet->facts.has_sps || packet->facts.has_pps)) continue;
    auto pieces = wire::ParseH264Payload(packet->payload);
    if (!pieces) continue;
    while (const auto piece = pieces->Next()) {
      // A set in fragments is longer than any that makes sense.
      if (!piece->first || !piece->last || piece->body.size() >= ParameterSets::kMaxSize) continue;
      ByteVector nal{piece->header};
      nal.insert(nal.end(), piece->body.begin(), piece->body.end());
      parameter_sets_.Learn(nal);
    }
  }
}

// Reordering stands until a whole group of pictures went by without it.
void Assembler::NoteReordering(const Scan& scan) {
  if (scan.keyframe) {
    if (!group_reorders_) unsupported_ = Unsupported::kNone;
    group_reorders_ = false;
  }
  if (!scan.b_slice) return;
  group_reorders_ = true;
  unsupported_ = Unsupported::kReordering;
}

void Assembler::Emit(const Scan& scan, Instant now) {
  // An SPS goes before every PPS, so one that lacks only the PPS gets both kinds.
  const bool start = config_.codec == wire::Codec::kH264 && scan.keyframe;
  std::vector<const ByteVector*> sets;
  if (start && !(scan.has_sps && scan.has_pps)) {
    for (const ByteVector& nal : parameter_sets_.sps()) sets.push_back(&nal);
  }
  if (start && !scan.has_pps) {
    for (const ByteVector& nal : parameter_sets_.pps()) sets.push_back(&nal);
  }
  std::size_t bytes = scan.bytes;
  for (const ByteVector* nal : sets) bytes += nal->size();
  FrameBuilder builder(bytes, sets.size() + static_cast<std::size_t>(scan.next - scan.begin));
  for (const ByteVector* nal : sets) builder.Add(*nal);
  for (std::int64_t at = scan.begin; at < scan.next; ++at) {
    const StoredPacket* packet = window_.Find(at);
    LATCHKEY_CHECK(packet != nullptr);
    if (packet->payload.empty()) continue;
    if (!AddPayload(config_.codec, packet->payload, builder) || builder.count() > kMaxRecords) {
      ++counters_.too_large;
      BreakChain();
      return;
    }
  }
  FrameHeader header;
  header.camera = config_.camera;
  header.epoch = config_.epoch;
  header.stream = wire::StreamKindOf(config_.codec);
  header.codec = config_.codec;
  header.keyframe = scan.keyframe;
  header.timestamp = {timestamps_.Unwrap(scan.timestamp)};
  header.captured = scan.arrived_first;
  header.arrived_first = scan.arrived_first;
  header.whole = now;
  LATCHKEY_CHECK(builder.bytes() <= kMaxFrame && ready_.size() < kMaxReadyFrames);
  ready_.push_back(std::move(builder).Build(header));
  chained_ = true;
  ++counters_.frames;
  if (scan.keyframe) ++counters_.keyframes;
}

}  // namespace latchkey::frames
