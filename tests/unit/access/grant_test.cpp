// The wrap opens for exactly what it was made for (DESIGN section 4).
#include "daemon/access/grant.h"

#include <functional>

#include "platform/crypto/openssl_crypto.h"
#include "platform/crypto/system_entropy.h"
#include "tests/support/catch.h"

namespace latchkey::access {
namespace {

constexpr WallTime kNow = FromUnixSeconds(1'800'000'000);

struct Wrapped {
  platform::OpenSslCrypto crypto;
  platform::SystemEntropy entropy;
  Secret32 token;
  Secret32 content_key;
  GrantId grant = entropy.MakeId<GrantId>();
  WrapContext context;
  wire::WrapBytes wrap{};

  Wrapped() {
    entropy.Fill(token.RevealForWriting());
    entropy.Fill(content_key.RevealForWriting());
    entropy.Fill(context.viewer_fingerprint);
    context.camera = entropy.MakeId<CameraId>();
    context.epoch = Epoch{7};
    context.rights = 3;
    context.not_after = kNow + kWrapLife;
    wrap = WrapContentKey(crypto, entropy, key(), content_key, context);
  }
  Secret32 key() { return DeriveViewerKey(crypto, token, grant); }
};

}  // namespace

TEST_CASE("grant: a wrap opens with the token's key in its own context") {
  Wrapped w;
  const auto grant = UnwrapGrant(w.crypto, w.key(), w.wrap, w.context, kNow);
  REQUIRE(grant.has_value());
  CHECK(ConstantTimeEqual(grant->content_key().Reveal(), w.content_key.Reveal()));
  CHECK(grant->camera() == w.context.camera);
  CHECK(grant->epoch() == w.context.epoch);
  CHECK(grant->Allows(wire::Rights::kLive));
  CHECK_FALSE(grant->Allows(wire::Rights::kListen));
}

TEST_CASE("grant: another camera, epoch, fingerprint, right or time does not open it") {
  Wrapped w;
  const std::function<void(WrapContext&)> changes[] = {
      [&](WrapContext& c) { c.camera = w.entropy.MakeId<CameraId>(); },
      [](WrapContext& c) { c.epoch = c.epoch.Next(); },
      [](WrapContext& c) {
        c.viewer_fingerprint[31] = static_cast<std::uint8_t>(c.viewer_fingerprint[31] ^ 1U);
      },
      [](WrapContext& c) { c.rights = 7; },
      [](WrapContext& c) { c.not_after += Duration(1); },
  };
  for (const auto& change : changes) {
    WrapContext other = w.context;
    change(other);
    CHECK_FALSE(UnwrapGrant(w.crypto, w.key(), w.wrap, other, kNow).has_value());
  }
}

TEST_CASE("grant: another token or another grant of the same token does not open it") {
  Wrapped w;
  Secret32 other_token = w.token.Duplicate();
  auto bytes = other_token.RevealForWriting();
  bytes[0] = static_cast<std::uint8_t>(bytes[0] ^ 1U);
  CHECK_FALSE(UnwrapGrant(w.crypto, DeriveViewerKey(w.crypto, other_token, w.grant), w.wrap, w.context, kNow)
                  .has_value());
  const Secret32 other_grant = DeriveViewerKey(w.crypto, w.token, w.entropy.MakeId<GrantId>());
  CHECK_FALSE(UnwrapGrant(w.crypto, other_grant, w.wrap, w.context, kNow).has_value());
}

TEST_CASE("grant: a wrap with any bit changed, or after its time, does not open") {
  Wrapped w;
  for (std::size_t i = 0; i < w.wrap.size(); ++i) {
    wire::WrapBytes changed = w.wrap;
    changed[i] = static_cast<std::uint8_t>(changed[i] ^ 0x10U);
    CHECK_FALSE(UnwrapGrant(w.crypto, w.key(), changed, w.context, kNow).has_value());
  }
  CHECK(UnwrapGrant(w.crypto, w.key(), w.wrap, w.context, w.context.not_after - Duration(1)).has_value());
  CHECK_FALSE(UnwrapGrant(w.crypto, w.key(), w.wrap, w.context, w.context.not_after).has_value());
}

}  // namespace latchkey::access
