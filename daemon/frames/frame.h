// Whole frames in clear: the payloads of one picture, or one packet of sound, as they will leave again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>

#include "daemon/base/bytes.h"
#include "daemon/base/ids.h"
#include "daemon/base/seq.h"
#include "daemon/base/time.h"
#include "daemon/wire/codec.h"

namespace latchkey::frames {

// Largest RTP payload that a frame holds, in bytes; larger ones of a camera are cut (repacketise.h), so that
// a viewer's datagram fits every path: 1200 + RTP header, extensions and tag stay below 1280.
constexpr std::size_t kMaxPayload = 1200;
// Largest frame, records included. A longer one is dropped: no decodable 1080p picture at
// a camera's bitrate comes near.
constexpr std::size_t kMaxFrame = 1024 * 1024;
// Most payload records of a frame: each is a packet to every viewer, and is named by 16 bits there. Twice
// what the largest window of a camera's packets needs when each is cut in two; aggregates of tiny NALs that
// come apart into more make a frame that is dropped like one too large.
constexpr std::size_t kMaxRecords = 8192;

struct FrameHeader {
  CameraId camera;
  Epoch epoch;
  FrameNumber number;  // given by the cache; 0 before
  wire::StreamKind stream = wire::StreamKind::kVideo;
  wire::Codec codec = wire::Codec::kH264;
  bool keyframe = false;        // a viewer may begin here; false for sound
  ExtendedTimestamp timestamp;  // the camera's RTP time, units of the codec's clock, unwrapped
  Instant captured;             // the hub's estimate (capture_clock.h), never after arrived_first
  Instant arrived_first;        // arrival of the frame's first packet
  Instant whole;                // when its last piece was there, or its end was known
  // The camera's RTP timestamp as it was on the wire.
  [[nodiscard]] std::uint32_t rtp_timestamp() const { return timestamp.Wire(); }
  friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};

// The payload records of a frame, in sending order:
//
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-
//   |  length (16)  | payload (1..1200)  | length (16) | payload ...
//
// The bytes are our own (made by FrameBuilder, kept by the cache under a tag), so a bad record is CHECKed.
class PayloadRecords {
 public:
  static constexpr std::size_t kLengthSize = 2;

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = ByteView;
    using difference_type = std::ptrdiff_t;
    using pointer = const ByteView*;
    using reference = ByteView;

    Iterator() = default;
    explicit Iterator(ByteView rest) : rest_(rest) {}
    ByteView operator*() const { return rest_.subspan(kLengthSize, Length()); }
    Iterator& operator++() {
      rest_ = rest_.subspan(kLengthSize + Length());
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    // This record is the last: the marker bit goes here.
    [[nodiscard]] bool IsLast() const { return rest_.size() == kLengthSize + Length(); }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.rest_.size() == b.rest_.size(); }

   private:
    [[nodiscard]] std::size_t Length() const {
      LATCHKEY_CHECK(rest_.size() > kLengthSize);
      const auto length = static_cast<std::size_t>((unsigned{rest_[0]} << 8U) | rest_[1]);
      LATCHKEY_CHECK(length > 0 && length <= rest_.size() - kLengthSize);
      return length;
    }
    ByteView rest_;
  };

  PayloadRecords() = default;
  explicit PayloadRecords(ByteView bytes) : bytes_(bytes) {}
  [[nodiscard]] Iterator begin() const { return Iterator(bytes_); }
  [[nodiscard]] Iterator end() const { return Iterator(ByteView{}); }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  // Records and their lengths together, in bytes.
  [[nodiscard]] std::size_t bytes() const { return bytes_.size(); }
  // Counts by walking.
  [[nodiscard]] std::size_t Count() const;

 private:
  ByteView bytes_;
};

// A whole frame in clear. Lives from the assembler to the cache's Insert() and is wiped at its end.
class PlainFrame {
 public:
  PlainFrame(PlainFrame&& other) noexcept : header(other.header), records_(std::move(other.records_)) {
    other.records_.clear();
  }
  PlainFrame& operator=(PlainFrame&& other) noexcept;
  PlainFrame(const PlainFrame&) = delete;
  PlainFrame& operator=(const PlainFrame&) = delete;
  ~PlainFrame();

  [[nodiscard]] PayloadRecords payloads() const { return PayloadRecords(records_); }
  // Hands the records over, with capacity for kSealRoom more bytes; the frame is empty afterwards. For
  // cache::SealKey, which encrypts them in place.
  [[nodiscard]] ByteVector TakeRecords() && { return std::exchange(records_, {}); }

  FrameHeader header;

 private:
  friend class FrameBuilder;
  PlainFrame(const FrameHeader& h, ByteVector records) : header(h), records_(std::move(records)) {}

  ByteVector records_;
};

// Room behind the records for an AEAD tag.
constexpr std::size_t kSealRoom = 16;

// Collects payloads into one allocation of the right size.
class FrameBuilder {
 public:
  // `payload_bytes` and `payload_count`: what will be added, so that nothing is copied twice. More is allowed
  // and costs a move (the old place is wiped).
  FrameBuilder(std::size_t payload_bytes, std::size_t payload_count);
  FrameBuilder(const FrameBuilder&) = delete;
  FrameBuilder& operator=(const FrameBuilder&) = delete;
  ~FrameBuilder();

  // 1..kMaxPayload bytes.
  void Add(ByteView payload);
  [[nodiscard]] std::size_t bytes() const { return records_.size(); }
  // Payloads added so far.
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] PlainFrame Build(const FrameHeader& header) &&;

 private:
  ByteVector records_;
  std::size_t count_ = 0;
};

}  // namespace latchkey::frames
