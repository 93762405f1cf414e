// Offers that bring their key as a=crypto (RFC 4568): which are taken, and what the answer says.
#include <array>

#include "daemon/base/base64.h"
#include "daemon/peer/client_sdp.h"
#include "daemon/wire/sdes.h"
#include "tests/unit/peer/support.h"

namespace latchkey::peer {
namespace {

using wire::SdesCrypto;
using wire::SdesSuite;

constexpr const char* kHead = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";

std::string KeyText(std::uint8_t seed, std::size_t size = 30) {
  ByteVector bytes;
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<std::uint8_t>(seed * 31 + i * i * 7));
  return Base64Encode(bytes);
}

std::string Section(const std::string& kind, const std::string& mid, const std::string& lines,
                    const std::string& protocol = "RTP/SAVPF") {
  const bool video = kind == "video";
  return "m=" + kind + " 9 " + protocol + (video ? " 96" : " 111") + "\r\nc=IN IP4 0.0.0.0\r\na=mid:" + mid +
         "\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=sendonly\r\na=rtcp-mux\r\n" +
         (video ? "a=rtpmap:96 VP8/90000\r\n" : "a=rtpmap:111 opus/48000/2\r\n") + lines;
}

std::string Line(int tag, const std::string& suite, std::uint8_t seed, std::size_t size = 30,
                 const std::string& more = "") {
  return "a=crypto:" + std::to_string(tag) + " " + suite + " inline:" + KeyText(seed, size) + more + "\r\n";
}

Negotiated<Answer> Ask(const std::string& offer, bool allowed = true) {
  latchkey::test::SeededEntropy entropy(5);
  return AnswerCameraOffer(offer, TestLocal(), allowed, entropy);
}

const std::string kFingerprint =
    "a=fingerprint:sha-256 "
    "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:"
    "1E:1F\r\na=setup:actpass\r\n";

TEST_CASE("sdes: the best suite of an offer is taken, with a key of ours under the same tag") {
  const auto answer =
      Ask(kHead + Section("video", "0",
                          Line(1, "AES_CM_128_HMAC_SHA1_80", 1) + Line(2, "AEAD_AES_256_GCM", 2, 44) +
                              Line(3, "AEAD_AES_128_GCM", 3, 28)));
  REQUIRE(answer);
  REQUIRE(answer->sdes);
  CHECK(answer->sdes->inbound.profile == ports::SrtpProfile::kAeadAes128Gcm);
  CHECK(answer->sdes->outbound.profile == ports::SrtpProfile::kAeadAes128Gcm);
  CHECK(Base64Encode(answer->sdes->inbound.key_and_salt.Reveal().first(28)) == KeyText(3, 28));
  CHECK_FALSE(ConstantTimeEqual(answer->sdes->inbound.key_and_salt.Reveal(),
                                answer->sdes->outbound.key_and_salt.Reveal()));
  const std::string ours = Base64Encode(answer->sdes->outbound.key_and_salt.Reveal().first(28));
  CHECK(answer->sdp.find("a=crypto:3 AEAD_AES_128_GCM inline:" + ours + "\r\n") != std::string::npos);
  CHECK(answer->sdp.find("m=video 47000 RTP/SAVPF 96\r\n") != std::string::npos);
  for (const char* never : {"fingerprint", "setup", "a=crypto:1", "a=crypto:2"})
    CHECK(answer->sdp.find(never) == std::string::npos);
}

TEST_CASE("sdes: lines that can't be used are passed over, and an offer of nothing else is refused") {
  const auto answer = Ask(kHead + Section("video", "0",
                                          Line(1, "AEAD_AES_128_GCM", 1, 28, "|2^20|1:4") +
                                              Line(2, "AES_CM_128_HMAC_SHA1_80", 2)));
  REQUIRE(answer);
  CHECK(answer->sdes->inbound.profile == ports::SrtpProfile::kAes128CmHmacSha1_80);
  const auto refused =
      Ask(kHead + Section("video", "0",
                          Line(1, "AES_CM_128_HMAC_SHA1_32", 1) +
                              Line(2, "AES_CM_128_HMAC_SHA1_80", 2, 30, " UNENCRYPTED_SRTP")));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().http_status == 406);
  CHECK(refused.error().detail.find("AES_CM_128_HMAC_SHA1_80") != std::string::npos);
}

