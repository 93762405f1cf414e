// Key material: no copy, no formatter, no comparison but the constant-time one, wiped at the end.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace latchkey {

// Overwrites in a way that the compiler keeps.
void Wipe(std::span<std::uint8_t> bytes);
// The same of a text, which is empty afterwards.
void WipeText(std::string& text);

// True when equal; time depends on the length alone.
bool ConstantTimeEqual(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);

// N bytes of key material in place. Moving wipes the source.
template <std::size_t N>
class Secret {
 public:
  static constexpr std::size_t kSize = N;

  Secret() = default;
  explicit Secret(std::span<const std::uint8_t, N> bytes) {
    for (std::size_t i = 0; i < N; ++i) bytes_[i] = bytes[i];
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { Wipe(other.bytes_); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      Wipe(other.bytes_);
    }
    return *this;
  }
  ~Secret() { Wipe(bytes_); }

  // The only ways to the bytes; each use is a place to review.
  [[nodiscard]] std::span<const std::uint8_t, N> Reveal() const { return bytes_; }
  [[nodiscard]] std::span<std::uint8_t, N> RevealForWriting() { return bytes_; }
  // A second copy, made on purpose.
  [[nodiscard]] Secret Duplicate() const { return Secret(Reveal()); }

 private:
  std::array<std::uint8_t, N> bytes_{};
};

using Secret32 = Secret<32>;

}  // namespace latchkey
