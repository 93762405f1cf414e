#include "platform/crypto/srtp.h"

#include <srtp2/srtp.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>

#include "tests/support/catch.h"

namespace latchkey::platform {
namespace {

using ports::SrtpProfile;

constexpr std::array kProfiles{SrtpProfile::kAeadAes128Gcm, SrtpProfile::kAeadAes256Gcm,
                               SrtpProfile::kAes128CmHmacSha1_80};

ports::SrtpKey Key(SrtpProfile profile, std::uint8_t fill = 1) {
  ports::SrtpKey key;
  key.profile = profile;
  const auto bytes = key.key_and_salt.RevealForWriting();
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(fill + i);
  return key;
}

ByteVector Rtp(std::uint16_t sequence, std::uint32_t ssrc = 0x11223344, std::size_t payload = 100) {
  ByteVector packet(12 + payload, 0x5a);
  ByteWriter w(packet);
  w.U8(0x80);
  w.U8(96);
  w.U16(sequence);
  w.U32(90000);
  w.U32(ssrc);
  return packet;
}

ByteVector Rtcp(std::uint32_t ssrc = 0x11223344) {
  ByteVector packet(28, 0);
  ByteWriter w(packet);
  w.U8(0x80);
  w.U8(200);
  w.U16(6);
  w.U32(ssrc);
  return packet;
}

struct Pair {
  explicit Pair(SrtpProfile profile) {
    LibSrtpFactory factory;
    sender = std::move(*factory.MakeSender(Key(profile)));
    receiver = std::move(*factory.MakeReceiver(Key(profile)));
  }
  ByteVector Protect(ByteVector packet) const {
    const std::size_t size = packet.size();
    packet.resize(size + ports::kSrtpMaxOverhead);
    packet.resize(sender->ProtectRtp(packet, size));
    return packet;
  }
  ByteVector ProtectRtcp(ByteVector packet) const {
    const std::size_t size = packet.size();
    packet.resize(size + ports::kSrtpMaxOverhead);
    packet.resize(sender->ProtectRtcp(packet, size));
    return packet;
  }
  // Takes a copy: opening is in place.
  DropReason Open(ByteVector packet) const { return receiver->UnprotectRtp(packet).reason; }
  DropReason OpenRtcp(ByteVector packet) const { return receiver->UnprotectRtcp(packet).reason; }