TEST_CASE("sdes: a camera that was not added for it is refused, and told what to do") {
  const auto refused = Ask(kHead + Section("video", "0", Line(1, "AES_CM_128_HMAC_SHA1_80", 1)), false);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().http_status == 406);
  CHECK(refused.error().detail.find("--sdes") != std::string::npos);
}

TEST_CASE("sdes: where DTLS is offered as well, DTLS it is") {
  for (const bool allowed : {false, true}) {
    const auto answer =
        Ask(kHead + Section("video", "0", Line(1, "AES_CM_128_HMAC_SHA1_80", 1) + kFingerprint), allowed);
    REQUIRE(answer);
    CHECK_FALSE(answer->sdes);
    CHECK(answer->sdp.find("crypto") == std::string::npos);
    CHECK(answer->sdp.find("fingerprint") != std::string::npos);
  }
}

TEST_CASE("sdes: bundled sections have one key, or the offer contradicts itself") {
  const std::string head = std::string(kHead) + "a=group:BUNDLE 0 1\r\n";
  const std::string one = Line(1, "AES_CM_128_HMAC_SHA1_80", 1);
  const auto answer = Ask(head + Section("video", "0", one) + Section("audio", "1", one));
  REQUIRE(answer);
  CHECK(answer->plan.streams.size() == 2);
  CHECK(answer->sdes);
  const auto other =
      Ask(head + Section("video", "0", one) + Section("audio", "1", Line(1, "AES_CM_128_HMAC_SHA1_80", 2)));
  REQUIRE_FALSE(other);
  CHECK(other.error().http_status == 400);
  const auto mixed = Ask(head + Section("video", "0", one) + Section("audio", "1", kFingerprint));
  REQUIRE_FALSE(mixed);
  CHECK(mixed.error().http_status == 400);
}

TEST_CASE("sdes: without ICE there is no session, whatever the key") {
  std::string offer = kHead + Section("video", "0", Line(1, "AES_CM_128_HMAC_SHA1_80", 1));
  const auto at = offer.find("a=ice-ufrag");
  offer.erase(at, offer.find("a=sendonly") - at);
  const auto refused = Ask(offer);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().detail.find("ICE is required") != std::string::npos);
}

TEST_CASE("sdes: plain RTP stays refused, also with a key beside it") {
  for (const char* protocol : {"RTP/AVP", "RTP/AVPF"}) {
    const auto refused = Ask(kHead + Section("video", "0", Line(1, "AES_CM_128_HMAC_SHA1_80", 1), protocol));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().http_status == 406);
  }
}

TEST_CASE("sdes: our own client and the hub mean the same keys") {
  std::vector<SdesCrypto> lines(2);
  lines[0].suite = SdesSuite::kAesCm128HmacSha1_80;
  lines[1].suite = SdesSuite::kAeadAes256Gcm;
  latchkey::test::SeededEntropy entropy(6);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    lines[i].tag = static_cast<std::uint32_t>(i + 1);
    entropy.Fill(lines[i].key_and_salt.RevealForWriting());
  }
  PublishOffer offer;
  offer.video = PublishOffer::Source{wire::Codec::kH264, 7, 8};
  offer.audio = PublishOffer::Source{wire::Codec::kOpus, 9, 0};
  offer.cname = "camera";
  offer.local = TestLocal();
  offer.session_id = 1;
  offer.sdes = std::move(lines);
  const std::string text = WritePublishOffer(offer);
  CHECK(text.find("fingerprint") == std::string::npos);
  const auto answer = Ask(text);
  REQUIRE(answer);
  const auto keys = ReadSdesAnswer(offer.sdes, answer->sdp);
  REQUIRE(keys);
  const auto same = [](const ports::SrtpKey& a, const ports::SrtpKey& b) {
    const std::size_t size = ports::SrtpKeyLength(a.profile) + ports::SrtpSaltLength(a.profile);
    return a.profile == b.profile &&
           ConstantTimeEqual(a.key_and_salt.Reveal().first(size), b.key_and_salt.Reveal().first(size));
  };
  CHECK(same(keys->outbound, answer->sdes->inbound));
  CHECK(same(keys->inbound, answer->sdes->outbound));
  REQUIRE(ReadAnswer(text, answer->sdp));
  // An answer that takes what was not offered is none.
  std::string other = answer->sdp;
  for (auto at = other.find("a=crypto:1"); at != std::string::npos; at = other.find("a=crypto:1", at + 1))
    other[at + 9] = '9';
  CHECK_FALSE(ReadSdesAnswer(offer.sdes, other));
}

}  // namespace
}  // namespace latchkey::peer
