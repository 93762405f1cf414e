// Ids and moments that tests of the audit log talk about.
#pragma once

#include <cstdint>

#include "daemon/base/time.h"

namespace latchkey::ctl {

template <class IdType>
IdType Filled(std::uint8_t fill) {
  typename IdType::Bytes bytes{};
  bytes.fill(fill);
  return IdType(bytes);
}
inline WallTime At(std::int64_t second) {
  return FromUnixSeconds(1'800'000'000 + second);
}

}  // namespace latchkey::ctl
