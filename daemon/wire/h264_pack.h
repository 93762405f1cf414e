// Between whole NAL units and RTP payloads (RFC 6184, mode 1), and Annex B byte streams (H.264 annex B).
// For the tools; a lane passes payloads on as they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "daemon/base/bytes.h"

namespace latchkey::wire {

// Walks the NAL units between start codes (00 00 01, any zeros in front). Bytes before the first start
// code are skipped, empty NALs too.
class AnnexBReader {
 public:
  explicit AnnexBReader(ByteView stream) : rest_(stream) {}
  // A whole NAL with its header byte, without trailing zeros.
  std::optional<ByteView> Next();

 private:
  ByteView rest_;
};

// Cuts one NAL into payloads: as it is when it fits, FU-A otherwise (5.6, 5.8).
class H264Fragmenter {
 public:
  // `nal` with its header byte, not empty; `max_payload` at least kMinPayload.
  static constexpr std::size_t kMinPayload = 16;
  H264Fragmenter(ByteView nal, std::size_t max_payload);
  // Writes the next payload into `out`, which has room for max_payload bytes, and returns it. Fragments are
  // of nearly equal size. Nothing when the NAL is done.
  std::optional<ByteView> Next(MutableByteView out);
  [[nodiscard]] bool Done() const { return fragments_left_ == 0; }

 private:
  ByteView nal_;
  std::size_t position_ = 0;
  std::size_t fragments_left_ = 0;
};

// Cuts an Annex B access unit into payloads. AUD, filler and end-of-... NALs are left out: RTP says it
// better.
class H264Packetiser {
 public:
  H264Packetiser(ByteView access_unit, std::size_t max_payload);
  struct Payload {
    ByteView bytes;     // in `out`
    bool last = false;  // of the access unit: set the marker
  };
  std::optional<Payload> Next(MutableByteView out);

 private:
  void Advance();
  AnnexBReader reader_;
  std::size_t max_payload_;
  std::optional<ByteView> next_nal_;
  std::optional<H264Fragmenter> fragmenter_;
};

// Largest access unit put together again; a larger one is refused (an IDR of 4K is about 1 MiB).
constexpr std::size_t kH264MaxAccessUnit = 4 * 1024 * 1024;

// Puts payloads, given in order, together to an Annex B access unit.
class H264Depacketiser {
 public:
  // False when the payload is malformed, a fragment has no start or a NAL was cut short, or the bound is
  // reached: the unit is damaged, Clear() begins the next.
  [[nodiscard]] bool Push(ByteView payload);
  // The unit so far. False while a fragmented NAL is open or after damage.
  [[nodiscard]] bool Whole() const { return !open_ && !damaged_ && !unit_.empty(); }
  [[nodiscard]] const ByteVector& unit() const { return unit_; }
  void Clear();

 private:
  ByteVector unit_;
  bool open_ = false;
  bool damaged_ = false;
  std::uint8_t open_header_ = 0;
};

}  // namespace latchkey::wire
