// Grants and wraps: the only way from a viewer's token to a camera's frames (DESIGN section 4).
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "daemon/base/ids.h"
#include "daemon/base/secret.h"
#include "daemon/base/time.h"
#include "daemon/ports/crypto.h"
#include "daemon/ports/entropy.h"
#include "daemon/wire/ipc_messages.h"

namespace latchkey::access {

// A wrap lives 10 minutes at most, and never longer than its grant.
constexpr Duration kWrapLife = std::chrono::minutes(10);

// What a wrap is bound to. Keeper and lane each build it from their own knowledge; the wrap opens only
// if both mean the same.
struct WrapContext {
  CameraId camera;
  Epoch epoch;
  std::array<std::uint8_t, 32> viewer_fingerprint{};  // SHA-256 of the viewer's DTLS certificate
  std::uint8_t rights = 0;                            // wire::Rights bits
  WallTime not_after{};
};

// HKDF-SHA-256(token, salt = grant id, info = "latchkey viewer key 1").
Secret32 DeriveViewerKey(ports::Crypto& crypto, const Secret32& token, GrantId grant);

// The keeper's side: nonce || AES-256-GCM(key, content key; context).
wire::WrapBytes WrapContentKey(ports::Crypto& crypto, ports::Entropy& entropy, const Secret32& viewer_key,
                               const Secret32& content_key, const WrapContext& context);

// Proof that a wrap opened. Only UnwrapGrant makes one, and only a Grant makes an OpenKey
// (cache/sealed_frame.h): invariant 1 as a type.
class Grant {
 public:
  Grant(Grant&&) noexcept = default;
  Grant& operator=(Grant&&) noexcept = default;

  [[nodiscard]] CameraId camera() const { return context_.camera; }
  [[nodiscard]] Epoch epoch() const { return context_.epoch; }
  [[nodiscard]] bool Allows(wire::Rights right) const {
    return (context_.rights & static_cast<std::uint8_t>(right)) != 0;
  }
  // wire::Rights bits.
  [[nodiscard]] std::uint8_t rights() const { return context_.rights; }
  [[nodiscard]] WallTime not_after() const { return context_.not_after; }
  // The content key, for cache::OpenKey alone.
  [[nodiscard]] const Secret32& content_key() const { return content_key_; }

 private:
  friend std::optional<Grant> UnwrapGrant(ports::Crypto&, const Secret32&, const wire::WrapBytes&,
                                          const WrapContext&, WallTime);
  Grant(WrapContext context, Secret32 content_key)
      : context_(context), content_key_(std::move(content_key)) {}

  WrapContext context_;
  Secret32 content_key_;
};

// The lane's side. Nothing when the tag does not verify (any mix-up of camera, epoch, viewer, rights or
// time) or when not_after has passed.
std::optional<Grant> UnwrapGrant(ports::Crypto& crypto, const Secret32& viewer_key,
                                 const wire::WrapBytes& wrap, const WrapContext& context, WallTime now);

}  // namespace latchkey::access
