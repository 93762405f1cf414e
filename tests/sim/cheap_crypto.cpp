#include "tests/sim/cheap_crypto.h"

#include <algorithm>

#include "daemon/base/check.h"
#include "tests/sim/mixing.h"

namespace latchkey::sim {
namespace {

class CheapAead final : public ports::Aead {
 public:
  explicit CheapAead(const Secret32& key) : keyed_(1) { keyed_.Add(ByteView(key.Reveal())); }

  void Seal(const ports::AeadNonce& nonce, ByteView additional, ByteView plaintext,
            MutableByteView out) override {
    LATCHKEY_CHECK(out.size() == plaintext.size() + ports::kAeadTagSize);
    const auto tag = TagOf(nonce, additional, plaintext);
    if (out.data() != plaintext.data()) std::copy(plaintext.begin(), plaintext.end(), out.begin());
    Mask(nonce, out.first(plaintext.size()));
    std::copy(tag.begin(), tag.end(), out.last(tag.size()).begin());
  }
  bool Open(const ports::AeadNonce& nonce, ByteView additional, ByteView sealed,
            MutableByteView out) override {
    LATCHKEY_CHECK(sealed.size() == out.size() + ports::kAeadTagSize);
    const ByteView shown = sealed.last(ports::kAeadTagSize);
    std::copy_n(sealed.begin(), out.size(), out.begin());
    Mask(nonce, out);
    const auto tag = TagOf(nonce, additional, out);
    if (std::equal(tag.begin(), tag.end(), shown.begin())) return true;
    std::fill(out.begin(), out.end(), std::uint8_t{0});
    return false;
  }

 private:
  void Mask(const ports::AeadNonce& nonce, MutableByteView bytes) const {
    Mixing mixing = keyed_;
    mixing.Add(ByteView(nonce)).Mask(bytes);
  }
  [[nodiscard]] std::array<std::uint8_t, ports::kAeadTagSize> TagOf(const ports::AeadNonce& nonce,
                                                                    ByteView additional,
                                                                    ByteView plaintext) const {
    Mixing mixing = keyed_;
    return mixing.Add(ByteView(nonce)).Add(additional).Add(plaintext).Bytes<ports::kAeadTagSize>();
  }
  Mixing keyed_;
};

}  // namespace

std::unique_ptr<ports::Aead> CheapCrypto::MakeAes256Gcm(const Secret32& key) {
  return std::make_unique<CheapAead>(key);
}

ports::Sha256Digest CheapCrypto::Sha256(ByteView data) {
  return Mixing(2).Add(data).Bytes<32>();
}

ports::Sha1Digest CheapCrypto::HmacSha1(ByteView key, ByteView data) {
  return Mixing(3).Add(key).Add(data).Bytes<20>();
}

ports::Sha256Digest CheapCrypto::HmacSha256(ByteView key, ByteView data) {
  return Mixing(4).Add(key).Add(data).Bytes<32>();
}

Secret32 CheapCrypto::Hkdf(ByteView key_material, ByteView salt, std::string_view info) {
  return Secret32(Mixing(5).Add(key_material).Add(salt).Add(AsBytes(info)).Bytes<32>());
}

}  // namespace latchkey::sim
