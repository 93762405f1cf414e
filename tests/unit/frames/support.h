// A camera's packets, and the assembler that gets them.
#pragma once

#include <vector>

#include "daemon/frames/assembler.h"
#include "tests/support/catch.h"
#include "tests/support/gate_feed.h"

namespace latchkey::frames {

using test::Hex;
using test::kStart;

constexpr CameraId kCamera{CameraId::Bytes{1, 2, 3}};
constexpr Epoch kEpoch{5};

// NAL units with real slice headers: first_mb_in_slice ue(v), slice_type ue(v), then filling.
inline ByteVector Nal(std::string_view head, std::size_t filling = 20) {
  ByteVector nal = Hex(head);
  for (std::size_t i = 0; i < filling; ++i) nal.push_back(static_cast<std::uint8_t>(0x80U + i % 100));
  return nal;
}
inline const ByteVector kSps = Hex("67 42 e0 1f 96 54 05 01 ed 80");
inline const ByteVector kPps = Hex("68 ce 3c 80");
inline ByteVector Idr(std::size_t n = 20) {
  return Nal("65 88", n);
}  // first_mb 0, I
inline ByteVector IdrSecond(std::size_t n = 20) {
  return Nal("65 42 20", n);
}  // first_mb 1, I
inline ByteVector P(std::size_t n = 20) {
  return Nal("41 98", n);
}
inline ByteVector PSecond(std::size_t n = 20) {
  return Nal("41 4c", n);
}  // first_mb 1, P
inline ByteVector B(std::size_t n = 20) {
  return Nal("01 9c", n);
}

struct SentPacket {
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  bool marker = false;
  ByteVector payload;
};

// Numbers packets as a camera does.
class Camera {
 public:
  explicit Camera(std::uint16_t first = 100, std::uint32_t timestamp = 9000)
      : sequence_(first), timestamp_(timestamp) {}
  // The packets of one frame, marker on the last; the next frame is 40 ms later.
  std::vector<SentPacket> Frame(std::vector<ByteVector> payloads, bool marker = true) {
    std::vector<SentPacket> packets;
    for (auto& payload : payloads) packets.push_back({sequence_++, timestamp_, false, std::move(payload)});
    packets.back().marker = marker;
    timestamp_ += 3600;
    return packets;
  }
  std::vector<SentPacket> Key() { return Frame({kSps, kPps, Idr()}); }
  std::vector<SentPacket> Delta() { return Frame({P()}); }
  void Skip(std::uint16_t n) { sequence_ = static_cast<std::uint16_t>(sequence_ + n); }

 private:
  std::uint16_t sequence_;
  std::uint32_t timestamp_;
};

struct Got {
  FrameHeader header;
  std::vector<ByteVector> payloads;
};

class Bench {
 public:
  explicit Bench(wire::Codec codec = wire::Codec::kH264, std::vector<ByteVector> sets = {})
      : feed_(codec), assembler_({kCamera, kEpoch, codec, milliseconds(100), std::move(sets)}) {}

  DropReason Push(const SentPacket& p) {
    const DropReason reason =
        assembler_.Push(feed_.Packet(p.sequence, p.timestamp, p.marker, p.payload, now), now);
    Drain();
    return reason;
  }
  void Push(const std::vector<SentPacket>& packets) {
    for (const auto& p : packets) Push(p);
  }
  void Wait(Duration d) {
    now += d;
    assembler_.HandleTimeout(now);
    Drain();
  }
  // Frames since the last call.
  std::vector<Got> Take() { return std::exchange(got_, {}); }
  std::size_t Count() { return Take().size(); }
  Assembler& assembler() { return assembler_; }

  Instant now = kStart;

 private:
  void Drain() {
    while (auto frame = assembler_.PollFrame()) {
      Got got{frame->header, {}};
      for (const ByteView payload : frame->payloads()) got.payloads.push_back(test::Copy(payload));
      got_.push_back(std::move(got));
    }
    CHECK(assembler_.IsConsistent());
  }
  test::GateFeed feed_;
  Assembler assembler_;
  std::vector<Got> got_;
};

}  // namespace latchkey::frames
