// Key material: no copy, no formatter, no comparison but the constant-time one, in locked memory, wiped at
// the end.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/base/secret_memory.h"

namespace latchkey {

// Overwrites in a way that the compiler keeps.
void Wipe(std::span<std::uint8_t> bytes);
// The same of a text, which is empty afterwards.
void WipeText(std::string& text);

// True when equal; time depends on the length alone.
bool ConstantTimeEqual(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);

// Bytes of secret memory (secret_memory.h) and their one owner. Moving leaves the source empty.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::size_t size) : bytes_(TakeSecretMemory(size)) {}
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  SecretBytes(SecretBytes&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    other.Clear();
    return *this;
  }
  ~SecretBytes() { Clear(); }

  void Clear() { GiveSecretMemory(std::exchange(bytes_, {})); }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  [[nodiscard]] std::span<std::uint8_t> bytes() const { return bytes_; }

 private:
  std::span<std::uint8_t> bytes_;
};

// N bytes of key material; zeros until they are written. Moving leaves zeros behind.
template <std::size_t N>
class Secret {
 public:
  static constexpr std::size_t kSize = N;

  Secret() = default;
  explicit Secret(std::span<const std::uint8_t, N> bytes) : bytes_(N) {
    for (std::size_t i = 0; i < N; ++i) bytes_.bytes()[i] = bytes[i];
  }

  // The only ways to the bytes; each use is a place to review.
  [[nodiscard]] std::span<const std::uint8_t, N> Reveal() const {
    if (bytes_.empty()) return kZeros;
    return std::span<const std::uint8_t, N>(bytes_.bytes().data(), N);
  }
  [[nodiscard]] std::span<std::uint8_t, N> RevealForWriting() {
    if (bytes_.empty()) bytes_ = SecretBytes(N);
    return std::span<std::uint8_t, N>(bytes_.bytes().data(), N);
  }
  // A second copy, made on purpose.
  [[nodiscard]] Secret Duplicate() const { return Secret(Reveal()); }

 private:
  static constexpr std::array<std::uint8_t, N> kZeros{};
  SecretBytes bytes_;
};

using Secret32 = Secret<32>;

// A secret of any length that is text: a key in PEM.
class SecretText {
 public:
  SecretText() = default;
  explicit SecretText(std::string_view text) : bytes_(text.size()) {
    for (std::size_t i = 0; i < text.size(); ++i) bytes_.bytes()[i] = static_cast<std::uint8_t>(text[i]);
  }
  [[nodiscard]] std::string_view Reveal() const {
    // char may alias anything.
    return {static_cast<const char*>(static_cast<const void*>(bytes_.bytes().data())), bytes_.bytes().size()};
  }
  [[nodiscard]] SecretText Duplicate() const { return SecretText(Reveal()); }

 private:
  SecretBytes bytes_;
};

}  // namespace latchkey
