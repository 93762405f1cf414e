#include <set>
#include <string>
#include <variant>
#include <vector>

#include "daemon/wire/ipc_messages.h"
#include "tests/unit/wire/ipc_fill.h"
#include "tests/unit/wire/support.h"

namespace latchkey::wire {
namespace {

using test::Copy;
using test::Dice;

// Calls visit<Message>() for each message of a channel.
template <class Variant>
struct Channel;
template <class... Messages>
struct Channel<std::variant<Messages...>> {
  template <class Visitor>
  static void ForEach(Visitor visit) {
    (visit.template operator()<Messages>(), ...);
  }
  static std::set<std::uint8_t> Kinds() { return {static_cast<std::uint8_t>(Messages::kKind)...}; }
};

constexpr std::size_t kKindAt = 1;
constexpr std::size_t kReservedAt = 2;
constexpr std::size_t kLengthAt = 4;

// A record of `kind` with any body, its header right.
ByteVector Record(IpcKind kind, ByteView body) {
  ByteVector record(kIpcHeaderSize);
  ByteWriter header(record);
  header.U8(kIpcVersion);
  header.U8(static_cast<std::uint8_t>(kind));
  header.U16(0);
  header.U32(static_cast<std::uint32_t>(body.size()));
  record.insert(record.end(), body.begin(), body.end());
  return record;
}

TEMPLATE_TEST_CASE("ipc: every message of a channel survives its trip", "", FrontToKeeper, KeeperToFront,
                   KeeperToLane, LaneToKeeper) {
  Dice dice(test::Seed());
  Channel<TestType>::ForEach([&]<class Message>() {
    for (int round = 0; round < 20; ++round) {
      const ByteVector record = EncodeIpc(Filled<Message>(dice, Filler::Size::kSmall));
      const auto back = DecodeIpc<TestType>(record);
      INFO("kind " << int{record[kKindAt]});
      REQUIRE(back);
      CHECK(std::holds_alternative<Message>(*back));
      CHECK(EncodeIpcVariant(*back) == record);
    }
  });
}

TEMPLATE_TEST_CASE("ipc: the largest message of every kind fits a record", "", FrontToKeeper, KeeperToFront,
                   KeeperToLane, LaneToKeeper) {
  Dice dice(test::Seed());
  Channel<TestType>::ForEach([&]<class Message>() {
    const ByteVector record = EncodeIpc(Filled<Message>(dice, Filler::Size::kLargest));
    CHECK(record.size() <= kIpcMaxMessage);
    const auto back = DecodeIpc<TestType>(record);
    REQUIRE(back);
    CHECK(EncodeIpcVariant(*back) == record);
  });
}

TEMPLATE_TEST_CASE("ipc: no truncation and no extra byte is taken", "", FrontToKeeper, KeeperToFront,
                   KeeperToLane, LaneToKeeper) {
  Dice dice(test::Seed());
  Channel<TestType>::ForEach([&]<class Message>() {
    const ByteVector record = EncodeIpc(Filled<Message>(dice, Filler::Size::kSmall));
    CheckNoPrefixParses(record, [](ByteView b) { return DecodeIpc<TestType>(b).has_value(); });
    const ByteView body = ByteView(record).subspan(kIpcHeaderSize);
    for (std::size_t n = 0; n < body.size(); ++n) {
      INFO("kind " << int{record[kKindAt]} << ", body of " << n << " of " << body.size());
      CHECK_FALSE(DecodeIpc<TestType>(Record(Message::kKind, body.first(n))));
    }
    ByteVector longer = record;
    longer.push_back(0);
    CHECK_FALSE(DecodeIpc<TestType>(longer));
    ByteVector body_and_one = Copy(body);
    body_and_one.push_back(0);
    CHECK_FALSE(DecodeIpc<TestType>(Record(Message::kKind, body_and_one)));
  });
}

TEMPLATE_TEST_CASE("ipc: another version, reserved bits or length are refused", "", FrontToKeeper,
                   KeeperToFront, KeeperToLane, LaneToKeeper) {
  Dice dice(test::Seed());
  Channel<TestType>::ForEach([&]<class Message>() {
    const ByteVector record = EncodeIpc(Filled<Message>(dice, Filler::Size::kSmall));
    for (const std::size_t at : {std::size_t{0}, kReservedAt, kReservedAt + 1, kLengthAt, kLengthAt + 3}) {
      ByteVector changed = record;
      changed[at] ^= 1U;
      INFO("byte " << at);
      CHECK_FALSE(DecodeIpc<TestType>(changed));
    }
  });
}

// Whether `Variant` takes a message of each kind that `From` can send, exactly when the table has it.
template <class Variant, class From>
void CheckKindsOf(Dice& dice) {
  const auto taken = Channel<Variant>::Kinds();
  Channel<From>::ForEach([&]<class Message>() {
    const ByteVector record = EncodeIpc(Filled<Message>(dice, Filler::Size::kSmall));
    INFO("kind " << int{record[kKindAt]});
    CHECK(DecodeIpc<Variant>(record).has_value() == taken.contains(record[kKindAt]));
  });
}

TEMPLATE_TEST_CASE("ipc: a channel takes the kinds of its table and no other", "", FrontToKeeper,
                   KeeperToFront, KeeperToLane, LaneToKeeper) {
  Dice dice(test::Seed());
  CheckKindsOf<TestType, FrontToKeeper>(dice);
  CheckKindsOf<TestType, KeeperToFront>(dice);
  CheckKindsOf<TestType, KeeperToLane>(dice);
  CheckKindsOf<TestType, LaneToKeeper>(dice);
  const auto taken = Channel<TestType>::Kinds();
  CHECK(taken.size() == std::variant_size_v<TestType>);
  for (unsigned kind = 0; kind < 256; ++kind) {
    if (taken.contains(static_cast<std::uint8_t>(kind))) continue;
    INFO("kind " << kind);
    CHECK_FALSE(DecodeIpc<TestType>(Record(static_cast<IpcKind>(kind), {})));
  }
}

TEMPLATE_TEST_CASE("ipc: whatever is taken is written back the same", "", FrontToKeeper, KeeperToFront,
                   KeeperToLane, LaneToKeeper) {
  const std::uint64_t seed = test::Seed();
  INFO("LATCHKEY_SEED=" << seed);
  Dice dice(seed);
  Channel<TestType>::ForEach([&]<class Message>() {
    for (int round = 0; round < 200; ++round) {
      ByteVector record = EncodeIpc(Filled<Message>(dice, Filler::Size::kSmall));
      if (record.size() == kIpcHeaderSize) continue;
      const std::size_t at = kIpcHeaderSize + dice.Below(record.size() - kIpcHeaderSize);
      record[at] = dice.U8();
      if (const auto back = DecodeIpc<TestType>(record)) CHECK(EncodeIpcVariant(*back) == record);
    }
  });
}

TEST_CASE("ipc: a text over its bound is refused before it is looked at") {
  Dice dice(test::Seed());
  ByteVector body = dice.Bytes(16 + 16 + 16 + 32);  // ticket, camera, token
  const std::size_t at = body.size();
  body.resize(at + 4 + kMaxSdp + 1);
  ByteWriter length(MutableByteView(body).subspan(at, 4));
  length.U32(kMaxSdp + 1);
  CHECK_FALSE(DecodeIpc<FrontToKeeper>(Record(IpcKind::kPublishRequest, body)));
  body.pop_back();
  ByteWriter again(MutableByteView(body).subspan(at, 4));
  again.U32(kMaxSdp);
  CHECK(DecodeIpc<FrontToKeeper>(Record(IpcKind::kPublishRequest, body)));
}

TEST_CASE("ipc: a list over its bound is refused") {
  ByteVector body(32);
  const ByteVector count = test::Hex("ffffffff");
  body.insert(body.end(), count.begin(), count.end());
  CHECK_FALSE(DecodeIpc<KeeperToFront>(Record(IpcKind::kCameraList, body)));
  BoundedList<int, 2> list;
  CHECK(list.TryPush(1));
  CHECK(list.TryPush(2));
  CHECK_FALSE(list.TryPush(3));
}

TEST_CASE("ipc: a record over its bound is refused") {
  const ByteVector body(kIpcMaxMessage, 0);
  CHECK_FALSE(ParseIpcFrame(Record(IpcKind::kMetrics, body)));
}

TEST_CASE("ipc: an enum out of range and a bool that is neither are refused") {
  LaneStatus status;
  status.state = CameraState::kLive;
  ByteVector record = EncodeIpc(status);
  constexpr std::size_t kStateAt = kIpcHeaderSize + 8;
  REQUIRE(record[kStateAt] == static_cast<std::uint8_t>(CameraState::kLive));
  record[kStateAt] = static_cast<std::uint8_t>(CameraState::kCount);
  CHECK_FALSE(DecodeIpc<LaneToKeeper>(record));
  FrontConfig config;
  config.loopback = true;
  ByteVector flag = EncodeIpc(config);
  REQUIRE(flag[kIpcHeaderSize] == 1);
  flag[kIpcHeaderSize] = 2;
  CHECK_FALSE(DecodeIpc<KeeperToFront>(flag));
}

TEST_CASE("ipc: both halves of a grant arrive member by member") {
  Dice dice(test::Seed());
  const auto sent = Filled<ViewerAdmit>(dice, Filler::Size::kSmall);
  const auto back = DecodeIpc<KeeperToLane>(EncodeIpc(sent));
  REQUIRE(back);
  const auto& got = std::get<ViewerAdmit>(*back);
  CHECK(got.ticket == sent.ticket);
  CHECK(got.session == sent.session);
  CHECK(got.epoch == sent.epoch);
  CHECK(got.rights == sent.rights);
  CHECK(got.not_after == sent.not_after);
  CHECK(got.wrap == sent.wrap);
  CHECK(ConstantTimeEqual(got.derived_key.Reveal(), sent.derived_key.Reveal()));
}

TEST_CASE("ipc: a bounded text cuts our own words at its bound") {
  const ShortText text(std::string(500, 'x'));
  CHECK(text.str().size() == ShortText::kMax);
}

}  // namespace
}  // namespace latchkey::wire
