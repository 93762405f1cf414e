// Numbers that wrap on the wire, extended so that they never do inside.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>

namespace latchkey {

// Extends a wrapping counter of type Wire to 64 bits, taking each new value as the one nearest to the
// highest seen so far (RFC 3550 A.1 in spirit; half the range either way).
template <class Wire>
class Unwrapper {
 public:
  static_assert(std::is_unsigned_v<Wire>);

  // Peeks: what `value` would extend to. Changes nothing, so a caller may decide before it believes.
  [[nodiscard]] std::int64_t Peek(Wire value) const {
    if (!highest_) return kFirst + value;
    const auto base = static_cast<Wire>(*highest_);
    using Signed = std::make_signed_t<Wire>;
    return *highest_ + static_cast<Signed>(static_cast<Wire>(value - base));
  }
  // Extends and remembers the highest.
  std::int64_t Unwrap(Wire value) {
    const std::int64_t extended = Peek(value);
    if (!highest_ || extended > *highest_) highest_ = extended;
    return extended;
  }
  [[nodiscard]] std::optional<std::int64_t> highest() const { return highest_; }

 private:
  // One whole range up, so that values before the first one stay positive.
  static constexpr std::int64_t kFirst = std::int64_t{1}
                                         << static_cast<unsigned>(std::numeric_limits<Wire>::digits);
  std::optional<std::int64_t> highest_;
};

// An RTP sequence number that no longer wraps. Only differences and the low 16 bits have a meaning.
struct ExtendedSequence {
  std::int64_t value = 0;
  friend constexpr auto operator<=>(const ExtendedSequence&, const ExtendedSequence&) = default;
  [[nodiscard]] constexpr std::uint16_t Wire() const { return static_cast<std::uint16_t>(value); }
  [[nodiscard]] constexpr ExtendedSequence Next() const { return {value + 1}; }
};

// An RTP timestamp that no longer wraps, in units of its stream's clock rate.
struct ExtendedTimestamp {
  std::int64_t value = 0;
  friend constexpr auto operator<=>(const ExtendedTimestamp&, const ExtendedTimestamp&) = default;
  [[nodiscard]] constexpr std::uint32_t Wire() const { return static_cast<std::uint32_t>(value); }
};

}  // namespace latchkey
