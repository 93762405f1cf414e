#include "daemon/frames/parameter_sets.h"

#include <algorithm>

#include "daemon/wire/bit_reader.h"
#include "daemon/wire/h264.h"

namespace latchkey::frames {

//   SPS | header | profile_idc (8) | constraints (8) | level_idc (8) | seq_parameter_set_id ue(v) ...
//   PPS | header | pic_parameter_set_id ue(v) ...                            (H.264 7.3.2.1.1, 7.3.2.2)
void ParameterSets::Learn(ByteView nal) {
  if (nal.size() < 2 || nal.size() > kMaxSize) return;
  const std::uint8_t type = wire::NalType(nal[0]);
  if (type != wire::nal::kSps && type != wire::nal::kPps) return;
  wire::RbspReader reader(nal.subspan(1));
  if (type == wire::nal::kSps) reader.Skip(24);
  const std::uint32_t id = reader.Ue();
  if (reader.ok()) Put(type == wire::nal::kSps ? sps_ : pps_, id, nal);
}

void ParameterSets::Put(Kind& kind, std::uint32_t id, ByteView nal) {
  const auto found = std::find(kind.ids.begin(), kind.ids.end(), id);
  if (found != kind.ids.end()) {
    kind.nals[static_cast<std::size_t>(found - kind.ids.begin())].assign(nal.begin(), nal.end());
    return;
  }
  if (kind.ids.size() == kMaxSets) {
    kind.ids.erase(kind.ids.begin());
    kind.nals.erase(kind.nals.begin());
  }
  kind.ids.push_back(id);
  kind.nals.emplace_back(nal.begin(), nal.end());
}

}  // namespace latchkey::frames
