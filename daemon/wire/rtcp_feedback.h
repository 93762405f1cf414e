// Requests to a sender: lost packets (generic NACK), a new picture (PLI, FIR).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "daemon/base/bytes.h"
#include "daemon/wire/rtcp.h"

namespace latchkey::wire {

// Generic NACK (RFC 4585 6.2.1): pairs of a packet id and a bit mask of the 16 that follow it.
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |  SSRC of packet sender                                        |
//   |  SSRC of media source                                         |
//   |  PID                          |  BLP                          | ...
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
struct Nack {
  std::uint32_t sender_ssrc = 0;
  std::uint32_t media_ssrc = 0;
  ByteView items;  // 4 bytes each, at least one

  // Calls visit(sequence) for each asked-for sequence number, at most 17 for every 4 bytes received.
  template <class Visitor>
  void ForEach(Visitor&& visit) const {
    ByteReader reader(items);
    while (reader.remaining() >= 4) {
      const std::uint16_t pid = reader.U16();
      const std::uint16_t mask = reader.U16();
      visit(pid);
      for (unsigned bit = 0; bit < 16; ++bit) {
        if ((mask >> bit) & 1U) visit(static_cast<std::uint16_t>(pid + bit + 1));
      }
    }
  }
};
std::optional<Nack> ParseNack(const RtcpBlock& block);
// `sequences` ascend (modulo 2^16), at least one. All are written in one block of at
// most 12 + 4 * sequences.size() bytes.
void WriteNack(std::uint32_t sender_ssrc, std::uint32_t media_ssrc, std::span<const std::uint16_t> sequences,
               ByteWriter& out);

// Picture loss indication (RFC 4585 6.3.1): the two SSRCs and nothing else.
struct Pli {
  std::uint32_t sender_ssrc = 0;
  std::uint32_t media_ssrc = 0;
};
std::optional<Pli> ParsePli(const RtcpBlock& block);
void WritePli(std::uint32_t sender_ssrc, std::uint32_t media_ssrc, ByteWriter& out);

// Full intra request (RFC 5104 4.3.1): for each source its SSRC and a number that a repetition repeats.
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |  SSRC of packet sender                                        |
//   |  SSRC of media source (0)                                     |
//   |  SSRC asked for                                               |
//   |  number       |  reserved                                     | ...
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
struct FirItem {
  std::uint32_t ssrc = 0;
  std::uint8_t number = 0;
};
struct Fir {
  std::uint32_t sender_ssrc = 0;
  ByteView items;  // 8 bytes each, at least one
  [[nodiscard]] std::size_t size() const { return items.size() / 8; }
  // Precondition: index < size().
  [[nodiscard]] FirItem operator[](std::size_t index) const;
};
std::optional<Fir> ParseFir(const RtcpBlock& block);
void WriteFir(std::uint32_t sender_ssrc, const FirItem& item, ByteWriter& out);

}  // namespace latchkey::wire
