// Who a source is and that it leaves: SDES with CNAME alone, and BYE (RFC 3550 6.5, 6.6).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "daemon/base/bytes.h"
#include "daemon/wire/rtcp.h"

namespace latchkey::wire {

constexpr std::size_t kMaxCname = 255;

//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |  SSRC or CSRC of chunk 1                                      |
//   |  item type | length | text ...   | ... | 0 and padding to 32  |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
struct SdesChunk {
  std::uint32_t ssrc = 0;
  std::string_view cname;  // empty: this chunk has none. Other items are skipped.
};

// Reads chunk after chunk of an SDES whose every chunk was checked by ParseSdes().
class Sdes {
 public:
  std::optional<SdesChunk> Next();

 private:
  friend std::optional<Sdes> ParseSdes(const RtcpBlock& block);
  Sdes(ByteView body, std::uint8_t count) : reader_(body), left_(count) {}
  ByteReader reader_;
  std::uint8_t left_;
};
std::optional<Sdes> ParseSdes(const RtcpBlock& block);
// Precondition: cname is 1..255 bytes.
void WriteSdesCname(std::uint32_t ssrc, std::string_view cname, ByteWriter& out);

//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |  SC times SSRC ...  | optional: length, reason for leaving    |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
struct Bye {
  ByteView ssrcs;  // 4 bytes each
  std::string_view reason;
  [[nodiscard]] std::size_t size() const { return ssrcs.size() / 4; }
  [[nodiscard]] bool Contains(std::uint32_t ssrc) const;
};
std::optional<Bye> ParseBye(const RtcpBlock& block);
// At most 31 sources. No reason is given.
void WriteBye(std::span<const std::uint32_t> ssrcs, ByteWriter& out);

}  // namespace latchkey::wire
