// A keyed checksum of 128 bits. A stand-in for cost alone: a wrong key or a changed bit fails, but anyone who
// tries can forge it. Nothing outside the simulation may use it.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "daemon/base/bytes.h"

namespace latchkey::sim {

class Mixing {
 public:
  explicit Mixing(std::uint64_t seed = 0) : a_(seed ^ 0x9e3779b97f4a7c15U), b_(~seed * 0xd6e8feb86659fd93U) {}

  Mixing& Add(std::uint64_t word) {
    a_ = (a_ ^ word) * 0xbf58476d1ce4e5b9U;
    a_ ^= a_ >> 29U;
    b_ = (b_ + word) * 0x94d049bb133111ebU;
    b_ ^= b_ >> 31U;
    return *this;
  }
  // The length goes in first, so that neighbours can't trade bytes.
  Mixing& Add(ByteView bytes) {
    Add(bytes.size());
    std::size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8) Add(Load(bytes.data() + at, 8));
    if (at < bytes.size()) Add(Load(bytes.data() + at, bytes.size() - at));
    return *this;
  }
  [[nodiscard]] std::uint64_t Low() const { return Finish(a_ ^ (b_ >> 32U)); }
  [[nodiscard]] std::uint64_t High() const { return Finish(b_ ^ (a_ >> 32U)); }

  // Fills `out`, of any length, with what follows from all that was added.
  void Fill(MutableByteView out) const {
    std::uint64_t state = Low();
    for (std::size_t at = 0; at < out.size(); at += 8) {
      const std::uint64_t word = Finish(state ^ High());
      state += 0x9e3779b97f4a7c15U;
      std::memcpy(out.data() + at, &word, out.size() - at < 8 ? out.size() - at : 8);
    }
  }
  // The same bytes, laid over `bytes`: twice is none.
  void Mask(MutableByteView bytes) const {
    std::uint64_t state = Low();
    for (std::size_t at = 0; at < bytes.size(); at += 8) {
      const std::size_t size = bytes.size() - at < 8 ? bytes.size() - at : 8;
      const std::uint64_t word = Load(bytes.data() + at, size) ^ (state * 0xbf58476d1ce4e5b9U ^ High());
      state += 0x9e3779b97f4a7c15U;
      std::memcpy(bytes.data() + at, &word, size);
    }
  }
  template <std::size_t N>
  [[nodiscard]] std::array<std::uint8_t, N> Bytes() const {
    std::array<std::uint8_t, N> out{};
    Fill(out);
    return out;
  }

 private:
  static std::uint64_t Load(const std::uint8_t* from, std::size_t size) {
    std::uint64_t word = 0;
    std::memcpy(&word, from, size);
    return word;
  }
  static std::uint64_t Finish(std::uint64_t z) {
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }
  std::uint64_t a_;
  std::uint64_t b_;
};

}  // namespace latchkey::sim
