// Bits and Exp-Golomb codes of an H.264 RBSP (ITU-T H.264 7.2, 9.1), most significant first.
#pragma once

#include <cstddef>
#include <cstdint>

#include "daemon/base/bytes.h"

namespace latchkey::wire {

// Reads the body of a NAL unit, leaving out emulation prevention bytes (the 3 of 00 00 03, 7.4.1) on the
// way. Past the end it turns bad and yields zero, as ByteReader does.
class RbspReader {
 public:
  explicit constexpr RbspReader(ByteView nal_body) : bytes_(nal_body) {}

  [[nodiscard]] constexpr bool ok() const { return ok_; }
  constexpr bool Bit() { return Bits(1) != 0; }
  // n <= 32.
  constexpr std::uint32_t Bits(unsigned n) {
    std::uint32_t value = 0;
    for (; n > 0; --n) value = (value << 1U) | NextBit();
    return ok_ ? value : 0;
  }
  constexpr void Skip(unsigned n) {
    for (; n > 0 && ok_; --n) (void)NextBit();
  }
  // ue(v): 0..2^32-2. A prefix of more than 31 zeros is bad.
  constexpr std::uint32_t Ue() {
    unsigned zeros = 0;
    while (ok_ && NextBit() == 0) {
      if (++zeros > 31) ok_ = false;
    }
    if (!ok_) return 0;
    const std::uint32_t suffix = Bits(zeros);
    return ok_ ? ((std::uint32_t{1} << zeros) - 1U) + suffix : 0;
  }
  // se(v): 1, -1, 2, -2 ...
  constexpr std::int32_t Se() {
    const std::uint32_t code = Ue();
    const auto half = static_cast<std::int32_t>(code / 2U);
    return code % 2U != 0 ? half + 1 : -half;
  }

 private:
  constexpr std::uint32_t NextBit() {
    if (bit_ == 0 && !LoadByte()) return 0;
    --bit_;
    return (current_ >> bit_) & 1U;
  }
  constexpr bool LoadByte() {
    if (zeros_ >= 2 && position_ < bytes_.size() && bytes_[position_] == 3) {
      ++position_;
      zeros_ = 0;
    }
    if (!ok_ || position_ >= bytes_.size()) {
      ok_ = false;
      return false;
    }
    current_ = bytes_[position_++];
    zeros_ = current_ == 0 ? zeros_ + 1 : 0;
    bit_ = 8;
    return true;
  }

  ByteView bytes_;
  std::size_t position_ = 0;
  unsigned zeros_ = 0;
  unsigned bit_ = 0;
  std::uint32_t current_ = 0;
  bool ok_ = true;
};

}  // namespace latchkey::wire
