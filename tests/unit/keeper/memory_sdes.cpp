// The registry in memory: keys that the hub made.
#include <algorithm>

#include "tests/unit/keeper/house.h"

namespace latchkey::keeper {

Status MemoryStore::NoteSdesTag(CameraId camera, const ports::KeyTag& tag, WallTime) {
  if (auto written = Write(); !written) return written;
  if (!used.emplace(tag, camera).second) return Fail(ErrorCode::kConflict, "used already");
  for (auto& c : state.cameras) {
    if (c.id == camera) c.enrolment->tag = tag;
  }
  return {};
}
Status MemoryStore::SetSdesPort(CameraId camera, std::uint16_t port) {
  if (auto written = Write(); !written) return written;
  for (auto& c : state.cameras) {
    if (c.id == camera) c.enrolment->port = port;
  }
  return {};
}
Status MemoryStore::ReserveIndex(CameraId camera, const ports::SealedSdesKey& key,
                                 const ports::SourceFloor& source) {
  if (auto written = Write(); !written) return written;
  const auto has_it = [&](const auto& c) { return c.id == camera && c.enrolment && c.enrolment->key == key; };
  if (std::none_of(state.cameras.begin(), state.cameras.end(), has_it))
    return Fail(ErrorCode::kNotFound, "no such key any more");
  if (sources.size() >= most_sources && !sources.contains({camera, source.ssrc}))
    return Fail(ErrorCode::kDenied, "too many senders");
  auto& reserved = sources[{camera, source.ssrc}];
  if (source.from <= reserved) return Fail(ErrorCode::kInvalid, "further already");
  reserved = source.from;
  return {};
}
Result<std::vector<ports::SourceFloor>> MemoryStore::SdesSources(CameraId camera) {
  std::vector<ports::SourceFloor> floors;
  for (const auto& [source, reserved] : sources) {
    if (source.first == camera) floors.push_back({source.second, reserved});
  }
  return floors;
}

}  // namespace latchkey::keeper
