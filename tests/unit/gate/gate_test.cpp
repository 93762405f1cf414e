#include "daemon/gate/gate.h"

#include <type_traits>

#include "tests/unit/gate/support.h"

namespace latchkey::gate {
namespace {

using test::Hex;
const ByteVector kPayload = Hex("41 9a 00 01 02 03");

// Only the gate makes one, and nobody else can (DESIGN 4; negative proofs by compiler in proofs/).
static_assert(!std::is_default_constructible_v<AuthenticPacket>);
static_assert(!std::is_default_constructible_v<AuthenticRtcp>);
static_assert(!std::is_constructible_v<AuthenticRtcp, wire::RtcpCompound, std::uint32_t, Instant>);
static_assert(!std::is_default_constructible_v<StreamKey>);
static_assert(!std::is_constructible_v<StreamKey, ports::SrtpKey>);
static_assert(!std::is_copy_constructible_v<StreamKey>);
static_assert(!std::is_copy_constructible_v<Gate>);

TEST_CASE("gate: an authentic packet passes with its payload, stream and extended number") {
  Pair pair;
  const auto verdict = pair.Send(Pair::Video(7), kPayload);
  REQUIRE(verdict.packet);
  CHECK(test::Copy(verdict.packet->payload()) == kPayload);
  CHECK(verdict.packet->stream() == 0);
  CHECK(verdict.packet->codec() == wire::Codec::kH264);
  CHECK(verdict.packet->sequence().Wire() == 7);
  CHECK(verdict.packet->arrived() == kStart);
  CHECK_FALSE(verdict.packet->is_retransmission());
  const auto sound = pair.Send(Pair::Audio(9), kPayload);
  REQUIRE(sound.packet);
  CHECK(sound.packet->stream() == 1);
  CHECK(sound.packet->kind() == wire::StreamKind::kAudio);
}

TEST_CASE("gate: each profile of the closed list opens") {
  for (const auto profile : {ports::SrtpProfile::kAes128CmHmacSha1_80, ports::SrtpProfile::kAeadAes128Gcm,
                             ports::SrtpProfile::kAeadAes256Gcm}) {
    Pair pair(Undeclared(), 1, 1, profile);
    CHECK(pair.Send(Pair::Video(1), kPayload).packet);
  }
}

TEST_CASE("gate: a replayed packet never passes twice") {
  Pair pair;
  const ByteVector datagram = pair.Protect(Pair::Video(1), kPayload);
  CHECK(pair.Give(datagram).packet);
  CHECK(pair.Give(datagram).reason == DropReason::kSrtpReplay);
  for (std::uint16_t s = 2; s < 1000; ++s) pair.Send(Pair::Video(s), kPayload);
  CHECK(pair.Give(datagram).reason == DropReason::kSrtpReplay);
  CHECK(pair.gate().drops().of(DropReason::kSrtpReplay) == 2);
}

TEST_CASE("gate: a retransmission 1000 packets back is not taken for a replay") {
  Pair pair;
  pair.Send(Pair::Video(1), kPayload);
  const ByteVector late = pair.Protect(Pair::Video(2), kPayload);
  for (std::uint16_t s = 3; s < 1003; ++s) pair.Send(Pair::Video(s), kPayload);
  const auto verdict = pair.Give(late);
  REQUIRE(verdict.packet);
  CHECK(verdict.packet->sequence().Wire() == 2);
}

TEST_CASE("gate: a packet changed in any byte is refused and leaves no trace") {
  Pair pair;
  const ByteVector good = pair.Protect(Pair::Video(1), kPayload);
  for (std::size_t i = 0; i < good.size(); ++i) {
    ByteVector bad = good;
    bad[i] ^= 0x01;
    INFO("byte " << i);
    CHECK_FALSE(pair.Give(bad).packet);
  }
  CHECK_FALSE(pair.gate().SsrcOfStream(0));
  // Neither the replay window nor a pin was touched.
  CHECK(pair.Give(good).packet);
}

TEST_CASE("gate: every prefix of a packet is refused") {
  Pair pair;
  const ByteVector good = pair.Protect(Pair::Video(1), kPayload);
  for (std::size_t n = 0; n < good.size(); ++n) {
    CHECK_FALSE(pair.Give(test::Copy(ByteView(good).first(n))).packet);
  }
  CHECK(pair.gate().drops().of(DropReason::kEmpty) == 1);
  CHECK(pair.Give(good).packet);
}

TEST_CASE("gate: a datagram over the bound is refused before it is looked at") {
  Pair pair;
  CHECK(pair.Give(pair.Protect(Pair::Video(1), ByteVector(kMaxDatagram))).reason == DropReason::kTooLong);
}

TEST_CASE("gate: only the nominated pair with fresh consent and no suspension passes") {
  Pair pair;
  const ByteVector good = pair.Protect(Pair::Video(1), kPayload);
  Admission admission = kAdmitted;
  admission.peer.port = 5005;
  CHECK(pair.Give(good, admission).reason == DropReason::kUnknownPeer);
  admission = kAdmitted;
  admission.local.port = 47001;
  CHECK(pair.Give(good, admission).reason == DropReason::kUnknownPeer);
  admission = kAdmitted;
  admission.consent_fresh = false;
  CHECK(pair.Give(good, admission).reason == DropReason::kConsentExpired);
  admission = kAdmitted;
  admission.suspended = true;
  CHECK(pair.Give(good, admission).reason == DropReason::kSuspended);
  CHECK(pair.GiveRtcp(pair.ProtectReport(kVideoSsrc), admission).reason == DropReason::kSuspended);
  // Nobody filled it in: nothing passes.
  CHECK_FALSE(pair.Give(good, Admission{}).packet);
  CHECK(pair.Give(good).packet);
}

TEST_CASE("gate: a payload type that was not agreed is refused, authentic or not") {
  Pair pair;
  wire::RtpHeader header = Pair::Video(1);
  header.payload_type = 104;
  CHECK(pair.Send(header, kPayload).reason == DropReason::kWrongPayloadType);
  CHECK_FALSE(pair.gate().SsrcOfStream(0));
}

TEST_CASE("gate: another camera's key opens nothing") {
  Pair pair(Undeclared(), 2, 1);
  CHECK(pair.Send(Pair::Video(1), kPayload).reason == DropReason::kSrtpAuthentication);
}

TEST_CASE("gate: with one key at two cameras libsrtp lets the other's packet in, and the gate doesn't") {
  Pair ours;
  Pair theirs;
  CHECK(ours.Send(Pair::Video(1), kPayload).packet);
  // Its tag verifies here (the wildcard trap); it is the SSRC that gives it away.
  const auto verdict = ours.Give(theirs.Protect(Pair::Video(2, 0xdeadbeef), kPayload));
  CHECK(verdict.reason == DropReason::kWrongSsrc);
  CHECK(ours.gate().drops().of(DropReason::kSrtpAuthentication) == 0);
  // However long it goes on, while ours is alive.
  for (std::uint16_t s = 3; s < 100; ++s) {
    const Instant now = kStart + milliseconds(40) * s;
    const auto foreign = ours.Give(theirs.Protect(Pair::Video(s, 0xdeadbeef), kPayload), kAdmitted, now);
    CHECK(foreign.reason == DropReason::kWrongSsrc);
    CHECK_FALSE(foreign.changed);
    CHECK(ours.Send(Pair::Video(s), kPayload, now).packet);
  }
}

TEST_CASE("gate: a declared SSRC holds from the first packet on") {
  Pair pair(Declared());
  CHECK(pair.Send(Pair::Video(1, 0x1), kPayload).reason == DropReason::kWrongSsrc);
  CHECK(pair.Send(Pair::Video(2), kPayload).packet);
  CHECK(pair.gate().StreamOfSsrc(kAudioSsrc) == std::optional<std::size_t>{1});
}

TEST_CASE("gate: one stream's SSRC under another stream's payload type is a mix-up, never a change") {
  Pair pair;
  pair.Send(Pair::Video(1), kPayload);
  pair.Send(Pair::Audio(1), kPayload);
  for (int i = 0; i < 10; ++i) {
    wire::RtpHeader header = Pair::Audio(static_cast<std::uint16_t>(2 + i));
    header.payload_type = kVideoType;
    const auto verdict = pair.Send(header, kPayload, kStart + milliseconds(100) * i);
    CHECK(verdict.reason == DropReason::kWrongSsrc);
    CHECK_FALSE(verdict.changed);
  }
}

TEST_CASE("gate: an SSRC change is told once, after the old one's silence, and stands with the next epoch") {
  Pair pair;
  pair.Send(Pair::Video(100), kPayload);
  const std::uint32_t fresh = 0x99;
  CHECK_FALSE(pair.Send(Pair::Video(1, fresh), kPayload, kStart + milliseconds(10)).changed);
  CHECK_FALSE(pair.Send(Pair::Video(2, fresh), kPayload, kStart + milliseconds(209)).changed);
  const auto told = pair.Send(Pair::Video(3, fresh), kPayload, kStart + milliseconds(210));
  CHECK(told.reason == DropReason::kWrongSsrc);
  REQUIRE(told.changed);
  CHECK(told.changed->stream == 0);
  CHECK(told.changed->from == kVideoSsrc);
  CHECK(told.changed->to == fresh);
  CHECK_FALSE(pair.Send(Pair::Video(4, fresh), kPayload, kStart + seconds(1)).changed);
  pair.gate().BeginEpoch();
  CHECK(pair.gate().SsrcOfStream(0) == std::optional{fresh});
  CHECK(pair.Send(Pair::Video(5, fresh), kPayload, kStart + seconds(1)).packet);
  CHECK(pair.Send(Pair::Video(101), kPayload, kStart + seconds(1)).reason == DropReason::kWrongSsrc);
}

TEST_CASE("gate: an old SSRC that comes back takes its change back") {
  Pair pair;
  pair.Send(Pair::Video(1), kPayload);
  pair.Send(Pair::Video(1, 0x99), kPayload, kStart + milliseconds(10));
  REQUIRE(pair.Send(Pair::Video(2, 0x99), kPayload, kStart + milliseconds(300)).changed);
  CHECK(pair.Send(Pair::Video(2), kPayload, kStart + milliseconds(310)).packet);
  pair.gate().BeginEpoch();
  CHECK(pair.gate().SsrcOfStream(0) == std::optional{kVideoSsrc});
}

TEST_CASE("gate: an SSRC that was left is never taken again, nor is its RTX") {
  Pair pair;
  ByteVector rtx = Hex("00 01 41");
  pair.Send(Pair::Video(1), kPayload);
  REQUIRE(pair.Send({false, kRtxType, 1, 42, kRtxSsrc}, rtx).packet);
  pair.Send(Pair::Video(1, 0x99), kPayload, kStart + milliseconds(10));
  REQUIRE(pair.Send(Pair::Video(2, 0x99), kPayload, kStart + milliseconds(300)).changed);
  pair.gate().BeginEpoch();
  REQUIRE(pair.Send(Pair::Video(3, 0x99), kPayload, kStart + milliseconds(310)).packet);
  // Held back since before the change: no replay, and authentic.
  for (int i = 0; i < 10; ++i) {
    const Instant late = kStart + seconds(300) + i * milliseconds(100);
    const auto media = pair.Send(Pair::Video(static_cast<std::uint16_t>(2 + i)), kPayload, late);
    CHECK(media.reason == DropReason::kWrongSsrc);
    CHECK_FALSE(media.changed);
    CHECK(pair.Send({false, kRtxType, static_cast<std::uint16_t>(2 + i), 42, kRtxSsrc}, rtx, late).reason ==
          DropReason::kWrongSsrc);
  }
  CHECK(pair.gate().SsrcOfStream(0) == std::optional<std::uint32_t>{0x99});
  CHECK_FALSE(pair.gate().agreed(0).rtx_ssrc);
}

// libsrtp knows fewer SSRCs of one key; here nothing but the gate counts.
TEST_CASE("gate: a session that has left kMaxLeft SSRCs is exhausted") {
  test::GateFeed feed(wire::Codec::kH264);
  std::size_t changes = 0;
  Instant now = kStart;
  for (; !feed.gate().exhausted() && changes < 100; ++changes) {
    const auto ssrc = static_cast<std::uint32_t>(0x1000 + changes);
    for (std::uint16_t i = 0; i < 2; ++i) {
      now += Gate::kSsrcSilence;
      feed.GiveFrom(ssrc, i, kPayload, now);
    }
    feed.gate().BeginEpoch();
  }
  // The first stays: there was none before it.
  CHECK(changes == Gate::kMaxLeft + 1);
}

TEST_CASE("gate: RTX comes out as the packet it repeats") {
  Pair pair;
  for (std::uint16_t s = 65530; s != 3; ++s) pair.Send(Pair::Video(s), kPayload);
  ByteVector rtx = Hex("ff fd");
  rtx.insert(rtx.end(), kPayload.begin(), kPayload.end());
  const auto verdict = pair.Send({true, kRtxType, 500, 42, kRtxSsrc}, rtx);
  REQUIRE(verdict.packet);
  CHECK(verdict.packet->is_retransmission());
  CHECK(verdict.packet->header() == wire::RtpHeader{true, kVideoType, 65533, 42, kVideoSsrc});
  CHECK(test::Copy(verdict.packet->payload()) == kPayload);
  CHECK(verdict.packet->on_wire().header.sequence == 500);
  const auto next = pair.Send(Pair::Video(3), kPayload);
  REQUIRE(next.packet);
  CHECK(next.packet->sequence().value - verdict.packet->sequence().value == 6);
}

TEST_CASE("gate: RTX is bound to its SSRC too, and can't come before its stream") {
  Pair pair;
  ByteVector rtx = Hex("00 01 41");
  CHECK(pair.Send({false, kRtxType, 1, 42, kRtxSsrc}, rtx).reason == DropReason::kWrongSsrc);
  pair.Send(Pair::Video(1), kPayload);
  CHECK(pair.Send({false, kRtxType, 2, 42, kRtxSsrc}, rtx).packet);
  CHECK(pair.Send({false, kRtxType, 3, 42, 0x77}, rtx).reason == DropReason::kWrongSsrc);
  CHECK(pair.Send({false, kRtxType, 4, 42, kVideoSsrc}, rtx).reason == DropReason::kWrongSsrc);
}

TEST_CASE("gate: an RTX probe without an original passes as a probe") {
  Pair pair;
  pair.Send(Pair::Video(1), kPayload);
  const auto verdict = pair.Send({false, kRtxType, 2, 42, kRtxSsrc}, {});
  REQUIRE(verdict.packet);
  CHECK(verdict.packet->is_probe());
  CHECK(verdict.packet->payload().empty());
}

TEST_CASE("gate: numbers go on over wrap-arounds") {
  Pair pair;
  std::int64_t last = 0;
  for (int i = 0; i < 70000; i += 7) {
    const auto verdict = pair.Send(Pair::Video(static_cast<std::uint16_t>(60000 + i)), kPayload);
    REQUIRE(verdict.packet);
    if (i > 0) CHECK(verdict.packet->sequence().value - last == 7);
    last = verdict.packet->sequence().value;
  }
}

TEST_CASE("gate: roll-overs under one key are bounded") {
  test::PlainSrtpFactory plain;
  auto gate = Gate::Make(test::SomeStreamKey(), Undeclared(), plain);
  REQUIRE(gate);
  DropReason last = DropReason::kNone;
  std::int64_t passed = 0;
  for (std::int64_t i = 0; i < (Gate::kMaxRollovers + 2) * 3 && last == DropReason::kNone; ++i) {
    ByteVector bytes = test::RtpBytes(Pair::Video(static_cast<std::uint16_t>(i * 0x5555)), kPayload);
    bytes.insert(bytes.end(), test::kPlainTag.begin(), test::kPlainTag.end());
    last = gate->AdmitRtp({kPeer, kHub, bytes}, kAdmitted, kStart).reason;
    if (last == DropReason::kNone) ++passed;
  }
  CHECK(last == DropReason::kSrtpRollover);
  // Three packets a roll-over; the first and the last may be begun or cut.
  CHECK(passed >= 3 * Gate::kMaxRollovers);
  CHECK(passed <= 3 * (Gate::kMaxRollovers + 2));
}

TEST_CASE("gate: RTCP of a camera comes under one of its SSRCs") {
  Pair pair(Declared());
  const auto report = pair.GiveRtcp(pair.ProtectReport(kVideoSsrc));
  REQUIRE(report.packet);
  CHECK(report.packet->sender_ssrc() == kVideoSsrc);
  CHECK(report.packet->compound().begin()->kind == wire::RtcpKind::kSenderReport);
  CHECK(pair.GiveRtcp(pair.ProtectReport(0x1234)).reason == DropReason::kWrongSsrc);
}

TEST_CASE("gate: RTCP changed in any byte is refused, a replay too") {
  Pair pair(Declared());
  const ByteVector good = pair.ProtectReport(kVideoSsrc);
  for (std::size_t i = 0; i < good.size(); ++i) {
    ByteVector bad = good;
    bad[i] ^= 0x40;
    INFO("byte " << i);
    CHECK_FALSE(pair.GiveRtcp(bad).packet);
  }
  CHECK(pair.GiveRtcp(good).packet);
  CHECK(pair.GiveRtcp(good).reason == DropReason::kSrtpReplay);
}

TEST_CASE("gate: a viewer's gate takes RTCP alone") {
  Pair pair(std::vector<AgreedStream>{});
  CHECK(pair.Send(Pair::Video(1), kPayload).reason == DropReason::kWrongDirection);
  CHECK(pair.GiveRtcp(pair.ProtectReport(0x1234)).packet);
}

TEST_CASE("gate: junk of every length is dropped and counted") {
  Pair pair;
  test::Dice dice(test::Seed());
  for (int i = 0; i < 2000; ++i) {
    CHECK_FALSE(pair.Give(dice.Bytes(dice.Below(200))).packet);
    CHECK_FALSE(pair.GiveRtcp(dice.Bytes(dice.Below(200))).packet);
  }
  CHECK(pair.gate().drops().total() == 4000);
  CHECK(pair.Send(Pair::Video(1), kPayload).packet);
}

TEST_CASE("gate: an offer that declares one SSRC for two streams is refused") {
  platform::LibSrtpFactory srtp;
  auto streams = Declared();
  streams[1].ssrc = kVideoSsrc;
  const auto gate = Gate::Make(test::SomeStreamKey(), streams, srtp);
  REQUIRE_FALSE(gate);
  CHECK(gate.error().code == ErrorCode::kInvalid);
}

}  // namespace
}  // namespace latchkey::gate
