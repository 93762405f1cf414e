// RTP payloads of H.264 (RFC 6184), packetisation modes 0 and 1: what a payload holds, without decoding.
//
//   single NAL    | F NRI type 1..23 | body ...
//   STAP-A  (24)  | F NRI 24 | size (16) | NAL | size (16) | NAL | ...
//   FU-A    (28)  | F NRI 28 | S E R type | fragment of the body ...
//
// Mode 2's types (STAP-B, MTAP, FU-B), type 0, 30 and 31 are refused, nested aggregation too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "daemon/base/bytes.h"

namespace latchkey::wire {

// nal_unit_type (H.264 table 7-1) and the payload types of RFC 6184 table 1.
namespace nal {
constexpr std::uint8_t kSlice = 1;
constexpr std::uint8_t kPartitionA = 2;
constexpr std::uint8_t kPartitionC = 4;
constexpr std::uint8_t kIdr = 5;
constexpr std::uint8_t kSei = 6;
constexpr std::uint8_t kSps = 7;
constexpr std::uint8_t kPps = 8;
constexpr std::uint8_t kAud = 9;
constexpr std::uint8_t kEndOfSequence = 10;
constexpr std::uint8_t kEndOfStream = 11;
constexpr std::uint8_t kFiller = 12;
constexpr std::uint8_t kPrefix = 14;
constexpr std::uint8_t kLastReserved = 18;  // 14..18 may begin an access unit (7.4.1.2.3)
constexpr std::uint8_t kLastSingle = 23;
constexpr std::uint8_t kStapA = 24;
constexpr std::uint8_t kStapB = 25;
constexpr std::uint8_t kMtap16 = 26;
constexpr std::uint8_t kMtap24 = 27;
constexpr std::uint8_t kFuA = 28;
constexpr std::uint8_t kFuB = 29;
}  // namespace nal

constexpr std::uint8_t NalType(std::uint8_t header) {
  return header & 0x1fU;
}
// 0: nothing refers to this picture.
constexpr std::uint8_t NalRefIdc(std::uint8_t header) {
  return (header >> 5U) & 3U;
}
constexpr bool IsVclNal(std::uint8_t type) {
  return type >= nal::kSlice && type <= nal::kIdr;
}

enum class H264SliceType : std::uint8_t { kP, kB, kI, kSp, kSi, kCount };

// A NAL unit or a piece of one, as a payload carries it.
struct H264NalPiece {
  std::uint8_t header = 0;  // NAL header byte; rebuilt for FU-A
  ByteView body;            // behind the NAL header; of FU-A the fragment
  bool first = false;       // the NAL begins here
  bool last = false;        // the NAL ends here
  [[nodiscard]] std::uint8_t type() const { return NalType(header); }
};

// Walks the NALs of a payload that ParseH264Payload() took.
class H264Payload {
 public:
  // The next piece, or nothing at the end.
  std::optional<H264NalPiece> Next();

 private:
  friend std::optional<H264Payload> ParseH264Payload(ByteView payload);
  explicit H264Payload(ByteView payload) : reader_(payload) {}
  ByteReader reader_;
  bool aggregate_ = false;
};

// Nothing when empty, with the forbidden bit set, of a refused type, or when a size of STAP-A is 0 or
// reaches past the end. A FU-A with start and end both set, which RFC 6184 5.8 forbids but cameras send,
// is taken as a whole NAL.
std::optional<H264Payload> ParseH264Payload(ByteView payload);

// first_mb_in_slice and slice_type of a slice (H.264 7.3.3), the body behind the NAL header.
struct H264SliceStart {
  std::uint32_t first_macroblock = 0;
  H264SliceType type = H264SliceType::kP;
};
std::optional<H264SliceStart> ParseH264SliceStart(ByteView nal_body);

// What one payload says of its picture.
struct H264PayloadInfo {
  bool idr = false;  // a piece of an IDR slice
  bool sps = false;
  bool pps = false;
  bool vcl = false;                 // a piece of any slice
  bool b_slice = false;             // the start of a B slice: browsers can't play it (no reordering)
  bool reference = false;           // a slice piece with nal_ref_idc > 0
  bool starts_picture = false;      // the start of a slice with first_mb_in_slice 0
  bool starts_access_unit = false;  // its first NAL can only be the first, or an AUD, SEI, SPS or PPS in
                                    // front, of an access unit (H.264 7.4.1.2.3)
  bool begins_nal = false;          // the first piece is the start of its NAL
  bool ends_nal = false;            // the last piece is the end of its NAL
};
// Nothing where ParseH264Payload() has nothing.
std::optional<H264PayloadInfo> InspectH264Payload(ByteView payload);

}  // namespace latchkey::wire
