// Keys that outlive sessions: what came before is not taken again, whatever ended in between.
#include <algorithm>
#include <optional>

#include "tests/unit/gate/support.h"

namespace latchkey::gate {
namespace {

using ports::SourceFloor;

constexpr auto kSuite = ports::SrtpProfile::kAes128CmHmacSha1_80;

// A sender under an enrolled key, and the hub's gate for it, which can be made anew.
class Enrolled {
 public:
  explicit Enrolled(std::vector<SourceFloor> floors = {}) { Resume(std::move(floors)); }

  void Resume(std::vector<SourceFloor> floors) {
    gate_.emplace(std::move(*Gate::Resume(test::SomeStreamKey(1, kSuite), Undeclared(), floors, factory_)));
  }
  // A sender that is started anew: no roll-overs behind it.
  void RestartSender() { sender_ = std::move(*factory_.MakeSender(test::SomeSrtpKey(1, kSuite))); }

  ByteVector Protect(std::uint16_t sequence, std::uint32_t ssrc = kVideoSsrc) {
    return Protect(Pair::Video(sequence, ssrc));
  }
  ByteVector ProtectAs(std::uint8_t payload_type, std::uint16_t sequence) {
    wire::RtpHeader header = Pair::Video(sequence);
    header.payload_type = payload_type;
    return Protect(header);
  }
  ByteVector Protect(const wire::RtpHeader& header) {
    ByteVector bytes = test::RtpBytes(header, test::Text("picture"));
    const std::size_t plain = bytes.size();
    bytes.resize(plain + ports::kSrtpMaxOverhead);
    bytes.resize(sender_->ProtectRtp(bytes, plain));
    return bytes;
  }
  RtpVerdict Give(ByteVector datagram) {
    buffer_ = std::move(datagram);
    auto verdict = gate_->AdmitRtp({kPeer, kHub, buffer_}, kAdmitted, now);
    CHECK(gate_->IsConsistent());
    CHECK((verdict.packet.has_value() || verdict.held) == (verdict.reason == DropReason::kNone));
    return verdict;
  }
  // What the keeper would do: everything that is wished for is on the disk.
  std::vector<SourceFloor> ReserveAll() {
    std::vector<SourceFloor> reserved;
    while (const auto wish = gate_->TakeIndexWish()) {
      gate_->ReserveIndex(*wish);
      reserved.push_back({wish->ssrc, wish->up_to});
    }
    return reserved;
  }
  std::vector<std::uint16_t> Held() {
    std::vector<std::uint16_t> sequences;
    while (const auto packet = gate_->TakeHeld(now)) sequences.push_back(packet->header().sequence);
    CHECK(gate_->IsConsistent());
    return sequences;
  }
  Gate& gate() { return *gate_; }
  Instant now = kStart;