  std::unique_ptr<ports::SrtpSender> sender;
  std::unique_ptr<ports::SrtpReceiver> receiver;
};

TEST_CASE("srtp: what one side protects the other opens, for each profile") {
  for (const SrtpProfile profile : kProfiles) {
    INFO("profile " << static_cast<int>(profile));
    const Pair pair(profile);
    ByteVector packet = pair.Protect(Rtp(7));
    CHECK(packet.size() == Rtp(7).size() + (profile == SrtpProfile::kAes128CmHmacSha1_80 ? 10 : 16));
    const ByteVector plain = Rtp(7);
    CHECK(std::equal(plain.begin(), plain.begin() + 12, packet.begin()));
    CHECK_FALSE(std::equal(plain.begin() + 12, plain.end(), packet.begin() + 12));
    const auto opened = pair.receiver->UnprotectRtp(packet);
    REQUIRE(opened.reason == DropReason::kNone);
    packet.resize(opened.size);
    CHECK(packet == Rtp(7));
    ByteVector report = pair.ProtectRtcp(Rtcp());
    CHECK(report.size() <= Rtcp().size() + ports::kSrtpMaxOverhead);
    const auto opened_report = pair.receiver->UnprotectRtcp(report);
    REQUIRE(opened_report.reason == DropReason::kNone);
    report.resize(opened_report.size);
    CHECK(report == Rtcp());
  }
}

TEST_CASE("srtp: a replayed packet is refused, RTP and RTCP, for each profile") {
  for (const SrtpProfile profile : kProfiles) {
    INFO("profile " << static_cast<int>(profile));
    const Pair pair(profile);
    const ByteVector packet = pair.Protect(Rtp(7));
    CHECK(pair.Open(packet) == DropReason::kNone);
    CHECK(pair.Open(packet) == DropReason::kSrtpReplay);
    const ByteVector report = pair.ProtectRtcp(Rtcp());
    CHECK(pair.OpenRtcp(report) == DropReason::kNone);
    CHECK(pair.OpenRtcp(report) == DropReason::kSrtpReplay);
  }
}

TEST_CASE("srtp: one changed bit anywhere is refused, and the true packet still opens afterwards") {
  for (const SrtpProfile profile : kProfiles) {
    INFO("profile " << static_cast<int>(profile));
    const Pair pair(profile);
    const ByteVector packet = pair.Protect(Rtp(7, 0x11223344, 24));
    for (std::size_t i = 0; i < packet.size() * 8; ++i) {
      ByteVector bad = packet;
      bad[i / 8] = static_cast<std::uint8_t>(bad[i / 8] ^ (1U << (i % 8)));
      INFO("bit " << i);
      CHECK(pair.Open(bad) != DropReason::kNone);
    }
    CHECK(pair.Open(packet) == DropReason::kNone);
    const ByteVector report = pair.ProtectRtcp(Rtcp());
    for (std::size_t i = 0; i < report.size() * 8; ++i) {
      ByteVector bad = report;
      bad[i / 8] = static_cast<std::uint8_t>(bad[i / 8] ^ (1U << (i % 8)));
      INFO("RTCP bit " << i);
      CHECK(pair.OpenRtcp(bad) != DropReason::kNone);
    }
    CHECK(pair.OpenRtcp(report) == DropReason::kNone);
  }
}

TEST_CASE("srtp: another key, profile or direction opens nothing") {
  LibSrtpFactory factory;
  for (const SrtpProfile profile : kProfiles) {
    const Pair pair(profile);
    const auto stranger = std::move(*factory.MakeReceiver(Key(profile, 2)));
    ByteVector packet = pair.Protect(Rtp(7));
    CHECK(stranger->UnprotectRtp(packet).reason == DropReason::kSrtpAuthentication);
    for (const SrtpProfile other : kProfiles) {
      if (other == profile) continue;
      const Pair wrong(other);
      CHECK(wrong.Open(pair.Protect(Rtp(8))) == DropReason::kSrtpAuthentication);
    }
  }
}

TEST_CASE("srtp: a packet 1000 back is accepted once, one further back than the window never") {
  for (const SrtpProfile profile : kProfiles) {
    INFO("profile " << static_cast<int>(profile));
    const Pair pair(profile);
    const std::uint16_t first = 30000;
    const ByteVector much_too_old = pair.Protect(Rtp(first));
    const ByteVector late = pair.Protect(Rtp(static_cast<std::uint16_t>(first + 3000)));
    for (std::uint16_t i = 3001; i <= 4000; ++i) {
      CHECK(pair.Open(pair.Protect(Rtp(static_cast<std::uint16_t>(first + i)))) == DropReason::kNone);
    }
    CHECK(pair.Open(late) == DropReason::kNone);
    CHECK(pair.Open(late) == DropReason::kSrtpReplay);
    CHECK(pair.Open(much_too_old) == DropReason::kSrtpReplay);
  }
}

TEST_CASE("srtp: sequence numbers roll over without a gap") {
  const Pair pair(SrtpProfile::kAeadAes128Gcm);
  std::uint16_t sequence = 65000;
  for (int i = 0; i < 2000; ++i) CHECK(pair.Open(pair.Protect(Rtp(sequence++))) == DropReason::kNone);
}

// Numbers that begin short of their wrap, and the packets before it lost.
TEST_CASE("srtp: a source is joined behind its first roll-over, and goes on through the next") {
  const bool report_first = GENERATE(false, true);
  for (const SrtpProfile profile : kProfiles) {
    INFO("profile " << static_cast<int>(profile));
    const Pair pair(profile);
    ByteVector late;
    for (std::uint32_t i = 65'500; i < 65'540; ++i) late = pair.Protect(Rtp(static_cast<std::uint16_t>(i)));
    if (report_first) CHECK(pair.OpenRtcp(pair.ProtectRtcp(Rtcp())) == DropReason::kNone);
    const ByteVector next = pair.Protect(Rtp(4));
    REQUIRE(pair.Open(next) == DropReason::kNone);
    CHECK(pair.Open(next) == DropReason::kSrtpReplay);
    CHECK(pair.Open(late) == DropReason::kNone);  // 3
    for (std::uint32_t i = 5; i < 70'000; ++i) {
      REQUIRE(pair.Open(pair.Protect(Rtp(static_cast<std::uint16_t>(i), 0x11223344, 8))) ==
              DropReason::kNone);
    }
  }
}

TEST_CASE(
    "srtp: a roll-over is guessed for the first bad packet and each kSrtpGuessEvery-th, and leaves nothing") {
  const bool report_first = GENERATE(false, true);
  const Pair pair(SrtpProfile::kAeadAes128Gcm);
  const Pair other(SrtpProfile::kAeadAes128Gcm);
  for (std::uint32_t i = 65'500; i < 65'540; ++i) (void)pair.Protect(Rtp(static_cast<std::uint16_t>(i)));
  if (report_first) CHECK(pair.OpenRtcp(pair.ProtectRtcp(Rtcp())) == DropReason::kNone);
  ByteVector junk = pair.Protect(Rtp(4));
  junk.back() ^= 1U;
  CHECK(pair.Open(junk) == DropReason::kSrtpAuthentication);
  for (std::uint16_t i = 5; i < 4 + kSrtpGuessEvery; ++i) {
    REQUIRE(pair.Open(pair.Protect(Rtp(i))) == DropReason::kSrtpAuthentication);
  }
  REQUIRE(pair.Open(pair.Protect(Rtp(4 + kSrtpGuessEvery))) == DropReason::kNone);
  // Where the guess was wrong, the source without a roll-over opens as ever.
  REQUIRE(other.Open(junk) == DropReason::kSrtpAuthentication);
  REQUIRE(other.Open(other.Protect(Rtp(4))) == DropReason::kNone);
}

TEST_CASE("srtp: a sender repeats a packet within its window byte for byte, and says 0 beyond it") {
  for (const SrtpProfile profile : kProfiles) {
    INFO("profile " << static_cast<int>(profile));
    const Pair pair(profile);
    const ByteVector ancient = pair.Protect(Rtp(999));
    const ByteVector once = pair.Protect(Rtp(1000));
    for (std::uint16_t i = 1001; i < 1000 + kSrtpSendWindow; ++i) (void)pair.Protect(Rtp(i));
    CHECK(pair.Protect(Rtp(1000)) == once);
    CHECK(pair.Protect(Rtp(999)).empty());
    CHECK(ancient.size() == once.size());
  }
}

TEST_CASE("srtp: short and malformed packets are told as such and never opened") {
  for (const SrtpProfile profile : kProfiles) {
    INFO("profile " << static_cast<int>(profile));
    const Pair pair(profile);
    const ByteVector packet = pair.Protect(Rtp(7, 0x11223344, 0));
    for (std::size_t size = 0; size < packet.size(); ++size) {
      CHECK(pair.Open(ByteVector(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(size))) !=
            DropReason::kNone);
    }
    const ByteVector report = pair.ProtectRtcp(Rtcp());
    for (std::size_t size = 0; size < report.size(); ++size) {
      CHECK(pair.OpenRtcp(ByteVector(report.begin(), report.begin() + static_cast<std::ptrdiff_t>(size))) !=
            DropReason::kNone);
    }
    CHECK(pair.Open({}) == DropReason::kRtpMalformed);
    CHECK(pair.OpenRtcp(ByteVector(11, 0x80)) == DropReason::kRtcpMalformed);
    // CSRCs and an extension that reach behind the packet's end.
    ByteVector long_header = packet;
    long_header[0] = 0x9f;
    CHECK(pair.Open(long_header) == DropReason::kRtpMalformed);
    CHECK(pair.Open(packet) == DropReason::kNone);
  }
}

TEST_CASE("srtp: RTCP without the encryption flag is refused before anything else is looked at") {
  for (const SrtpProfile profile : kProfiles) {
    const Pair pair(profile);
    ByteVector report = pair.ProtectRtcp(Rtcp());
    const std::size_t behind = profile == SrtpProfile::kAes128CmHmacSha1_80 ? 14 : 4;
    CHECK((report[report.size() - behind] & 0x80U) != 0);
    report[report.size() - behind] &= 0x7fU;
    CHECK(pair.OpenRtcp(report) == DropReason::kSrtpAuthentication);
  }
}

TEST_CASE("srtp: authentic RTCP in the clear is refused") {
  // Made by libsrtp itself under the right key, with authentication alone.
  const ports::SrtpKey key = Key(SrtpProfile::kAes128CmHmacSha1_80);
  srtp_policy_t policy{};
  srtp_crypto_policy_set_rtp_default(&policy.rtp);
  srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
  policy.rtcp.sec_serv = sec_serv_auth;
  policy.ssrc.type = ssrc_any_outbound;
  std::array<unsigned char, 48> bytes{};
  std::copy(key.key_and_salt.Reveal().begin(), key.key_and_salt.Reveal().end(), bytes.begin());
  policy.key = bytes.data();
  const Pair pair(SrtpProfile::kAes128CmHmacSha1_80);
  srtp_t clear = nullptr;
  REQUIRE(srtp_create(&clear, &policy) == srtp_err_status_ok);
  ByteVector report = Rtcp();
  int size = static_cast<int>(report.size());
  report.resize(report.size() + ports::kSrtpMaxOverhead);
  REQUIRE(srtp_protect_rtcp(clear, report.data(), &size) == srtp_err_status_ok);
  report.resize(static_cast<std::size_t>(size));
  REQUIRE(srtp_dealloc(clear) == srtp_err_status_ok);
  CHECK(pair.OpenRtcp(report) == DropReason::kSrtpAuthentication);
}

TEST_CASE("srtp: random bytes in any length open nothing and take nothing down") {
  std::mt19937 random(42);
  for (const SrtpProfile profile : kProfiles) {
    const Pair pair(profile);
    for (int i = 0; i < 2000; ++i) {
      ByteVector packet(random() % 120);
      for (auto& byte : packet) byte = static_cast<std::uint8_t>(random());
      if (!packet.empty()) packet[0] = static_cast<std::uint8_t>(0x80U | (packet[0] & 0x3fU));
      CHECK(pair.Open(packet) != DropReason::kNone);
      CHECK(pair.OpenRtcp(packet) != DropReason::kNone);
    }
    CHECK(pair.Open(pair.Protect(Rtp(1))) == DropReason::kNone);
  }
}

TEST_CASE("srtp: an authenticated peer has a bounded number of SSRCs, and forged ones use none up") {
  const Pair pair(SrtpProfile::kAeadAes128Gcm);
  for (std::uint32_t ssrc = 500; ssrc < 600; ++ssrc) {
    ByteVector forged = Rtp(1, ssrc);
    CHECK(pair.Open(forged) == DropReason::kSrtpAuthentication);
  }
  for (std::uint32_t ssrc = 1; ssrc <= kSrtpMaxSsrcs; ++ssrc) {
    CHECK_FALSE(pair.receiver->exhausted());
    CHECK(pair.Open(pair.Protect(Rtp(1, ssrc))) == DropReason::kNone);
  }
  CHECK(pair.receiver->exhausted());
  CHECK(pair.Open(pair.Protect(Rtp(1, 99))) == DropReason::kWrongSsrc);
  CHECK(pair.OpenRtcp(pair.ProtectRtcp(Rtcp(98))) == DropReason::kWrongSsrc);
  CHECK(pair.Open(pair.Protect(Rtp(2, 1))) == DropReason::kNone);
}

TEST_CASE("srtp: a profile outside the closed list makes no session") {
  LibSrtpFactory factory;
  for (const int number : {0, 2, 5, 6, 9}) {
    ports::SrtpKey key = Key(SrtpProfile::kAeadAes128Gcm);
    key.profile = static_cast<SrtpProfile>(number);
    CHECK_FALSE(factory.MakeReceiver(key));
    CHECK_FALSE(factory.MakeSender(key));
  }
}

TEST_CASE("srtp: warming up works and may be repeated") {
  CHECK(WarmUpSrtp());
  CHECK(WarmUpSrtp());
}

}  // namespace
}  // namespace latchkey::platform
