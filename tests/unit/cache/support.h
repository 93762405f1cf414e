// Frames to seal, and the real cipher.
#pragma once

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "daemon/access/grant.h"
#include "daemon/cache/jitter_cache.h"
#include "platform/crypto/openssl_crypto.h"
#include "tests/support/bytes.h"
#include "tests/support/catch.h"

namespace latchkey::cache {

constexpr CameraId kCamera{CameraId::Bytes{1, 2, 3}};
constexpr CameraId kOther{CameraId::Bytes{1, 2, 4}};
constexpr Instant kStart{seconds(1000)};
constexpr latchkey::WallTime kWall{seconds(1'700'000'000)};

inline Secret32 ContentKey(std::uint8_t seed) {
  std::array<std::uint8_t, 32> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(seed + i * 3);
  return Secret32(bytes);
}

class FixedEntropy final : public ports::Entropy {
 public:
  void Fill(std::span<std::uint8_t> out) override {
    for (auto& b : out) b = next_++;
  }

 private:
  std::uint8_t next_ = 1;
};

// What the lane gets of the keeper: a grant that opened.
inline access::Grant GrantFor(ports::Crypto& crypto, CameraId camera, Epoch epoch,
                              const Secret32& content_key, std::uint8_t rights = 1) {
  FixedEntropy entropy;
  const Secret32 viewer_key = ContentKey(200);
  const access::WrapContext context{camera, epoch, {}, rights, kWall + std::chrono::minutes(10)};
  const auto wrap = access::WrapContentKey(crypto, entropy, viewer_key, content_key, context);
  auto grant = access::UnwrapGrant(crypto, viewer_key, wrap, context, kWall);
  LATCHKEY_CHECK(grant.has_value());
  return std::move(*grant);
}

struct Shape {
  bool keyframe = false;
  std::size_t bytes = 1000;
  wire::StreamKind stream = wire::StreamKind::kVideo;
  std::uint8_t fill = 7;
};

inline frames::PlainFrame MakeFrame(CameraId camera, Epoch epoch, const Shape& shape,
                                    Instant whole = kStart) {
  frames::FrameBuilder builder(shape.bytes, (shape.bytes + frames::kMaxPayload - 1) / frames::kMaxPayload);
  for (std::size_t left = shape.bytes; left > 0;) {
    const std::size_t n = std::min(left, frames::kMaxPayload);
    builder.Add(ByteVector(n, shape.fill));
    left -= n;
  }
  frames::FrameHeader header;
  header.camera = camera;
  header.epoch = epoch;
  header.stream = shape.stream;
  header.codec = shape.stream == wire::StreamKind::kVideo ? wire::Codec::kH264 : wire::Codec::kOpus;
  header.keyframe = shape.keyframe;
  header.timestamp = {90000};
  header.captured = whole - milliseconds(5);
  header.arrived_first = whole - milliseconds(3);
  header.whole = whole;
  return std::move(builder).Build(header);
}

}  // namespace latchkey::cache