 private:
  platform::LibSrtpFactory factory_;
  std::unique_ptr<ports::SrtpSender> sender_ = std::move(*factory_.MakeSender(test::SomeSrtpKey(1, kSuite)));
  std::optional<Gate> gate_;
  ByteVector buffer_;
};

TEST_CASE("resume: nothing is believed before the disk knows how far it goes") {
  Enrolled camera;
  for (std::uint16_t n = 10; n < 15; ++n) {
    const auto verdict = camera.Give(camera.Protect(n));
    CHECK(verdict.held);
    CHECK_FALSE(verdict.packet);
  }
  CHECK(camera.Held().empty());
  const auto reserved = camera.ReserveAll();
  REQUIRE(reserved.size() == 1);
  CHECK(reserved[0].ssrc == kVideoSsrc);
  CHECK(reserved[0].from >= 10 + IndexLedger::kLeastBlock);
  CHECK(camera.Held() == std::vector<std::uint16_t>{10, 11, 12, 13, 14});
  CHECK(camera.Give(camera.Protect(15)).packet);
}

TEST_CASE("resume: what was recorded before a restart of the hub is a repetition, and leaves no trace") {
  Enrolled camera;
  std::vector<ByteVector> recorded;
  for (std::uint16_t n = 0; n < 200; ++n) {
    recorded.push_back(camera.Protect(n));
    (void)camera.Give(recorded.back());
  }
  const auto floors = camera.ReserveAll();
  (void)camera.Held();
  camera.Resume(floors);
  std::size_t recognised = 0;
  for (const ByteVector& datagram : recorded) {
    const auto verdict = camera.Give(datagram);
    CHECK_FALSE(verdict.packet);
    CHECK_FALSE(verdict.held);
    if (verdict.reason == DropReason::kSrtpRecorded) ++recognised;
  }
  CHECK(recognised > 0);  // told from noise now and then, so that the owner can be told
  CHECK_FALSE(camera.gate().TakeIndexWish());
  // The sender itself goes on, and is in as soon as it is past what was reserved.
  std::uint16_t n = 200;
  ByteVector before;
  for (ByteVector next = camera.Protect(n); !camera.Give(next).held; next = camera.Protect(n)) {
    REQUIRE(n < floors[0].from + 8);
    if (n + 1U == floors[0].from) before = next;
    ++n;
  }
  CHECK(n >= floors[0].from);
  (void)camera.ReserveAll();
  CHECK(camera.Held() == std::vector<std::uint16_t>{n});
  // Also now, when its window of replays would let them in.
  REQUIRE_FALSE(before.empty());
  for (int i = 0; i < 8; ++i) {
    const DropReason reason = camera.Give(before).reason;
    CHECK((reason == DropReason::kSrtpAuthentication || reason == DropReason::kSrtpRecorded));
  }
}

TEST_CASE("resume: a sender that went on while the hub was away is joined behind any number of roll-overs") {
  Enrolled camera;
  (void)camera.Give(camera.Protect(100));
  const auto floors = camera.ReserveAll();
  // Nine times round without the hub.
  for (std::uint32_t n = 0; n < 9 * 65536; n += 8192)
    (void)camera.Protect(static_cast<std::uint16_t>(n + 100));
  camera.Resume(floors);
  bool joined = false;
  for (std::uint16_t n = 200; n < 1200 && !joined; ++n) joined = camera.Give(camera.Protect(n)).held;
  CHECK(joined);
  const auto reserved = camera.ReserveAll();
  REQUIRE(reserved.size() == 1);
  CHECK(reserved[0].from >> 16U >= 8);
}

TEST_CASE("resume: a sender that begins anew with the SSRC and numbers that it had is a repetition") {
  Enrolled camera;
  (void)camera.Give(camera.Protect(5000));
  const auto floors = camera.ReserveAll();
  camera.Resume(floors);
  camera.RestartSender();
  for (std::uint16_t n = 0; n < 300; ++n) {
    const auto verdict = camera.Give(camera.Protect(n));
    CHECK_FALSE(verdict.packet);
    CHECK_FALSE(verdict.held);
  }
  CHECK(camera.gate().drops().of(DropReason::kSrtpRecorded) > 0);
  // With another SSRC it is somebody new.
  CHECK(camera.Give(camera.Protect(0, 0x12345678)).held);
}

TEST_CASE("resume: packets of another SSRC are held until its epoch, and none is lost") {
  Enrolled camera;
  (void)camera.Give(camera.Protect(1));
  (void)camera.ReserveAll();
  REQUIRE(camera.Held().size() == 1);
  constexpr std::uint32_t kOther = 0x0badcafe;
  std::optional<SsrcChanged> changed;
  for (std::uint16_t n = 0; n < 30; ++n) {
    const auto verdict = camera.Give(camera.Protect(n, kOther));
    CHECK(verdict.held);
    if (verdict.changed) changed = verdict.changed;
    (void)camera.ReserveAll();
    CHECK(camera.Held().empty());
    camera.now += milliseconds{10};
  }
  REQUIRE(changed);
  CHECK(changed->from == kVideoSsrc);
  CHECK(changed->to == kOther);
  camera.gate().BeginEpoch();
  CHECK(camera.Held().size() == 30);
  // What the old one sent comes too late.
  CHECK(camera.Give(camera.Protect(2)).reason == DropReason::kWrongSsrc);
}

TEST_CASE("resume: three SSRCs at once are told apart, and the last of them has its epoch") {
  Enrolled camera;
  (void)camera.Give(camera.Protect(1));
  (void)camera.ReserveAll();
  REQUIRE(camera.Held().size() == 1);
  constexpr std::uint32_t kSecond = 0x0badcafe;
  constexpr std::uint32_t kThird = 0x0ddba11;
  CHECK(camera.Give(camera.Protect(1, kSecond)).held);
  CHECK(camera.Give(camera.Protect(1, kThird)).held);
  (void)camera.ReserveAll();
  CHECK(camera.Held().empty());
  std::optional<SsrcChanged> changed;
  for (std::uint16_t n = 2; n < 30; ++n) {
    camera.now += milliseconds{10};
    const auto verdict = camera.Give(camera.Protect(n, kThird));
    if (verdict.changed) changed = verdict.changed;
    CHECK(camera.Held().empty());
  }
  REQUIRE(changed);
  CHECK(changed->to == kThird);
  camera.gate().BeginEpoch();
  CHECK(camera.Held().size() == 29);
}

TEST_CASE("resume: nothing is reserved for what would not be taken") {
  Enrolled camera;
  CHECK(camera.Give(camera.ProtectAs(98, 1)).reason == DropReason::kWrongPayloadType);
  CHECK_FALSE(camera.gate().TakeIndexWish());
}

TEST_CASE("resume: a sender that went on unheard for any number of packets is taken again, and nothing old") {
  const std::uint32_t gap = GENERATE(32'767U, 32'768U, 40'000U, 65'535U, 65'536U, 200'000U);
  Enrolled camera;
  std::vector<ByteVector> recorded;
  std::uint32_t sent = 0;
  for (; sent < 70'000; ++sent) {
    ByteVector datagram = camera.Protect(static_cast<std::uint16_t>(sent));
    if (sent % 1000 == 0) recorded.push_back(datagram);
    (void)camera.Give(std::move(datagram));
    (void)camera.ReserveAll();
    (void)camera.Held();
  }
  for (const std::uint32_t back = sent + gap; sent < back; ++sent)
    (void)camera.Protect(static_cast<std::uint16_t>(sent));
  std::optional<std::int64_t> last;
  bool joined = false;
  for (const std::uint32_t until = sent + 200; sent < until; ++sent) {
    const auto verdict = camera.Give(camera.Protect(static_cast<std::uint16_t>(sent)));
    joined = joined || verdict.packet || verdict.held;
    (void)camera.ReserveAll();
    if (verdict.packet) {
      if (last) CHECK(verdict.packet->sequence().value == *last + 1);
      last = verdict.packet->sequence().value;
      CHECK(*last - 65'536 == sent);
    }
    (void)camera.Held();
  }
  CHECK(joined);
  CHECK(last);
  for (int again = 0; again < 8; ++again) {
    for (const ByteVector& old : recorded) {
      const auto verdict = camera.Give(old);
      CHECK_FALSE(verdict.packet);
      CHECK_FALSE(verdict.held);
    }
  }
}

// What is reserved is above all that was believed only if the index is the one the sender counted.
TEST_CASE("resume: the index is the sender's, wherever its number may have gone") {
  platform::LibSrtpFactory factory;
  const std::uint32_t from =
      GENERATE(1U, 32'766U, 32'767U, 32'768U, 65'535U, 65'536U, 98'303U, 98'304U, 131'071U);
  const std::uint32_t gap =
      GENERATE(1U, 32'766U, 32'767U, 32'768U, 32'769U, 65'535U, 65'536U, 65'537U, 98'304U);
  auto sender = std::move(*factory.MakeSender(test::SomeSrtpKey(1, kSuite)));
  auto receiver = std::move(*factory.ResumeReceiver(test::SomeSrtpKey(1, kSuite), {}));
  const auto protect = [&](std::uint32_t index) {
    ByteVector bytes = test::RtpBytes(Pair::Video(static_cast<std::uint16_t>(index)), test::Text("picture"));
    const std::size_t plain = bytes.size();
    bytes.resize(plain + ports::kSrtpMaxOverhead);
    bytes.resize(sender->ProtectRtp(bytes, plain));
    return bytes;
  };
  const auto open = [&](ByteVector bytes) { return receiver->UnprotectRtp(bytes); };
  constexpr std::uint32_t kStride = 16'000;  // which neither side can mistake
  for (std::uint32_t i = 0;; i = std::min(i + kStride, from)) {
    const auto opened = open(protect(i));
    REQUIRE(opened.reason == DropReason::kNone);
    REQUIRE(opened.index == i);
    if (i == from) break;
  }
  for (std::uint32_t i = from + kStride; i < from + gap; i += kStride) (void)protect(i);
  int taken = 0;
  CAPTURE(from, gap);
  for (std::uint32_t i = from + gap; i < from + gap + 100; ++i) {
    const auto opened = open(protect(i));
    if (opened.reason != DropReason::kNone) continue;
    REQUIRE(opened.index == i);
    ++taken;
  }
  CHECK(taken > 50);
}

// Its key is the same for years: what ends another camera's session, which begins anew with another key,
// would end it for good.
TEST_CASE("resume: an enrolled sender is taken beyond any number of roll-overs") {
  Enrolled camera;
  constexpr std::uint64_t kStride = 30'000;  // which neither side can mistake
  std::int64_t last = 0;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(Gate::kMaxRollovers + 2) << 16U; i += kStride) {
    const auto verdict = camera.Give(camera.Protect(static_cast<std::uint16_t>(i)));
    (void)camera.ReserveAll();
    std::optional<std::int64_t> sequence;
    if (verdict.packet) sequence = verdict.packet->sequence().value;
    while (const auto held = camera.gate().TakeHeld(camera.now)) sequence = held->sequence().value;
    if (!sequence) FAIL("not taken at roll-over " << (i >> 16U));
    if (i > 0 && *sequence != last + static_cast<std::int64_t>(kStride)) FAIL("taken for another");
    last = *sequence;
  }
}

TEST_CASE("resume: what is held is bounded, in number and in time") {
  Enrolled camera;
  for (std::size_t n = 0; n < Gate::kMaxHeld; ++n) {
    REQUIRE(camera.Give(camera.Protect(static_cast<std::uint16_t>(n))).held);
  }
  CHECK(camera.Give(camera.Protect(1000)).reason == DropReason::kIndexUnreserved);
  camera.now += Gate::kHeldLife + milliseconds{1};
  (void)camera.ReserveAll();
  CHECK(camera.Held().empty());
  CHECK(camera.Give(camera.Protect(1001)).packet);
}

TEST_CASE("resume: RTCP, whose index nobody kept, is not taken") {
  Enrolled camera;
  platform::LibSrtpFactory factory;
  auto sender = std::move(*factory.MakeSender(test::SomeSrtpKey(1, kSuite)));
  ByteVector bytes(256);
  ByteWriter writer(bytes);
  wire::WriteSenderReport({kVideoSsrc, {1}, 2, 3, 4}, {}, writer);
  bytes.resize(sender->ProtectRtcp(bytes, writer.size()));
  CHECK(camera.gate().AdmitRtcp({kPeer, kHub, bytes}, kAdmitted, kStart).reason ==
        DropReason::kWrongDirection);
}

}  // namespace
}  // namespace latchkey::gate
