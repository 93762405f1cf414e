// Audio to Opus: 48 kHz, 20 ms packets, one or two channels (RFC 7587).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "daemon/base/bytes.h"
#include "daemon/base/result.h"
#include "daemon/base/time.h"

struct AVFrame;

namespace latchkey::media {

constexpr int kOpusRate = 48000;
constexpr int kOpusSamples = 960;  // 20 ms, per channel

class OpusEncoder {
 public:
  // One packet and the media time of its first sample.
  using PacketCallback = std::function<void(ByteVector packet, Duration media_time)>;

  // 1 or 2 channels.
  static Result<OpusEncoder> Make(int channels);
  OpusEncoder(OpusEncoder&&) noexcept;
  OpusEncoder& operator=(OpusEncoder&&) noexcept;
  ~OpusEncoder();

  // Decoded audio of any rate, format and layout. `media_time` is that of its first sample; a jump of more
  // than kResync against what was counted moves the output there.
  static constexpr Duration kResync = milliseconds{100};
  Status Push(const AVFrame& frame, Duration media_time, const PacketCallback& packet);
  // Interleaved samples at 48 kHz, as many for each channel.
  Status PushSamples(std::span<const float> samples, Duration media_time, const PacketCallback& packet);

 private:
  struct Impl;
  explicit OpusEncoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace latchkey::media
