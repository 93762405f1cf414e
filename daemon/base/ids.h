// Opaque 128-bit identities (DESIGN invariants 6 and 9) and the small counted ones.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace latchkey {

namespace internal {
// Lower-case hexadecimal, two digits a byte.
std::string HexEncode(std::span<const std::uint8_t> bytes);
// The same into 2 * bytes.size() bytes (CHECKed), for what must not lie in a string.
void HexEncode(std::span<const std::uint8_t> bytes, std::span<std::uint8_t> out);
// Exactly 2 * out.size() lower-case digits; anything else is refused and `out` is unspecified.
bool HexDecodeExact(std::string_view text, std::span<std::uint8_t> out);
}  // namespace internal

// An identity of one kind: 128 random bits, never reused, compared whole. Two kinds never convert.
template <class Tag>
class Id {
 public:
  static constexpr std::size_t kSize = 16;
  using Bytes = std::array<std::uint8_t, kSize>;

  // The all-zero id names nothing; see IsNull().
  constexpr Id() = default;
  explicit constexpr Id(const Bytes& bytes) : bytes_(bytes) {}

  // Accepts exactly 32 lower-case hexadecimal digits: no prefix, no folding, no shortening.
  static std::optional<Id> FromHex(std::string_view text) {
    Id id;
    if (!internal::HexDecodeExact(text, id.bytes_)) return std::nullopt;
    return id;
  }

  [[nodiscard]] std::string ToHex() const { return internal::HexEncode(bytes_); }
  [[nodiscard]] constexpr const Bytes& bytes() const { return bytes_; }
  [[nodiscard]] constexpr bool IsNull() const { return bytes_ == Bytes{}; }

  friend constexpr auto operator<=>(const Id&, const Id&) = default;
  friend constexpr bool operator==(const Id&, const Id&) = default;

 private:
  Bytes bytes_{};
};

using CameraId = Id<struct CameraTag>;
using ViewerId = Id<struct ViewerTag>;
using GrantId = Id<struct GrantTag>;
// One publishing or viewing session; its hexadecimal form is the unguessable /session/{id} URL.
using SessionId = Id<struct SessionTag>;
// One question on an IPC channel. The reply repeats it (invariant 10).
using RequestId = Id<struct RequestTag>;
using SuspensionId = Id<struct SuspensionTag>;
// Who asks: the first 16 bytes of SHA-256(token). Repeated by every reply beside the request id.
using PrincipalId = Id<struct PrincipalTag>;

// A counted identity. Strong, ordered, never mixed with another kind or a bare integer.
template <class Tag>
struct Counted {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(const Counted&, const Counted&) = default;
  [[nodiscard]] constexpr Counted Next() const { return Counted{value + 1}; }
};

// Life of one content key. 0 is "no epoch": nothing is sealed or opened in it.
using Epoch = Counted<struct EpochTag>;
// Position of a frame in one camera's cache: contiguous within an epoch, audio and video together.
using FrameNumber = Counted<struct FrameNumberTag>;

}  // namespace latchkey

template <class Tag>
struct std::hash<latchkey::Id<Tag>> {
  std::size_t operator()(const latchkey::Id<Tag>& id) const noexcept {
    // Ids are random already: the first word is as good a hash as any.
    std::size_t h = 0;
    for (std::size_t i = 0; i < sizeof(h); ++i) h = (h << 8U) | id.bytes()[i];
    return h;
  }
};
