// A parameter set gives sizes in bounds, or nothing; profile-level-id survives its text.
#include "daemon/wire/h264.h"
#include "daemon/wire/h264_sps.h"
#include "tests/fuzz/fuzz.h"

namespace latchkey::fuzz {

void Fuzz(ByteView input) {
  (void)wire::ParseH264SliceStart(input);
  // Seeds may have the NAL header byte in front: try both.
  for (const ByteView body : {input, input.empty() ? input : input.subspan(1)}) {
    const auto sps = wire::ParseH264Sps(body);
    if (!sps) continue;
    LATCHKEY_CHECK(sps->width >= 1 && sps->width <= wire::kH264MaxDimension);
    LATCHKEY_CHECK(sps->height >= 1 && sps->height <= wire::kH264MaxDimension);
    LATCHKEY_CHECK(sps->id <= 31 && sps->max_num_reorder_frames.value_or(0) <= 16);
    LATCHKEY_CHECK(wire::ParseProfileLevelId(wire::FormatProfileLevelId(sps->profile_level)) ==
                   sps->profile_level);
    LATCHKEY_CHECK(wire::ProfileAccepts(sps->profile_level, sps->profile_level));
    (void)sps->MayReorder();
  }
}

}  // namespace latchkey::fuzz
