// Bounded reading and writing of network byte order. Readers never throw and never run past the end:
// the first short read makes the reader bad, every later read returns zero, and ok() tells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "daemon/base/check.h"

namespace latchkey {

using ByteView = std::span<const std::uint8_t>;
using MutableByteView = std::span<std::uint8_t>;
using ByteVector = std::vector<std::uint8_t>;

inline std::string_view AsText(ByteView bytes) {
  // char may alias anything: this is the one cast a parser of text needs.
  return {static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
}
inline ByteView AsBytes(std::string_view text) {
  return {static_cast<const std::uint8_t*>(static_cast<const void*>(text.data())), text.size()};
}

class ByteReader {
 public:
  explicit constexpr ByteReader(ByteView bytes) : bytes_(bytes) {}

  [[nodiscard]] constexpr bool ok() const { return ok_; }
  [[nodiscard]] constexpr std::size_t remaining() const { return bytes_.size() - position_; }
  [[nodiscard]] constexpr std::size_t position() const { return position_; }
  // Everything was read and nothing was missing.
  [[nodiscard]] constexpr bool AtEnd() const { return ok_ && remaining() == 0; }

  constexpr std::uint8_t U8() { return static_cast<std::uint8_t>(Unsigned(1)); }
  constexpr std::uint16_t U16() { return static_cast<std::uint16_t>(Unsigned(2)); }
  constexpr std::uint32_t U24() { return static_cast<std::uint32_t>(Unsigned(3)); }
  constexpr std::uint32_t U32() { return static_cast<std::uint32_t>(Unsigned(4)); }
  constexpr std::uint64_t U64() { return Unsigned(8); }

  // The next n bytes, or an empty view and a bad reader.
  constexpr ByteView Bytes(std::size_t n) {
    if (!Need(n)) return {};
    const ByteView view = bytes_.subspan(position_, n);
    position_ += n;
    return view;
  }
  constexpr ByteView Rest() { return Bytes(ok_ ? remaining() : 0); }
  constexpr void Skip(std::size_t n) { (void)Bytes(n); }

 private:
  constexpr bool Need(std::size_t n) {
    if (!ok_ || n > remaining()) ok_ = false;
    return ok_;
  }
  constexpr std::uint64_t Unsigned(std::size_t n) {
    if (!Need(n)) return 0;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < n; ++i) value = (value << 8U) | bytes_[position_ + i];
    position_ += n;
    return value;
  }

  ByteView bytes_;
  std::size_t position_ = 0;
  bool ok_ = true;
};

// Writes into a caller's buffer. Running out of room makes it bad and writes nothing more: the caller
// sizes the buffer, so check ok() (or CHECK it where the size is our own constant).
class ByteWriter {
 public:
  explicit constexpr ByteWriter(MutableByteView out) : out_(out) {}

  [[nodiscard]] constexpr bool ok() const { return ok_; }
  [[nodiscard]] constexpr std::size_t size() const { return size_; }
  [[nodiscard]] constexpr std::size_t room() const { return out_.size() - size_; }
  [[nodiscard]] constexpr ByteView Written() const { return ByteView(out_).first(size_); }

  constexpr void U8(std::uint8_t v) { Unsigned(v, 1); }
  constexpr void U16(std::uint16_t v) { Unsigned(v, 2); }
  constexpr void U24(std::uint32_t v) { Unsigned(v, 3); }
  constexpr void U32(std::uint32_t v) { Unsigned(v, 4); }
  constexpr void U64(std::uint64_t v) { Unsigned(v, 8); }
  void Bytes(ByteView bytes) {
    if (!Need(bytes.size()) || bytes.empty()) return;
    std::memcpy(out_.data() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  // Overwrites two bytes written earlier, for lengths known only afterwards.
  constexpr void PatchU16(std::size_t at, std::uint16_t v) {
    LATCHKEY_CHECK(at + 2 <= size_);
    out_[at] = static_cast<std::uint8_t>(v >> 8U);
    out_[at + 1] = static_cast<std::uint8_t>(v & 0xffU);
  }

 private:
  constexpr bool Need(std::size_t n) {
    if (!ok_ || n > room()) ok_ = false;
    return ok_;
  }
  constexpr void Unsigned(std::uint64_t v, std::size_t n) {
    if (!Need(n)) return;
    for (std::size_t i = 0; i < n; ++i) {
      out_[size_ + i] = static_cast<std::uint8_t>((v >> (8U * (n - 1 - i))) & 0xffU);
    }
    size_ += n;
  }

  MutableByteView out_;
  std::size_t size_ = 0;
  bool ok_ = true;
};

}  // namespace latchkey
