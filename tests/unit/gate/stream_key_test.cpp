#include "daemon/gate/stream_key.h"

#include <algorithm>

#include "tests/support/catch.h"
#include "tests/support/gate_feed.h"

namespace latchkey::gate {
namespace {

ports::Fingerprint Print(std::uint8_t fill) {
  ports::Fingerprint f{};
  f.fill(fill);
  return f;
}

bool Denied(ports::SrtpKey key, const DtlsProof& proof) {
  const auto admitted = AdmitDtlsKey(std::move(key), proof);
  return !admitted && admitted.error().code == ErrorCode::kDenied;
}

TEST_CASE("stream key: a random key of the offer's own certificate is admitted") {
  const auto admitted = AdmitDtlsKey(test::SomeSrtpKey(), {Print(1), Print(1)});
  REQUIRE(admitted);
  CHECK(admitted->profile() == ports::SrtpProfile::kAeadAes128Gcm);
}

TEST_CASE("stream key: another certificate than the authorised offer's is denied, one bit apart too") {
  for (std::size_t i = 0; i < 32; ++i) {
    ports::Fingerprint other = Print(1);
    other[i] ^= 0x80;
    CHECK(Denied(test::SomeSrtpKey(), {Print(1), other}));
  }
}

TEST_CASE("stream key: a proof that nobody filled in is denied") {
  CHECK(Denied(test::SomeSrtpKey(), {}));
  CHECK(Denied(test::SomeSrtpKey(), {Print(0), Print(0)}));
}

TEST_CASE("stream key: a constant key or salt is denied, in each profile") {
  for (const auto profile : {ports::SrtpProfile::kAes128CmHmacSha1_80, ports::SrtpProfile::kAeadAes128Gcm,
                             ports::SrtpProfile::kAeadAes256Gcm}) {
    for (const std::uint8_t fill : {std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{255}}) {
      ports::SrtpKey key = test::SomeSrtpKey(1, profile);
      std::ranges::fill(key.key_and_salt.RevealForWriting().first(ports::SrtpKeyLength(profile)), fill);
      CHECK(Denied(std::move(key), {Print(1), Print(1)}));
      ports::SrtpKey salt = test::SomeSrtpKey(1, profile);
      std::ranges::fill(salt.key_and_salt.RevealForWriting().subspan(ports::SrtpKeyLength(profile),
                                                                     ports::SrtpSaltLength(profile)),
                        fill);
      CHECK(Denied(std::move(salt), {Print(1), Print(1)}));
    }
  }
}

TEST_CASE("stream key: a profile that is not of the closed list is denied") {
  // NULL ciphers and the 32-bit tag (RFC 5764 4.1.2).
  for (const unsigned number : {0x0000U, 0x0002U, 0x0005U, 0x0006U, 0x00ffU}) {
    CHECK(Denied(test::SomeSrtpKey(1, static_cast<ports::SrtpProfile>(number)), {Print(1), Print(1)}));
  }
}

}  // namespace
}  // namespace latchkey::gate
