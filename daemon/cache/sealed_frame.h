// Frames at rest: AES-256-GCM under the epoch's content key (DESIGN section 4, "content key").
//
//   nonce  (12)  = 0 (4) | frame number (8)      a number is sealed once in an epoch
//   additional data (68) =
//   +--------+-------------+-----------+----------+--------+-------+----------+
//   | format | camera (16) | epoch (8) | number(8)| stream | codec | keyframe |
//   +--------+-------------+-----------+----------+--------+-------+----------+
//   | timestamp (8) | captured (8) | arrived first (8) | whole (8) |
//   +---------------+--------------+-------------------+-----------+
//   sealed = ciphertext of the payload records | tag (16)
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "daemon/access/grant.h"
#include "daemon/base/bytes.h"
#include "daemon/base/secret.h"
#include "daemon/base/version.h"
#include "daemon/frames/frame.h"
#include "daemon/ports/crypto.h"

namespace latchkey::cache {

// Begins the additional data.
constexpr std::uint8_t kSealFormat = kCacheFormat;
static_assert(frames::kSealRoom == ports::kAeadTagSize);

// A frame that only its epoch's content key opens. The header is in the clear, and under the tag. Only
// SealKey makes one.
class SealedFrame {
 public:
  SealedFrame(SealedFrame&&) noexcept = default;
  SealedFrame& operator=(SealedFrame&&) noexcept = default;

  [[nodiscard]] const frames::FrameHeader& header() const { return header_; }
  // Ciphertext and tag.
  [[nodiscard]] ByteView bytes() const { return bytes_; }
  // What it costs in memory, whole, in bytes.
  [[nodiscard]] std::size_t footprint() const { return sizeof(SealedFrame) + bytes_.capacity(); }

 private:
  friend class SealKey;
  friend struct SealedFrameTestAccess;  // tests damage frames with it; defined nowhere else
  SealedFrame(const frames::FrameHeader& header, ByteVector bytes)
      : header_(header), bytes_(std::move(bytes)) {}

  frames::FrameHeader header_;
  ByteVector bytes_;
};

// Can only seal. One for each epoch, made from the content key, which it doesn't keep in another form than
// the cipher's own.
class SealKey {
 public:
  SealKey(ports::Crypto& crypto, Secret32 content_key);
  SealKey(SealKey&&) noexcept = default;
  SealKey& operator=(SealKey&&) noexcept = default;

  // In place. The header's number must be above every one sealed before (CHECKed: the nonce is made of it).
  [[nodiscard]] SealedFrame Seal(frames::PlainFrame frame);

 private:
  std::unique_ptr<ports::Aead> aead_;
  std::optional<FrameNumber> last_;
};

enum class OpenOutcome : std::uint8_t {
  kOpened,
  kStale,   // of another camera or epoch than the grant's: refused without a try
  kFailed,  // the tag does not verify. Nobody outside can cause it: suspend the camera, record it
};

// Where opened frames go: grows to the largest frame it met (at most frames::kMaxFrame), is used again and
// again, and is wiped at its end. One is enough for all viewers of a lane, used one after the other.
class OpenBuffer {
 public:
  OpenBuffer() = default;
  OpenBuffer(OpenBuffer&&) noexcept = default;
  OpenBuffer& operator=(OpenBuffer&&) noexcept = default;
  OpenBuffer(const OpenBuffer&) = delete;
  OpenBuffer& operator=(const OpenBuffer&) = delete;
  ~OpenBuffer();
  // Clears what was opened last, for a caller that will be idle.
  void Wipe();

 private:
  friend class OpenKey;
  MutableByteView Room(std::size_t size);
  ByteVector bytes_;
  std::size_t used_ = 0;
};

// Can only open, and only what the viewer's own grant is for (invariant 1).
class OpenKey {
 public:
  OpenKey(ports::Crypto& crypto, access::Grant&& grant);
  OpenKey(OpenKey&&) noexcept = default;
  OpenKey& operator=(OpenKey&&) noexcept = default;

  struct Opened {
    OpenOutcome outcome = OpenOutcome::kFailed;
    frames::PayloadRecords payloads;  // in the buffer, until its next use; empty unless kOpened
  };
  // Allocates only when the buffer never held so large a frame.
  [[nodiscard]] Opened Open(const SealedFrame& frame, OpenBuffer& buffer);

  [[nodiscard]] CameraId camera() const { return camera_; }
  [[nodiscard]] Epoch epoch() const { return epoch_; }
  [[nodiscard]] bool Allows(wire::Rights right) const {
    return (rights_ & static_cast<std::uint8_t>(right)) != 0;
  }
  // The end of the wrap; a key past it must not be used (the caller holds the clock).
  [[nodiscard]] WallTime not_after() const { return not_after_; }

 private:
  std::unique_ptr<ports::Aead> aead_;
  CameraId camera_;
  Epoch epoch_;
  std::uint8_t rights_ = 0;
  WallTime not_after_{};
};

}  // namespace latchkey::cache
