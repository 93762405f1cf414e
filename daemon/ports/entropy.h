// Randomness as an argument: the operating system's in the programs, a seed in the simulation.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace latchkey::ports {

class Entropy {
 public:
  Entropy() = default;
  Entropy(const Entropy&) = delete;
  Entropy& operator=(const Entropy&) = delete;
  virtual ~Entropy() = default;

  // Fills all of `out`. A real source that can't aborts: nobody goes on with weak randomness.
  virtual void Fill(std::span<std::uint8_t> out) = 0;

  template <class IdType>
  IdType MakeId() {
    typename IdType::Bytes bytes{};
    do {
      Fill(bytes);
    } while (IdType(bytes).IsNull());
    return IdType(bytes);
  }
  std::uint32_t U32() {
    std::array<std::uint8_t, 4> b{};
    Fill(b);
    return (std::uint32_t{b[0]} << 24U) | (std::uint32_t{b[1]} << 16U) | (std::uint32_t{b[2]} << 8U) | b[3];
  }
};

}  // namespace latchkey::ports
