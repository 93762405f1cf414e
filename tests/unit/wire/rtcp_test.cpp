#include "daemon/wire/rtcp.h"

#include <array>
#include <vector>

#include "daemon/wire/ntp.h"
#include "daemon/wire/rtcp_feedback.h"
#include "daemon/wire/rtcp_remb.h"
#include "daemon/wire/rtcp_report.h"
#include "daemon/wire/rtcp_source.h"
#include "tests/unit/wire/support.h"

namespace latchkey::wire {
namespace {

using test::Copy;
using test::Dice;
using test::Hex;

const ByteVector kSenderReport =
    Hex("81c8 000c 11223344 e1234567 80000000 0000abcd 00000010 00002000"
        "55667788 40 fffffe 00010203 00000009 abcdef01 00020000");
const ByteVector kReceiverReport =
    Hex("81c9 0007 11223344 55667788 00 000005 00010203 00000009 00000000 00000000");
const ByteVector kSdes = Hex("81ca 0005 11223344 01 05 6c6f63616c 02 03 626f62 00 000000");
const ByteVector kBye = Hex("82cb 0004 11223344 55667788 05 7468657265 0000");
const ByteVector kNack = Hex("81cd 0004 11223344 55667788 0064 0005 ffff 8001");
const ByteVector kPli = Hex("81ce 0002 11223344 55667788");
const ByteVector kFir = Hex("84ce 0006 11223344 00000000 55667788 07000000 99aabbcc 08000000");
const ByteVector kRemb = Hex("8fce 0006 11223344 00000000 52454d42 02 03fb93 55667788 99aabbcc");
const ByteVector kExtended = Hex("80cf 0001 11223344");

ByteVector Join(std::initializer_list<ByteView> parts) {
  ByteVector all;
  for (const ByteView part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// Writes with `write` into a buffer of the exact size, and checks that one byte less is noticed.
template <class Write>
ByteVector Written(Write write) {
  std::array<std::uint8_t, 2048> buffer{};
  ByteWriter writer(buffer);
  write(writer);
  REQUIRE(writer.ok());
  ByteVector exact(writer.size() - 1);
  ByteWriter small(exact);
  write(small);
  CHECK_FALSE(small.ok());
  return Copy(writer.Written());
}

TEST_CASE("rtcp: a compound gives its blocks in order") {
  const ByteVector bytes =
      Join({kSenderReport, kSdes, kNack, kPli, kFir, kRemb, kExtended, kReceiverReport, kBye});
  const auto compound = ParseRtcp(bytes);
  REQUIRE(compound);
  std::vector<RtcpKind> kinds;
  for (const RtcpBlock& block : *compound) kinds.push_back(block.kind);
  CHECK(kinds == std::vector<RtcpKind>{RtcpKind::kSenderReport, RtcpKind::kSdes, RtcpKind::kNack,
                                       RtcpKind::kPli, RtcpKind::kFir, RtcpKind::kRemb,
                                       RtcpKind::kExtendedReport, RtcpKind::kReceiverReport, RtcpKind::kBye});
  CHECK(RtcpSenderSsrc(bytes) == 0x11223344);
}

TEST_CASE("rtcp: a malformed tail spoils the whole compound") {
  const ByteVector bytes = Join({kReceiverReport, kPli});
  const std::size_t first = kReceiverReport.size();
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    INFO("prefix of " << n);
    CHECK(ParseRtcp(Exactly(ByteView(bytes).first(n))).has_value() == (n == first));
  }
  CHECK_FALSE(ParseRtcp(Join({kReceiverReport, Hex("41ce 0002 11223344 55667788")})));
}

TEST_CASE("rtcp: padding is taken off the last block and refused anywhere else") {
  const ByteVector padded = Hex("a1ce 0003 11223344 55667788 00000004");
  const RtcpBlock block = OnlyBlock(padded);
  CHECK(block.body.size() == 8);
  CHECK(ParsePli(block));
  CHECK_FALSE(ParseRtcp(Join({padded, kPli})));
  CHECK_FALSE(ParseRtcp(Hex("a1ce 0003 11223344 55667788 00000000")));
  CHECK_FALSE(ParseRtcp(Hex("a1ce 0003 11223344 55667788 00000003")));
  CHECK_FALSE(ParseRtcp(Hex("a1ce 0003 11223344 55667788 00000010")));
  CHECK_FALSE(ParseRtcp(Hex("a1ce 0000")));
}

TEST_CASE("rtcp: a sender report gives times, counts and blocks") {
  const auto report = ParseSenderReport(OnlyBlock(kSenderReport));
  REQUIRE(report);
  CHECK(report->sender == SenderInfo{0x11223344, {0xe123456780000000}, 0xabcd, 0x10, 0x2000});
  CHECK(report->sender.ntp.Compact() == 0x45678000);
  REQUIRE(report->blocks.size() == 1);
  CHECK(report->blocks[0] == ReportBlock{0x55667788, 0x40, -2, 0x10203, 9, 0xabcdef01, 0x20000});
  CHECK(report->blocks.Find(0x55667788));
  CHECK_FALSE(report->blocks.Find(0x55667789));
}

TEST_CASE("rtcp: a report shorter than its count says is refused") {
  ByteVector sender = kSenderReport;
  sender[0] = 0x82;
  CHECK_FALSE(ParseSenderReport(OnlyBlock(sender)));
  ByteVector receiver = kReceiverReport;
  receiver[0] = 0x82;
  CHECK_FALSE(ParseReceiverReport(OnlyBlock(receiver)));
  CHECK_FALSE(ParseReceiverReport(OnlyBlock(Hex("80c9 0000"))));
  CHECK_FALSE(ParseSenderReport(OnlyBlock(Hex("80c8 0005 11223344 00000000 00000000 00000000 00000000"))));
  CHECK_FALSE(ParseSenderReport(OnlyBlock(kReceiverReport)));
}

TEST_CASE("rtcp: reports that are written are read back, with lost counts clamped to 24 bits") {
  const SenderInfo info{1, {0x0123456789abcdef}, 2, 3, 4};
  const std::array<ReportBlock, 2> blocks{
      {{5, 6, -0x800000, 8, 9, 10, 11}, {12, 13, 0x7fffff, 15, 16, 17, 18}}};
  const auto sr_bytes = Written([&](ByteWriter& w) { WriteSenderReport(info, blocks, w); });
  const auto sr = ParseSenderReport(OnlyBlock(sr_bytes));
  REQUIRE(sr);
  CHECK(sr->sender == info);
  REQUIRE(sr->blocks.size() == 2);
  CHECK(sr->blocks[0] == blocks[0]);
  CHECK(sr->blocks[1] == blocks[1]);
  ReportBlock wild;
  wild.cumulative_lost = 0x1000000;
  const auto rr_bytes = Written([&](ByteWriter& w) { WriteReceiverReport(7, std::span(&wild, 1), w); });
  const auto rr = ParseReceiverReport(OnlyBlock(rr_bytes));
  REQUIRE(rr);
  CHECK(rr->ssrc == 7);
  CHECK(rr->blocks[0].cumulative_lost == 0x7fffff);
  CHECK(ParseReceiverReport(OnlyBlock(Written([](ByteWriter& w) { WriteReceiverReport(7, {}, w); }))));
}

TEST_CASE("rtcp: SDES gives the CNAME and skips the rest") {
  auto sdes = ParseSdes(OnlyBlock(kSdes));
  REQUIRE(sdes);
  const auto chunk = sdes->Next();
  REQUIRE(chunk);
  CHECK(chunk->ssrc == 0x11223344);
  CHECK(chunk->cname == "local");
  CHECK_FALSE(sdes->Next());
}

TEST_CASE("rtcp: SDES without an end, or with an item past it, is refused") {
  CHECK_FALSE(ParseSdes(OnlyBlock(Hex("81ca 0002 11223344 01020304"))));
  CHECK_FALSE(ParseSdes(OnlyBlock(Hex("81ca 0003 11223344 0105 6c6f6361 6c01"))));
  CHECK_FALSE(ParseSdes(OnlyBlock(Hex("82ca 0002 11223344 00000000"))));
  CHECK_FALSE(ParseSdes(OnlyBlock(Hex("80ca 0001 11223344"))));
}

TEST_CASE("rtcp: a CNAME of any length is written with its end and read back") {
  for (std::size_t length = 1; length <= kMaxCname; ++length) {
    const std::string cname(length, 'c');
    const auto bytes = Written([&](ByteWriter& w) { WriteSdesCname(42, cname, w); });
    auto sdes = ParseSdes(OnlyBlock(bytes));
    REQUIRE(sdes);
    CHECK(sdes->Next()->cname == cname);
  }
}

TEST_CASE("rtcp: BYE names its sources and its reason") {
  const auto bye = ParseBye(OnlyBlock(kBye));
  REQUIRE(bye);
  CHECK(bye->size() == 2);
  CHECK(bye->Contains(0x55667788));
  CHECK_FALSE(bye->Contains(0x55667789));
  CHECK(bye->reason == "there");
  CHECK_FALSE(ParseBye(OnlyBlock(Hex("82cb 0001 11223344"))));
  CHECK_FALSE(ParseBye(OnlyBlock(Hex("81cb 0002 11223344 05746865"))));
  const std::array<std::uint32_t, 2> ssrcs{1, 2};
  const auto bytes = Written([&](ByteWriter& w) { WriteBye(ssrcs, w); });
  const auto written = ParseBye(OnlyBlock(bytes));
  REQUIRE(written);
  CHECK(written->Contains(1));
  CHECK(written->Contains(2));
  CHECK(ParseBye(OnlyBlock(Hex("80cb 0000"))));
}

std::vector<std::uint16_t> Sequences(const Nack& nack) {
  std::vector<std::uint16_t> all;
  nack.ForEach([&](std::uint16_t s) { all.push_back(s); });
  return all;
}

TEST_CASE("rtcp: NACK names each sequence number, across the wrap too") {
  const auto nack = ParseNack(OnlyBlock(kNack));
  REQUIRE(nack);
  CHECK(nack->sender_ssrc == 0x11223344);
  CHECK(nack->media_ssrc == 0x55667788);
  CHECK(Sequences(*nack) == std::vector<std::uint16_t>{100, 101, 103, 0xffff, 0, 15});
  CHECK_FALSE(ParseNack(OnlyBlock(Hex("81cd 0002 11223344 55667788"))));
}

TEST_CASE("rtcp: any ascending list of sequence numbers survives a NACK, in few items") {
  const std::uint64_t seed = test::Seed();
  INFO("LATCHKEY_SEED=" << seed);
  Dice dice(seed);
  for (int round = 0; round < 500; ++round) {
    std::vector<std::uint16_t> wanted{dice.U16()};
    const std::size_t count = 1 + dice.Below(60);
    while (wanted.size() < count) {
      wanted.push_back(static_cast<std::uint16_t>(wanted.back() + 1 + dice.Below(dice.Coin() ? 3 : 40)));
    }
    const auto bytes = Written([&](ByteWriter& w) { WriteNack(1, 2, wanted, w); });
    CHECK(bytes.size() <= 12 + 4 * wanted.size());
    const auto nack = ParseNack(OnlyBlock(bytes));
    REQUIRE(nack);
    CHECK(Sequences(*nack) == wanted);
  }
  std::vector<std::uint16_t> run;
  for (std::uint16_t s = 0; s < 17; ++s) run.push_back(s);
  CHECK(Written([&](ByteWriter& w) { WriteNack(1, 2, run, w); }).size() == 16);
}

TEST_CASE("rtcp: PLI and FIR are read, written, and refused in other sizes") {
  const auto pli = ParsePli(OnlyBlock(kPli));
  REQUIRE(pli);
  CHECK(pli->media_ssrc == 0x55667788);
  CHECK(Written([](ByteWriter& w) { WritePli(0x11223344, 0x55667788, w); }) == kPli);
  CHECK_FALSE(ParsePli(OnlyBlock(Hex("81ce 0001 11223344"))));
  CHECK_FALSE(ParsePli(OnlyBlock(Hex("81ce 0003 11223344 55667788 00000000"))));
  const auto fir = ParseFir(OnlyBlock(kFir));
  REQUIRE(fir);
  REQUIRE(fir->size() == 2);
  CHECK((*fir)[1].ssrc == 0x99aabbcc);
  CHECK((*fir)[1].number == 8);
  CHECK_FALSE(ParseFir(OnlyBlock(Hex("84ce 0002 11223344 00000000"))));
  CHECK_FALSE(ParseFir(OnlyBlock(Hex("84ce 0003 11223344 00000000 55667788"))));
  CHECK(Written([](ByteWriter& w) {
          WriteFir(0x11223344, {0x55667788, 7}, w);
        }) == Hex("84ce 0004 11223344 00000000 55667788 07000000"));
}

TEST_CASE("rtcp: REMB is read, and written in 18 significant bits") {
  const auto remb = ParseRemb(OnlyBlock(kRemb));
  REQUIRE(remb);
  CHECK(remb->bitrate_bps == 0x3fb93);
  CHECK(remb->size() == 2);
  const std::array<std::uint32_t, 1> ssrcs{0x55667788};
  for (const std::uint64_t rate : {std::uint64_t{0}, std::uint64_t{300'000}, std::uint64_t{3'000'000},
                                   std::uint64_t{0x3ffff}, std::uint64_t{0x40000}, ~std::uint64_t{0}}) {
    const auto back = ParseRemb(OnlyBlock(Written([&](ByteWriter& w) { WriteRemb(1, rate, ssrcs, w); })));
    REQUIRE(back);
    CHECK(back->bitrate_bps <= rate);
    CHECK(rate - back->bitrate_bps <= rate >> 17U);
  }
}

TEST_CASE("rtcp: REMB with a wrong count or a rate beyond 64 bits is refused") {
  ByteVector count = kRemb;
  count[16] = 3;
  CHECK_FALSE(ParseRemb(OnlyBlock(count)));
  ByteVector huge = kRemb;
  huge[17] = 0xff;
  CHECK_FALSE(ParseRemb(OnlyBlock(huge)));
  ByteVector unnamed = kRemb;
  unnamed[12] = 'X';
  CHECK(OnlyBlock(unnamed).kind == RtcpKind::kOther);
}

TEST_CASE("ntp: wall time survives to a nanosecond, and the compact form holds a delay") {
  for (const std::int64_t ns : {std::int64_t{0}, std::int64_t{1}, std::int64_t{999'999'999},
                                std::int64_t{1'795'439'650'123'456'789}, std::int64_t{-1'500'000'000}}) {
    const WallTime time{Duration{ns}};
    CHECK((WallTimeFromNtp(NtpFromWallTime(time)) - time).count() == 0);
  }
  CHECK(NtpFromWallTime(WallTime{}).value >> 32U == 2'208'988'800U);
  CHECK(CompactNtpFromDuration(seconds{1}) == 0x10000);
  CHECK(CompactNtpFromDuration(milliseconds{-1}) == 0);
  CHECK(CompactNtpFromDuration(hours{100}) == 0xffffffff);
  CHECK(DurationFromCompactNtp(0x8000) == milliseconds{500});
}

TEST_CASE("ntp: a round trip is arrival less LSR less DLSR, and never negative") {
  CHECK(RoundTrip(0x00050000, 0x00030000, 0x00018000) == milliseconds{500});
  CHECK(RoundTrip(0x00000800, 0xfffff800, 0x00000000) == DurationFromCompactNtp(0x1000));
  CHECK(RoundTrip(0x00030000, 0x00030000, 0x00000001) == Duration::zero());
  CHECK_FALSE(RoundTrip(0x00030000, 0, 5));
}

}  // namespace
}  // namespace latchkey::wire
