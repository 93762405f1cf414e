// The H.264 parameter sets seen last, so that every keyframe can carry its own (RFC 6184 8.4: cameras that
// send them once, or only in SDP, leave a new viewer without).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/base/bytes.h"

namespace latchkey::frames {

class ParameterSets {
 public:
  // Sets kept of each kind, by id. A further one takes the oldest one's place.
  static constexpr std::size_t kMaxSets = 8;
  // Largest set kept, in bytes; a longer one is ignored (it would not fit one payload).
  static constexpr std::size_t kMaxSize = 1200;

  // A whole NAL with its header byte. Other types and unreadable ids are ignored.
  void Learn(ByteView nal);
  // SPS first, then PPS, each a whole NAL.
  [[nodiscard]] const std::vector<ByteVector>& sps() const { return sps_.nals; }
  [[nodiscard]] const std::vector<ByteVector>& pps() const { return pps_.nals; }
  [[nodiscard]] bool complete() const { return !sps_.nals.empty() && !pps_.nals.empty(); }

 private:
  struct Kind {
    std::vector<ByteVector> nals;
    std::vector<std::uint32_t> ids;  // beside nals
  };
  static void Put(Kind& kind, std::uint32_t id, ByteView nal);
  Kind sps_;
  Kind pps_;
};

}  // namespace latchkey::frames
