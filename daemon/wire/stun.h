// STUN Binding messages of ICE (RFC 8489, RFC 8445 7). Parsing believes nothing: a message is worth
// what StunIntegrityVerifies() says, and until then nothing is answered (DESIGN invariant 12).
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |0 0|  type: method and class   |  length of what follows the 20  |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |                  magic cookie 0x2112A442                        |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |                  transaction id (96 bits)                       |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |  attribute type               |  length (without padding)       |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |  value, padded to 32 bits ... MESSAGE-INTEGRITY, FINGERPRINT    |
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "daemon/base/address.h"
#include "daemon/base/bytes.h"
#include "daemon/base/secret.h"

namespace latchkey::wire {

constexpr std::size_t kStunHeaderSize = 20;
constexpr std::uint32_t kStunMagicCookie = 0x2112A442;
constexpr std::size_t kStunDigestSize = 20;
// A longer message is refused: ICE's are around 100 bytes, and none needs more than one IPv6 minimum MTU.
constexpr std::size_t kStunMaxMessage = 1280;
// USERNAME of "local:remote" fragments (RFC 8489 14.3: at most 508 bytes); longer is refused.
constexpr std::size_t kStunMaxUsername = 508;
// Unknown comprehension-required attributes listed in a 420; further ones are left out of the list.
constexpr std::size_t kStunMaxUnknown = 8;

using StunDigest = std::array<std::uint8_t, kStunDigestSize>;

enum class StunClass : std::uint8_t { kRequest, kIndication, kSuccess, kError, kCount };

enum class StunErrorCode : std::uint16_t {
  kBadRequest = 400,
  kUnauthenticated = 401,
  kUnknownAttribute = 420,
  kRoleConflict = 487,  // RFC 8445 7.3.1.1
  kServerError = 500,
};

struct StunTransactionId {
  std::array<std::uint8_t, 12> bytes{};
  friend constexpr auto operator<=>(const StunTransactionId&, const StunTransactionId&) = default;
};

// A Binding message: views into the caller's datagram, which must outlive it. Attributes behind
// MESSAGE-INTEGRITY are ignored (RFC 8489 14.5): nothing here but `has_fingerprint` comes from there.
struct StunMessage {
  StunClass message_class = StunClass::kRequest;
  StunTransactionId transaction;
  std::optional<std::string_view> username;
  std::optional<std::uint32_t> priority;         // RFC 8445 7.1.1
  bool use_candidate = false;                    // RFC 8445 7.1.2
  std::optional<std::uint64_t> ice_controlling;  // tie-breaker, RFC 8445 7.1.3
  std::optional<std::uint64_t> ice_controlled;
  std::optional<SocketAddress> mapped_address;  // XOR-MAPPED-ADDRESS
  std::optional<std::uint16_t> error_code;      // 300..699
  std::array<std::uint16_t, kStunMaxUnknown> unknown_types{};
  std::size_t unknown_count = 0;
  bool has_fingerprint = false;  // present, and its CRC is right (a wrong one is refused)
  // MESSAGE-INTEGRITY: its value, and what lies in front of it. Absent: nobody vouches for this message.
  struct Integrity {
    StunDigest digest{};
    ByteView covered;  // from the first byte of the message up to the attribute
  };
  std::optional<Integrity> integrity;

