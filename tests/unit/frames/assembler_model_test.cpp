// A random camera over a random network, and a reference that knows which frames can be given out.
#include <algorithm>
#include <map>

#include "tests/unit/frames/support.h"

namespace latchkey::frames {
namespace {

struct Network {
  unsigned loss_percent = 0;
  unsigned duplicate_percent = 0;
  std::int64_t jitter_ms = 0;  // below the hold
};

struct Delivery {
  Instant at;
  std::size_t order = 0;  // of sending, for equal times
  SentPacket packet;
};

struct SentFrame {
  std::vector<ByteVector> payloads;
  bool keyframe = false;
  bool whole = true;  // all packets reach the hub, but for parameter sets, which SDP gives
};

// Unique bytes in each packet, so that nothing can be taken for another.
ByteVector Tagged(ByteVector payload, test::Dice& dice) {
  for (int i = 0; i < 8; ++i) payload.push_back(static_cast<std::uint8_t>(dice.U8() | 1U));
  return payload;
}

std::vector<ByteVector> RandomFrame(wire::Codec codec, bool key, test::Dice& dice) {
  std::vector<ByteVector> payloads;
  const std::size_t more = dice.Below(key ? 12 : 4);
  if (codec == wire::Codec::kVp8) {
    payloads.push_back(Tagged(Hex(key ? "10 00 9d 01 2a 10 00 10 00" : "10 01 02"), dice));
    for (std::size_t i = 0; i < more; ++i) payloads.push_back(Tagged(Hex("00"), dice));
    return payloads;
  }
  if (key) {
    payloads.push_back(kSps);
    payloads.push_back(kPps);
  }
  if (dice.Coin()) {
    payloads.push_back(Tagged(key ? Idr() : P(), dice));
    for (std::size_t i = 0; i < more; ++i) payloads.push_back(Tagged(key ? IdrSecond() : PSecond(), dice));
    return payloads;
  }
  // One NAL in fragments.
  payloads.push_back(Tagged(Hex(key ? "7c 85 88" : "5c 81 98"), dice));
  for (std::size_t i = 0; i < more; ++i) payloads.push_back(Tagged(Hex(key ? "7c 05" : "5c 01"), dice));
  payloads.push_back(Tagged(Hex(key ? "7c 45" : "5c 41"), dice));
  return payloads;
}

class Model {
 public:
  Model(std::uint64_t seed, wire::Codec codec, const Network& network)
      : dice_(seed), bench_(codec, {kSps, kPps}) {
    Camera camera(static_cast<std::uint16_t>(dice_.U16()), dice_.U32());
    Instant sent = kStart;
    for (int i = 0; i < 300; ++i, sent += milliseconds(40)) {
      SentFrame frame;
      frame.keyframe = i % 12 == 0;
      frame.payloads = RandomFrame(codec, frame.keyframe, dice_);
      for (auto& packet : camera.Frame(frame.payloads)) {
        if (dice_.Below(100) < network.loss_percent) {
          if (packet.payload != kSps && packet.payload != kPps) frame.whole = false;
          continue;
        }
        const unsigned copies = dice_.Below(100) < network.duplicate_percent ? 2 : 1;
        for (unsigned c = 0; c < copies; ++c) {
          const auto late = milliseconds(dice_.Below(static_cast<std::size_t>(network.jitter_ms) + 1));
          deliveries_.push_back({sent + late, deliveries_.size(), packet});
        }
      }
      frames_.push_back(std::move(frame));
    }
    std::ranges::sort(deliveries_, [](const Delivery& a, const Delivery& b) {
      return std::pair(a.at, a.order) < std::pair(b.at, b.order);
    });
  }

  // What the assembler gave out, as indices of sent frames; a frame that was never sent fails the test.
  std::vector<std::size_t> Run() {
    std::vector<std::size_t> got;
    for (const Delivery& d : deliveries_) {
      WakeUntil(d.at);
      bench_.now = d.at;
      bench_.Push(d.packet);
      CHECK(bench_.assembler().bytes() <= kVideoWindowBytes);
      Collect(got);
    }
    WakeUntil(bench_.now + seconds(1));
    Collect(got);
    CHECK_FALSE(bench_.assembler().NextDeadline());
    return got;
  }

  // Every frame that is whole, from a whole keyframe on without a gap.
  std::vector<std::size_t> Expected() const {
    std::vector<std::size_t> expected;
    bool chain = false;
    for (std::size_t i = 0; i < frames_.size(); ++i) {
      chain = frames_[i].whole && (chain || frames_[i].keyframe);
      if (chain) expected.push_back(i);
    }
    return expected;
  }

 private:
  // Deadlines are met at their time, as an event loop would.
  void WakeUntil(Instant until) {
    while (true) {
      const auto deadline = bench_.assembler().NextDeadline();
      if (!deadline || *deadline > until) break;
      bench_.Wait(std::max(*deadline - bench_.now, Duration::zero()));
      REQUIRE(bench_.assembler().NextDeadline() != deadline);
    }
  }
  // A set that was lost is put back; one that wasn't may then be there twice.
  static bool Same(const std::vector<ByteVector>& sent, std::vector<ByteVector> got) {
    const auto twice = std::ranges::find(got, kSps);
    if (twice != got.end() && std::find(twice + 1, got.end(), kSps) != got.end()) got.erase(twice + 2);
    return sent == got;
  }
  void Collect(std::vector<std::size_t>& got) {
    for (const Got& frame : bench_.Take()) {
      const std::size_t from = got.empty() ? 0 : got.back() + 1;
      const auto found = std::find_if(frames_.begin() + static_cast<std::ptrdiff_t>(from), frames_.end(),
                                      [&](const SentFrame& s) { return Same(s.payloads, frame.payloads); });
      REQUIRE(found != frames_.end());
      CHECK(found->keyframe == frame.header.keyframe);
      got.push_back(static_cast<std::size_t>(found - frames_.begin()));
    }
  }

  test::Dice dice_;
  Bench bench_;
  std::vector<SentFrame> frames_;
  std::vector<Delivery> deliveries_;
};

void Check(const Network& network) {
  for (const auto codec : {wire::Codec::kH264, wire::Codec::kVp8}) {
    for (std::uint64_t run = 0; run < 12; ++run) {
      const std::uint64_t seed = test::Seed() + run;
      INFO("LATCHKEY_SEED=" << seed << " codec " << wire::CodecName(codec));
      Model model(seed, codec, network);
      CHECK(model.Run() == model.Expected());
    }
  }
}

TEST_CASE("assembler model: a good network loses nothing") {
  Check({0, 0, 0});
}
TEST_CASE("assembler model: reordering and duplicates within the hold lose nothing") {
  Check({0, 10, 80});
}
TEST_CASE("assembler model: after each loss exactly the decodable frames leave") {
  Check({3, 0, 0});
}
TEST_CASE("assembler model: loss, reordering and duplicates together") {
  Check({2, 5, 80});
}
TEST_CASE("assembler model: heavy loss") {
  Check({25, 5, 60});
}

}  // namespace
}  // namespace latchkey::frames
