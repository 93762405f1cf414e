// Whatever parses can be written again and says the same; a signature holds for its own bytes alone.
#include <array>

#include "daemon/wire/stun.h"
#include "tests/fuzz/fuzz.h"

namespace latchkey::fuzz {
namespace {

// No HMAC, but like one in what matters: it depends on every byte of key and data.
wire::StunDigest Mix(ByteView key, ByteView data) {
  std::uint64_t state = 0xcbf29ce484222325U;
  const auto eat = [&state](ByteView bytes) {
    for (const std::uint8_t byte : bytes) state = (state ^ byte) * 0x100000001b3U;
  };
  eat(key);
  eat(data);
  wire::StunDigest digest{};
  for (std::uint8_t& byte : digest) {
    state = (state ^ (state >> 29U)) * 0xbf58476d1ce4e5b9U;
    byte = static_cast<std::uint8_t>(state >> 56U);
  }
  return digest;
}

// Our own attributes of `message`, written anew and signed.
ByteView Rewrite(const wire::StunMessage& message, ByteView key, MutableByteView out) {
  wire::StunWriter writer(message.message_class, message.transaction, out);
  if (message.username) writer.Username(*message.username);
  if (message.priority) writer.Priority(*message.priority);
  if (message.use_candidate) writer.UseCandidate();
  if (message.ice_controlling) writer.IceControlling(*message.ice_controlling);
  if (message.ice_controlled) writer.IceControlled(*message.ice_controlled);
  if (message.mapped_address) writer.XorMappedAddress(*message.mapped_address);
  writer.Sign(key, Mix);
  return writer.Finish();
}

}  // namespace

void Fuzz(ByteView input) {
  const auto message = wire::ParseStun(input);
  if (!message) return;
  LATCHKEY_CHECK(message->unknown_count <= wire::kStunMaxUnknown);
  if (message->username) (void)wire::SplitStunUsername(*message->username);
  const ByteView key = AsBytes("key");
  (void)wire::StunIntegrityVerifies(*message, key, Mix);

  std::array<std::uint8_t, wire::kStunMaxMessage> buffer{};
  const ByteView written = Rewrite(*message, key, buffer);
  LATCHKEY_CHECK(!written.empty());
  const auto again = wire::ParseStun(written);
  LATCHKEY_CHECK(again.has_value());
  LATCHKEY_CHECK(again->message_class == message->message_class &&
                 again->transaction == message->transaction);
  LATCHKEY_CHECK(again->username == message->username && again->priority == message->priority);
  LATCHKEY_CHECK(again->use_candidate == message->use_candidate);
  LATCHKEY_CHECK(again->ice_controlling == message->ice_controlling);
  LATCHKEY_CHECK(again->ice_controlled == message->ice_controlled);
  LATCHKEY_CHECK(again->mapped_address == message->mapped_address);
  LATCHKEY_CHECK(again->has_fingerprint && again->unknown_count == 0);
  LATCHKEY_CHECK(wire::StunIntegrityVerifies(*again, key, Mix));
  LATCHKEY_CHECK(!wire::StunIntegrityVerifies(*again, AsBytes("kez"), Mix));
}

}  // namespace latchkey::fuzz