  [[nodiscard]] std::span<const std::uint16_t> unknown() const {
    return std::span(unknown_types).first(unknown_count);
  }
};

// The whole datagram must be one message. Nothing for anything malformed, over a bound, of another
// method than Binding, without the magic cookie, or with a FINGERPRINT that is wrong or not last.
// Of repeated attributes the first counts (RFC 8489 14).
std::optional<StunMessage> ParseStun(ByteView datagram);

// "left:right" of a USERNAME (RFC 8445 7.2.2: for a request that reaches us, left is our own fragment).
struct StunUsername {
  std::string_view local;
  std::string_view remote;
};
std::optional<StunUsername> SplitStunUsername(std::string_view username);

// What MESSAGE-INTEGRITY signs: the covered bytes with the header's length counting up to and including
// the attribute itself (RFC 8489 14.5).
struct StunSigningInput {
  std::array<std::uint8_t, kStunMaxMessage> buffer;
  std::size_t size = 0;
  [[nodiscard]] ByteView bytes() const { return ByteView(buffer).first(size); }
};
void FillStunSigningInput(const StunMessage::Integrity& integrity, StunSigningInput& input);

// `hmac(key, data)` is HMAC-SHA1 and returns 20 bytes (ports::Crypto::HmacSha1 in a lambda). `password`
// is the ICE password, the key of short-term credentials (RFC 8489 9.1.1). False without the attribute.
template <class HmacSha1>
[[nodiscard]] bool StunIntegrityVerifies(const StunMessage& message, ByteView password, HmacSha1&& hmac) {
  if (!message.integrity) return false;
  StunSigningInput input;
  FillStunSigningInput(*message.integrity, input);
  const StunDigest computed = hmac(password, input.bytes());
  return ConstantTimeEqual(computed, message.integrity->digest);
}

// Writes one message: attributes in any order, then Sign(), then Finish(). Out of room: Finish() is empty.
class StunWriter {
 public:
  StunWriter(StunClass message_class, const StunTransactionId& transaction, MutableByteView out);

  void Username(std::string_view username);
  void Priority(std::uint32_t priority);
  void UseCandidate();
  void IceControlling(std::uint64_t tie_breaker);
  void IceControlled(std::uint64_t tie_breaker);
  void XorMappedAddress(const SocketAddress& address);
  void ErrorCode(StunErrorCode code);
  void UnknownAttributes(std::span<const std::uint16_t> types);

  template <class HmacSha1>
  void Sign(ByteView password, HmacSha1&& hmac) {
    const ByteView input = BeginIntegrity();
    if (!input.empty()) EndIntegrity(hmac(password, input));
  }
  // The whole message with FINGERPRINT, or empty when `out` was too small.
  [[nodiscard]] ByteView Finish();

 private:
  void Attribute(std::uint16_t type, std::size_t length);
  void Pad(std::size_t length);
  void SetLength(std::size_t beyond);
  ByteView BeginIntegrity();
  void EndIntegrity(const StunDigest& digest);

  ByteWriter writer_;
  StunTransactionId transaction_;
  bool has_room_ = true;  // false: Sign() did not fit, and nothing unsigned may go out in its place
};

// A connectivity check, for our own clients (RFC 8445 7.1).
struct StunCheck {
  StunTransactionId transaction;
  std::string_view username;  // "remote-fragment:own-fragment"
  std::uint32_t priority = 0;
  bool controlling = true;
  std::uint64_t tie_breaker = 0;
  bool use_candidate = false;
};
template <class HmacSha1>
[[nodiscard]] ByteView WriteStunCheck(const StunCheck& check, ByteView password, HmacSha1&& hmac,
                                      MutableByteView out) {
  StunWriter writer(StunClass::kRequest, check.transaction, out);
  writer.Username(check.username);
  writer.Priority(check.priority);
  check.controlling ? writer.IceControlling(check.tie_breaker) : writer.IceControlled(check.tie_breaker);
  if (check.use_candidate) writer.UseCandidate();
  writer.Sign(password, hmac);
  return writer.Finish();
}

// The answer to a check that verified (RFC 8445 7.3.1): `mapped` is where it came from.
template <class HmacSha1>
[[nodiscard]] ByteView WriteStunSuccess(const StunTransactionId& transaction, const SocketAddress& mapped,
                                        ByteView password, HmacSha1&& hmac, MutableByteView out) {
  StunWriter writer(StunClass::kSuccess, transaction, out);
  writer.XorMappedAddress(mapped);
  writer.Sign(password, hmac);
  return writer.Finish();
}

// The refusal of a check that verified. `unknown` is the list of a 420, empty for every other code.
template <class HmacSha1>
[[nodiscard]] ByteView WriteStunError(const StunTransactionId& transaction, StunErrorCode code,
                                      std::span<const std::uint16_t> unknown, ByteView password,
                                      HmacSha1&& hmac, MutableByteView out) {
  StunWriter writer(StunClass::kError, transaction, out);
  writer.ErrorCode(code);
  if (!unknown.empty()) writer.UnknownAttributes(unknown);
  writer.Sign(password, hmac);
  return writer.Finish();
}

}  // namespace latchkey::wire
