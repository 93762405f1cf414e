#include "daemon/access/grant.h"

#include <algorithm>

#include "daemon/base/bytes.h"

namespace latchkey::access {
namespace {

constexpr std::size_t kContextSize = 16 + 8 + 32 + 1 + 8;
using ContextBytes = std::array<std::uint8_t, kContextSize>;

ContextBytes Encode(const WrapContext& context) {
  ContextBytes bytes{};
  ByteWriter writer(bytes);
  writer.Bytes(context.camera.bytes());
  writer.U64(context.epoch.value);
  writer.Bytes(context.viewer_fingerprint);
  writer.U8(context.rights);
  writer.U64(static_cast<std::uint64_t>(context.not_after.time_since_epoch().count()));
  LATCHKEY_CHECK(writer.ok() && writer.room() == 0);
  return bytes;
}

}  // namespace

Secret32 DeriveViewerKey(ports::Crypto& crypto, const Secret32& token, GrantId grant) {
  return crypto.Hkdf(token.Reveal(), grant.bytes(), "latchkey viewer key 1");
}

wire::WrapBytes WrapContentKey(ports::Crypto& crypto, ports::Entropy& entropy, const Secret32& viewer_key,
                               const Secret32& content_key, const WrapContext& context) {
  // A random nonce is safe here: a key wraps a handful of times in a session's life.
  ports::AeadNonce nonce{};
  entropy.Fill(nonce);
  wire::WrapBytes wrap{};
  std::copy(nonce.begin(), nonce.end(), wrap.begin());
  const auto aead = crypto.MakeAes256Gcm(viewer_key);
  aead->Seal(nonce, Encode(context), content_key.Reveal(), MutableByteView(wrap).subspan(nonce.size()));
  return wrap;
}

std::optional<Grant> UnwrapGrant(ports::Crypto& crypto, const Secret32& viewer_key,
                                 const wire::WrapBytes& wrap, const WrapContext& context, WallTime now) {
  if (now >= context.not_after) return std::nullopt;
  ports::AeadNonce nonce{};
  std::copy_n(wrap.begin(), nonce.size(), nonce.begin());
  const auto aead = crypto.MakeAes256Gcm(viewer_key);
  Secret32 content_key;
  if (!aead->Open(nonce, Encode(context), ByteView(wrap).subspan(nonce.size()),
                  content_key.RevealForWriting())) {
    return std::nullopt;
  }
  return Grant(context, std::move(content_key));
}

}  // namespace latchkey::access
